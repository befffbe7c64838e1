"""Our tracer decides as OpenTelemetry's SDK does, and its spans keep to OpenTelemetry's API."""

import threading

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, StatusCode, TraceFlags, set_span_in_context

from tests.telemetry.kept_spans import KeptSpans
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.propagation import current
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.spans import entry_span, span

SAMPLED = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_a_new_trace_is_drawn_as_the_sdk_draws_it(ratio: float) -> None:
    recorder = Recorder(lambda _: None, root_ratio=ratio)
    sampler = TraceIdRatioBased(ratio)
    for _ in range(500):
        trace = current(recorder.root(SpanName.MODERATE))
        decided = sampler.should_sample(None, int(trace.trace_id, 16), SpanName.MODERATE).decision
        assert trace.sampled is (decided is Decision.RECORD_AND_SAMPLE)


def test_ids_are_valid_and_never_come_twice() -> None:
    kept = KeptSpans()
    for _ in range(500):
        kept.recorder.root(SpanName.MODERATE).end()
    contexts = [made.context for made in kept.get_finished_spans() if made.context]
    assert all(each.is_valid for each in contexts)
    assert len({each.trace_id for each in contexts}) == len({each.span_id for each in contexts}) == 500


def test_spans_of_other_makers_are_parents_too() -> None:
    kept = KeptSpans()
    above = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    kept.recorder.start_span("theirs", context=set_span_in_context(above, Context())).end()
    (made,) = kept.get_finished_spans()
    assert made.parent == above.get_span_context()


def test_opentelemetrys_own_ways_record_an_exceptions_type_and_not_its_message() -> None:
    kept = KeptSpans()
    with (
        pytest.raises(ValueError, match="words of a user"),
        kept.recorder.start_as_current_span("theirs", attributes={"a": 1}),
    ):
        raise ValueError("words of a user")
    (made,) = kept.get_finished_spans()
    assert [event.name for event in made.events] == ["exception"]
    assert "ValueError" in made.to_json()
    assert "words of a user" not in made.to_json()


def test_a_span_that_ended_changes_no_more_and_is_handed_over_once() -> None:
    kept = KeptSpans()
    made: Span = kept.recorder.root(SpanName.MODERATE, attributes={"a": 1})
    assert made.is_recording()
    made.end(made_ns := 2_000_000_000_000_000_000)
    made.end()
    made.set_attribute("b", 2)
    made.set_attributes({"c": 3})
    made.set_status(StatusCode.ERROR)
    made.add_event("late")
    made.update_name("late")
    assert not made.is_recording()
    (sent,) = kept.get_finished_spans()
    assert (sent.name, sent.attributes, sent.end_time, len(sent.events)) == (SpanName.MODERATE, {"a": 1}, made_ns, 0)
    assert sent.status.status_code is StatusCode.UNSET


def test_where_nothing_is_sent_a_callers_trace_goes_on_unchanged() -> None:
    with entry_span(Recorder(), SpanName.MODERATE, caller=SAMPLED) as entry, span(Recorder(), SpanName.PLAN) as plan:
        assert current(entry) == current(plan) == current() == SAMPLED
        assert not plan.is_recording()


def test_a_span_may_end_in_another_thread() -> None:
    kept = KeptSpans()
    made = kept.recorder.beneath(SAMPLED, SpanName.SPEECH_TURN, parent_is_remote=True)
    thread = threading.Thread(target=made.end)
    thread.start()
    thread.join()
    assert [each.name for each in kept.get_finished_spans()] == [SpanName.SPEECH_TURN]
