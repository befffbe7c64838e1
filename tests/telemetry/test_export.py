"""Losing spans is counted and said seldom."""

import logging
from collections.abc import Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from tidegate.telemetry.export import ForgivingExporter


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedExporter(SpanExporter):
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answer: SpanExportResult | Exception = SpanExportResult.FAILURE
        self.sent = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.sent += len(spans)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


SPANS = [ReadableSpan(name="n")] * 3


def losses(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    return [(record.message, record.__dict__["lost_spans"]) for record in caplog.records]


def test_losses_are_reported_once_an_interval_and_recovery_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, inner = Clock(), ScriptedExporter()
    exporter = ForgivingExporter(inner, report_interval_s=60, clock=clock)
    for clock.now_s in (0, 10, 59, 60):
        exporter.export(SPANS)
    assert losses(caplog) == [("trace_export_failed", 3), ("trace_export_failed", 12)]
    inner.answer = SpanExportResult.SUCCESS
    exporter.export(SPANS)
    exporter.export(SPANS)
    assert losses(caplog)[2:] == [("trace_export_recovered", 12)]


def test_an_exporter_that_raises_costs_its_spans_only(caplog: pytest.LogCaptureFixture) -> None:
    inner = ScriptedExporter()
    inner.answer = RuntimeError("broken")
    assert ForgivingExporter(inner).export(SPANS) is SpanExportResult.FAILURE
    assert losses(caplog) == [("trace_export_failed", 3)]


def test_after_its_end_nothing_is_sent() -> None:
    clock, inner = Clock(), ScriptedExporter()
    exporter = ForgivingExporter(inner, clock=clock)
    exporter.finish_within(2)
    exporter.export(SPANS)
    clock.now_s = 2
    assert exporter.export(SPANS) is SpanExportResult.FAILURE
    assert inner.sent == 3
