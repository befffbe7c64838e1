"""Spans keep the caller's decision and say nothing of what an exception said."""

import asyncio

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.trace import StatusCode

from tests.telemetry.observed import Recording
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import current, remote_parent
from tidegate.telemetry.spans import entry_span, span

SAMPLED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
UNSAMPLED = TraceContext("0bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8", sampled=False)


def test_a_sampled_callers_trace_goes_on_beneath_its_span(recording: Recording) -> None:
    with (
        entry_span(recording.tracer, SpanName.MODERATE, caller=SAMPLED) as entry,
        span(recording.tracer, SpanName.PLAN, attributes={Attribute.SURFACE: "comment"}),
    ):
        envelope = current(entry)
    plan, moderate = recording.exporter.get_finished_spans()
    assert moderate.parent is not None
    assert f"{moderate.parent.span_id:016x}" == SAMPLED.span_id
    assert moderate.context is not None
    assert f"{moderate.context.trace_id:032x}" == SAMPLED.trace_id
    assert plan.parent == moderate.context
    assert plan.attributes == {"tidegate.surface": "comment"}
    assert envelope == TraceContext(SAMPLED.trace_id, f"{moderate.context.span_id:016x}", sampled=True)


def test_beneath_an_unsampled_caller_no_span_is_made_and_the_flag_goes_on(recording: Recording) -> None:
    with (
        entry_span(recording.tracer, SpanName.MODERATE, caller=UNSAMPLED) as entry,
        span(recording.tracer, SpanName.PLAN) as plan,
    ):
        assert current(entry) == current(plan) == current() == UNSAMPLED
        assert not plan.is_recording()
        with span(recording.tracer, SpanName.GATHER, parent=UNSAMPLED) as gather:
            assert current(gather) == UNSAMPLED
    assert recording.names == []


def test_without_a_caller_a_new_trace_begins_whatever_is_current(recording: Recording) -> None:
    """A server framework may have left a span in the task's context."""
    token = attach(remote_parent(UNSAMPLED))
    try:
        with entry_span(recording.tracer, SpanName.MODERATE, caller=None) as entry:
            assert current(entry).trace_id != UNSAMPLED.trace_id
    finally:
        detach(token)
    (moderate,) = recording.exporter.get_finished_spans()
    assert moderate.parent is None


def test_an_envelopes_parent_wins_over_the_current_span(recording: Recording) -> None:
    with (
        entry_span(recording.tracer, SpanName.MODERATE, caller=None),
        span(recording.tracer, SpanName.GATHER, parent=SAMPLED) as inner,
    ):
        assert current(inner).trace_id == SAMPLED.trace_id


def test_a_failure_is_recorded_by_type_and_never_by_message(recording: Recording) -> None:
    with pytest.raises(ValueError, match="words of a user"), span(recording.tracer, SpanName.PLAN):
        raise ValueError("words of a user")
    (plan,) = recording.exporter.get_finished_spans()
    assert plan.status.status_code is StatusCode.ERROR
    assert plan.attributes == {"error.type": "ValueError"}
    assert "words of a user" not in plan.to_json()


async def test_a_cancelled_hop_is_a_failed_hop_and_is_ended(recording: Recording) -> None:
    entered = asyncio.Event()

    async def hop() -> None:
        with span(recording.tracer, SpanName.GATHER):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hop())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (gather,) = recording.exporter.get_finished_spans()
    assert gather.attributes == {"error.type": "CancelledError"}


async def test_concurrent_tasks_nest_their_own_spans(recording: Recording) -> None:
    async def request(trace_id: str) -> None:
        with entry_span(recording.tracer, SpanName.MODERATE, caller=TraceContext(trace_id, "1" * 16, sampled=True)):
            await asyncio.sleep(0)
            with span(recording.tracer, SpanName.PLAN) as plan:
                await asyncio.sleep(0)
                assert current(plan).trace_id == trace_id

    await asyncio.gather(*(request(f"{number:032x}") for number in range(1, 6)))
    assert recording.names.count(SpanName.PLAN) == 5
