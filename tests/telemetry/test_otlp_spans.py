"""What we send is what OpenTelemetry's own exporter would send, byte for byte."""

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2 as pb
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from tests.telemetry.kept_spans import KeptSpans, readable
from tidegate.moderation.item import Surface
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.otlp_spans import Envelope, encoded
from tidegate.telemetry.recorded_span import CarriedSpan, RecordedSpan, identity_of

PARENT = TraceContext("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled=True)
OTHER = TraceContext("0bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b8", sampled=True)
STARTED_NS, ENDED_NS = 1_790_000_000_123_456_789, 1_790_000_000_223_456_789
EVERY_KIND_OF_VALUE: dict[str, AttributeValue] = {
    Attribute.SURFACE: Surface.COMMENT,
    Attribute.MARKET: "DE",
    Attribute.PART_COUNT: 1,
    Attribute.DECISION_REPEATED: True,
    Attribute.BATCH_SHARED: False,
    Attribute.TEXT_LENGTH: 70_000,
    Attribute.EVENT_COUNT: 0,
    "negative": -1,
    "large": 2**62,
    Attribute.BUDGET_MS: 249.317,
    "nothing": 0.0,
    Attribute.RULES_FIRED: ("hate-high", "spam"),
    Attribute.DETECTORS: ["text_harm"],
    "none": (),
    "numbers": (1, 2),
    "truths": (True, False),
    "text": "ä" * 200,
    "empty": "",
    "bytes": b"\x00\xff",
    "map": {"a": 1, "b": ("c",)},
}


def span(
    parent: TraceContext | None = PARENT,
    *,
    is_remote: bool = True,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: dict[str, AttributeValue] | None = None,
    links: tuple[TraceContext | Link, ...] = (),
) -> RecordedSpan:
    return RecordedSpan(
        SpanName.GATHER,
        parent,
        lambda _: None,
        trace_id=PARENT.trace_id,
        parent_is_remote=is_remote,
        kind=kind,
        attributes=attributes,
        links=links,
        started_ns=STARTED_NS,
    )


def by_the_sdk(of: RecordedSpan, parent: TraceContext | None, links: tuple[Link, ...] = ()) -> bytes:
    """Field 2 of a `ScopeSpans`."""
    made = ReadableSpan(
        name=of.name,
        context=of.get_span_context(),
        parent=identity_of(parent, is_remote=of.parent_is_remote) if parent else None,
        attributes=of.attributes,
        events=[Event(name, attributes, at_ns) for name, at_ns, attributes in of.moments or ()],
        links=links,
        kind=of.kind,
        status=Status(of.status, of.status_text or None),
        start_time=of.started_ns,
        end_time=of.ended_ns,
    )
    (of_resource,) = encode_spans([made]).resource_spans
    return pb.ScopeSpans(spans=of_resource.scope_spans[0].spans).SerializeToString()


def test_every_kind_of_value_is_written_as_the_sdk_writes_it() -> None:
    made = span(attributes=EVERY_KIND_OF_VALUE)
    made.end(ENDED_NS)
    expected = by_the_sdk(made, PARENT)
    assert encoded(made) == expected
    assert encoded(made) == expected, "from memory"


def test_values_that_are_equal_but_of_other_types_are_not_mixed_up() -> None:
    for value in (1, True, 1.0, (1,), (True,), (1.0,), ("1",), "1"):
        made = span(attributes={"one": value})
        made.end(ENDED_NS)
        assert encoded(made) == by_the_sdk(made, PARENT)


def test_roots_children_and_remote_children_of_every_kind() -> None:
    for kind in SpanKind:
        for parent, is_remote in ((None, False), (PARENT, False), (PARENT, True)):
            made = span(parent, is_remote=is_remote, kind=kind)
            made.end(ENDED_NS)
            assert encoded(made) == by_the_sdk(made, parent)


def test_links_of_ours_and_of_opentelemetrys() -> None:
    local = SpanContext(5, 6, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    made = span(links=(PARENT, OTHER, Link(local, {"why": "batch"})))
    made.add_link(identity_of(OTHER, is_remote=True))
    made.end(ENDED_NS)
    remote = [Link(identity_of(each, is_remote=True)) for each in (PARENT, OTHER)]
    assert encoded(made) == by_the_sdk(made, PARENT, (*remote, Link(local, {"why": "batch"}), remote[1]))


def test_statuses_and_events() -> None:
    for status in (Status(StatusCode.OK), Status(StatusCode.ERROR), Status(StatusCode.ERROR, "what is known")):
        made = span()
        made.add_event("half", {"share": 0.5}, STARTED_NS + 1)
        made.set_status(status)
        made.end(ENDED_NS)
        assert encoded(made) == by_the_sdk(made, PARENT)


def test_a_twin_differs_from_its_batch_span_in_its_trace_its_link_and_its_mark() -> None:
    kept = KeptSpans()
    requests = [TraceContext(f"{number:032x}", f"{number:016x}", sampled=True) for number in range(1, 40)]
    with batch_span(kept.recorder, SpanName.TEXT_SCORE, requests, attributes={Attribute.TEXT_LENGTH: 7}) as made:
        made.set_attributes(EVERY_KIND_OF_VALUE)
    batch, *twins = kept.get_finished_spans()
    assert batch.context is not None
    assert [f"{twin.parent.span_id:016x}" for twin in twins if twin.parent] == [each.span_id for each in requests[1:]]
    for twin in twins:
        assert [link.context for link in twin.links] == [batch.context]
        assert {**(twin.attributes or {})} == {**(batch.attributes or {}), Attribute.BATCH_SHARED: True}
        alike = (twin.name, twin.kind, twin.start_time, twin.end_time, twin.status.status_code)
        assert alike == (batch.name, batch.kind, batch.start_time, batch.end_time, batch.status.status_code)
    assert len({twin.context.span_id for twin in twins if twin.context}) == len(twins)


def test_a_request_names_the_process_as_the_sdk_does() -> None:
    process = Resource.create({"service.name": "tidegate-router", "process.pid": 7})
    made = span(attributes=EVERY_KIND_OF_VALUE)
    made.end(ENDED_NS)
    request = Envelope(process.attributes, scope="tidegate").around([encoded(made)] * 600)
    (sent,) = pb.ScopeSpans.FromString(encoded(made)).spans
    expected = readable(sent)
    expected._resource, expected._instrumentation_scope = process, InstrumentationScope("tidegate")
    of_sdk = encode_spans([expected])
    of_ours = ExportTraceServiceRequest.FromString(request)
    assert len(of_ours.resource_spans[0].scope_spans[0].spans) == 600
    assert of_ours.resource_spans[0].resource == of_sdk.resource_spans[0].resource
    assert of_ours.resource_spans[0].scope_spans[0].scope == of_sdk.resource_spans[0].scope_spans[0].scope
    assert of_ours.SerializeToString() == request


def test_a_span_that_is_recorded_elsewhere_tells_its_identity() -> None:
    trace = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)
    told = repr(CarriedSpan(trace))
    assert "CarriedSpan" in told
    assert "0af7651916cd43dd8448eb211c80319c" in told
    assert "b7ad6b7169203331" in told
