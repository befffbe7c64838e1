"""Losing spans is counted and said seldom."""

import logging
from collections.abc import Sequence

import pytest

from tidegate.telemetry.export import ForgivingSender


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedSender:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer: bool | Exception = False
        self.sent = 0

    def send(self, spans: Sequence[bytes], *, count: int) -> bool:
        del spans
        self.sent += count
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        """Nothing to close."""


SPANS = [b""] * 2


def losses(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    return [(record.message, record.__dict__["lost_spans"]) for record in caplog.records]


def test_losses_are_reported_once_an_interval_and_recovery_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, inner = Clock(), ScriptedSender()
    sender = ForgivingSender(inner, report_interval_s=60, clock=clock)
    for clock.now_s in (0, 10, 59, 60):
        sender.send(SPANS, count=3)
    assert losses(caplog) == [("trace_export_failed", 3), ("trace_export_failed", 12)]
    inner.answer = True
    sender.send(SPANS, count=3)
    sender.send(SPANS, count=3)
    assert losses(caplog)[2:] == [("trace_export_recovered", 12)]


def test_a_sender_that_raises_costs_its_spans_only(caplog: pytest.LogCaptureFixture) -> None:
    inner = ScriptedSender()
    inner.answer = RuntimeError("broken")
    assert not ForgivingSender(inner).send(SPANS, count=3)
    assert losses(caplog) == [("trace_export_failed", 3)]


def test_after_its_end_nothing_is_sent() -> None:
    clock, inner = Clock(), ScriptedSender()
    sender = ForgivingSender(inner, clock=clock)
    sender.finish_within(2)
    sender.send(SPANS, count=3)
    clock.now_s = 2
    assert not sender.send(SPANS, count=3)
    assert inner.sent == 3
