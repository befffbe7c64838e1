"""Spans wait for a receiver, in bounds; requests never do."""

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2 as pb

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.export import ForgivingSender
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.span_queue import SpanQueue

NEVER_MS = 3_600_000.0


class HeldSender:
    """A receiver that hangs until it is let go, then takes all."""

    def __init__(self) -> None:
        self.called = threading.Event()
        self.let_go = threading.Event()
        self.calls: list[list[str]] = []
        self.closed = False

    def send(self, spans: Sequence[bytes], *, count: int) -> bool:
        self.called.set()
        assert self.let_go.wait(60)
        names = [each.name for each in pb.ScopeSpans.FromString(b"".join(spans)).spans]
        assert len(names) == count
        self.calls.append(names)
        return True

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def receiver() -> Iterator[HeldSender]:
    made = HeldSender()
    yield made
    made.let_go.set()


def queue_to(receiver: HeldSender, *, max_spans: int, schedule_delay_ms: float = NEVER_MS) -> SpanQueue:
    sender = ForgivingSender(receiver)
    return SpanQueue(sender, schedule_delay_ms=schedule_delay_ms, max_spans=max_spans, flush_timeout_ms=60_000)


def made(queue: SpanQueue, *names: str) -> None:
    for name in names:
        Recorder(queue.take).root(name).end()


def test_what_is_queued_is_sent_at_the_end_in_order(receiver: HeldSender) -> None:
    receiver.let_go.set()
    queue = queue_to(receiver, max_spans=100)
    made(queue, "a", "b", "c")
    queue.shutdown()
    made(queue, "too late")
    queue.shutdown()
    assert receiver.calls == [["a", "b", "c"]]
    assert receiver.closed


def test_a_beat_sends_without_being_told(receiver: HeldSender) -> None:
    queue = queue_to(receiver, max_spans=100, schedule_delay_ms=1)
    made(queue, "a")
    assert receiver.called.wait(60)
    receiver.let_go.set()
    queue.shutdown()
    assert receiver.calls == [["a"]]


def test_a_queue_that_fills_is_sent_before_its_beat(receiver: HeldSender) -> None:
    queue = queue_to(receiver, max_spans=8)
    made(queue, "a", "b")
    assert receiver.called.wait(60)
    receiver.let_go.set()
    queue.shutdown()
    assert [name for names in receiver.calls for name in names] == ["a", "b"]


def test_while_a_receiver_hangs_the_oldest_are_dropped_and_counted(
    receiver: HeldSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    queue = queue_to(receiver, max_spans=4)
    made(queue, "on its way")
    queue._wake.set()
    assert receiver.called.wait(60)
    made(queue, *(str(number) for number in range(20)))  # returns, though nothing is taken
    receiver.let_go.set()
    queue.shutdown()
    assert [name for names in receiver.calls for name in names] == ["on its way", "16", "17", "18", "19"]
    assert [(record.message, record.__dict__["lost_spans"]) for record in caplog.records] == [
        ("trace_export_failed", 16)
    ]


def test_a_batchs_twins_count_as_spans(receiver: HeldSender, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    queue = queue_to(receiver, max_spans=4)
    made(queue, "on its way")
    queue._wake.set()
    assert receiver.called.wait(60)
    requests = [TraceContext(f"{number:032x}", f"{number:016x}", sampled=True) for number in (1, 2, 3)]
    for _ in range(2):
        with batch_span(Recorder(queue.take), SpanName.TEXT_SCORE, requests):
            pass
    receiver.let_go.set()
    queue.shutdown()
    assert [len(names) for names in receiver.calls] == [1, 3]
    assert [record.__dict__["lost_spans"] for record in caplog.records] == [3]


def test_a_span_that_can_not_be_encoded_costs_itself_only(
    receiver: HeldSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    receiver.let_go.set()
    queue = queue_to(receiver, max_spans=100)
    Recorder(queue.take).root("odd", attributes={"a": object()}).end()  # type: ignore[dict-item]  # that is the fault
    made(queue, "a")
    queue.shutdown()
    assert receiver.calls == [["a"]]
    assert [record.__dict__["lost_spans"] for record in caplog.records] == [1]


def test_many_spans_go_in_several_sendings(receiver: HeldSender) -> None:
    receiver.let_go.set()
    queue = queue_to(receiver, max_spans=50_000)
    made(queue, *("a" for _ in range(5_000)))
    queue.shutdown()
    assert [len(names) for names in receiver.calls] == [2_048, 2_048, 904]
