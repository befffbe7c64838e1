"""OTLP in protobuf to span records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from tidegate.telemetry.receiver.otlp_protobuf import parse_protobuf
from tidegate.telemetry.receiver.payload import MAX_ATTRIBUTES, MAX_TEXT_CHARACTERS, MalformedPayload, Payload
from tidegate.telemetry.span_record import SpanMoment, SpanReference, SpanRole, SpanStatus

TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))


def parsed(*spans: Span) -> Payload:
    service = KeyValue(key="service.name", value=AnyValue(string_value="s"))
    resource_spans = ResourceSpans(resource=Resource(attributes=[service]), scope_spans=[ScopeSpans(spans=spans)])
    return parse_protobuf(ExportTraceServiceRequest(resource_spans=[resource_spans]).SerializeToString())


def span_with(value: AnyValue) -> Span:
    return Span(trace_id=TRACE, span_id=SPAN, start_time_unix_nano=1, attributes=[KeyValue(key="k", value=value)])


def test_a_span_is_read_whole() -> None:
    span = Span(
        trace_id=TRACE,
        span_id=SPAN,
        parent_span_id=SPAN[::-1],
        name="n",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=5,
        end_time_unix_nano=8,
        status=Status(code=Status.STATUS_CODE_ERROR, message="not kept"),
        links=[Span.Link(trace_id=TRACE, span_id=SPAN), Span.Link(trace_id=b"short", span_id=SPAN)],
        events=[Span.Event(name="e", time_unix_nano=6)],
    )
    (record,) = parsed(span).spans
    assert (record.trace_id, record.span_id, record.parent_span_id) == (TRACE.hex(), SPAN.hex(), SPAN[::-1].hex())
    assert (record.name, record.service, record.start_ns, record.end_ns) == ("n", "s", 5, 8)
    assert (record.role, record.status) == (SpanRole.SERVER, SpanStatus.ERROR)
    assert record.links == (SpanReference(TRACE.hex(), SPAN.hex()),)
    assert record.moments == (SpanMoment("e", 6),)


def test_attribute_values_of_every_type_are_read() -> None:
    numbers = ArrayValue(values=[AnyValue(int_value=1), AnyValue(double_value=0.5)])
    pairs = KeyValueList(values=[KeyValue(key="flag", value=AnyValue(bool_value=True))])
    cases: list[tuple[AnyValue, object]] = [
        (AnyValue(array_value=numbers), [1, 0.5]),
        (AnyValue(kvlist_value=pairs), {"flag": True}),
        (AnyValue(bytes_value=b"\x01\xff"), "01ff"),
        (AnyValue(), None),
    ]
    for value, expected in cases:
        (record,) = parsed(span_with(value)).spans
        assert record.attributes == {"k": expected}


def test_long_texts_and_many_attributes_are_cut_off() -> None:
    (long,) = parsed(span_with(AnyValue(string_value="x" * (MAX_TEXT_CHARACTERS + 1)))).spans
    assert long.attributes == {"k": "x" * MAX_TEXT_CHARACTERS}
    many = [KeyValue(key=str(number), value=AnyValue(int_value=number)) for number in range(MAX_ATTRIBUTES + 1)]
    (wide,) = parsed(Span(trace_id=TRACE, span_id=SPAN, start_time_unix_nano=1, attributes=many)).spans
    assert len(wide.attributes) == MAX_ATTRIBUTES


def test_deeply_nested_values_are_left_out() -> None:
    value = AnyValue(int_value=1)
    for _ in range(20):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    (record,) = parsed(span_with(value)).spans
    depth, inner = 0, record.attributes["k"]
    while isinstance(inner, list):
        depth, inner = depth + 1, inner[0]
    assert depth == 6
    assert inner is None


def test_one_broken_span_does_not_cost_the_others() -> None:
    good = Span(trace_id=TRACE, span_id=SPAN, start_time_unix_nano=1)
    broken = [
        Span(trace_id=TRACE[:8], span_id=SPAN, start_time_unix_nano=1),
        Span(trace_id=TRACE, span_id=bytes(8), start_time_unix_nano=1),
        Span(trace_id=TRACE, span_id=SPAN),
        Span(trace_id=TRACE, span_id=SPAN, start_time_unix_nano=2**64 - 1),
    ]
    payload = parsed(*broken, good)
    assert (len(payload.spans), payload.rejected) == (1, 4)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_either_read_or_malformed(body: bytes) -> None:
    try:
        payload = parse_protobuf(body)
    except MalformedPayload:
        return
    assert isinstance(payload, Payload)


def test_what_is_no_protobuf_is_malformed() -> None:
    with pytest.raises(MalformedPayload):
        parse_protobuf(b"\xff\xff\xff")
