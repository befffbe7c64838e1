"""A batch shows in every sampled request's trace, once, and nowhere else."""

from collections.abc import Sequence

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from tests.telemetry.observed import Recording
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.propagation import current, header_if_sampled, remote_parent
from tidegate.telemetry.spans import span


def request(number: int, *, sampled: bool = True) -> TraceContext:
    return TraceContext(f"{number:032x}", f"{number:016x}", sampled=sampled)


def by_trace(spans: Sequence[ReadableSpan], number: int) -> list[ReadableSpan]:
    return [made for made in spans if made.context is not None and made.context.trace_id == number]


def links(of: ReadableSpan) -> list[tuple[int, int]]:
    return [(link.context.trace_id, link.context.span_id) for link in of.links]


def test_the_batch_span_is_the_first_sampled_requests_and_links_to_all(recording: Recording) -> None:
    requests = [request(1, sampled=False), request(2), request(3, sampled=False), request(4)]
    with batch_span(recording.tracer, SpanName.TEXT_SCORE, requests) as batch:
        with span(recording.tracer, SpanName.TRITON_INFER) as infer:
            assert current(infer).trace_id == request(2).trace_id
        batch.set_attributes({Attribute.TEXT_LENGTH: 120})
    infer_made, made = by_trace(recording.exporter.get_finished_spans(), 2)
    assert made.name == SpanName.TEXT_SCORE
    assert made.parent is not None
    assert made.parent.span_id == 2
    assert infer_made.parent == made.context
    assert links(made) == [(2, 2), (4, 4)]
    assert made.attributes == {
        Attribute.BATCH_SIZE: 4,
        Attribute.BATCH_SAMPLED: 2,
        Attribute.TEXT_LENGTH: 120,
    }


def test_every_other_sampled_request_gets_a_twin_that_links_to_the_batch_span(recording: Recording) -> None:
    with batch_span(
        recording.tracer, SpanName.TEXT_SCORE, [request(1), request(2), request(3, sampled=False)]
    ) as batch:
        batch.set_attributes({Attribute.DETECTOR_NAME: "text_harm"})
    spans = recording.exporter.get_finished_spans()
    (shared,) = by_trace(spans, 1)
    (twin,) = by_trace(spans, 2)
    assert shared.context is not None
    assert (twin.name, twin.start_time, twin.end_time) == (shared.name, shared.start_time, shared.end_time)
    assert twin.parent is not None
    assert twin.parent.span_id == 2
    assert links(twin) == [(1, shared.context.span_id)]
    assert twin.attributes == {**(shared.attributes or {}), Attribute.BATCH_SHARED: True}
    assert Attribute.BATCH_SHARED not in (shared.attributes or {})
    assert by_trace(spans, 3) == []


def test_a_request_with_two_texts_in_the_batch_gets_one_span(recording: Recording) -> None:
    with batch_span(recording.tracer, SpanName.TEXT_SCORE, [request(1), request(1), request(2), request(2)]):
        pass
    assert len(recording.names) == 2


def test_a_batch_without_a_sampled_request_leaves_no_span_even_inside_a_sampled_task(recording: Recording) -> None:
    """A batching loop's task inherits the context of whichever request started it."""
    token = attach(remote_parent(request(9)))
    try:
        with batch_span(recording.tracer, SpanName.TEXT_SCORE, [request(1, sampled=False)]) as batch:
            batch.set_attributes({Attribute.TEXT_LENGTH: 5})
            with span(recording.tracer, SpanName.TRITON_INFER) as infer:
                assert header_if_sampled(infer) is None
                assert current(infer) == request(1, sampled=False)
    finally:
        detach(token)
    assert recording.names == []


def test_an_empty_batch_leaves_no_span(recording: Recording) -> None:
    with (
        batch_span(recording.tracer, SpanName.TEXT_SCORE, []),
        span(recording.tracer, SpanName.TRITON_INFER),
    ):
        pass
    assert recording.names == []


def test_a_failed_batch_is_failed_in_every_trace_by_type_only(recording: Recording) -> None:
    with (
        pytest.raises(TimeoutError),
        batch_span(recording.tracer, SpanName.TEXT_SCORE, [request(1), request(2)]),
    ):
        raise TimeoutError("words of a user")
    spans = recording.exporter.get_finished_spans()
    assert len(spans) == 2
    for made in spans:
        assert made.status.status_code is StatusCode.ERROR
        assert (made.attributes or {})["error.type"] == "TimeoutError"
        assert "words of a user" not in made.to_json()
