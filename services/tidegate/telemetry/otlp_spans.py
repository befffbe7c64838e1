"""Spans to OTLP in protobuf, byte for byte as OpenTelemetry's exporter would write them.

Written by hand, since a message per span, attribute and value through protobuf's Python objects took more than half of
what a span cost (80 of 130 µs). Ids go from hex to bytes in one call; names and attributes, which come again and again,
are remembered as they are written. What is rare (events, links with attributes, texts of a status) is left to
protobuf's library. A test compares both. Source: opentelemetry-proto, `trace.proto` and `common.proto`, numbers of
fields below.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as pb
from opentelemetry.trace import Link, SpanKind, StatusCode
from opentelemetry.util.types import AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import Attribute
from tidegate.telemetry.recorded_span import Moment, RecordedSpan, fresh_span_id

_KINDS = {kind: kind.value + 1 for kind in SpanKind}
"""OTLP has "unspecified" before OpenTelemetry's kinds."""
_IDS_BYTES = 18 + 10 + 10
"""A trace's id, a span's and its parent's, each with two bytes before it."""
_TIMES = Struct("<BQBQ")
_DOUBLE = Struct("<d")
_STARTED, _ENDED = 7 << 3 | 1, 8 << 3 | 1
_LOCAL = bytes.fromhex("850100010000")
"""Field 16, flags, 32 bits: it is known whether the parent is remote, and it isn't."""
_REMOTE = bytes.fromhex("850100030000")
"""As above, and it is."""
_STATUSES = {
    StatusCode.UNSET: bytes.fromhex("7a00"),
    StatusCode.OK: bytes.fromhex("7a021801"),
    StatusCode.ERROR: bytes.fromhex("7a021802"),
}
"""Field 15, and in it field 3."""
_SEVEN_BITS, _MORE = 0x7F, 0x80
_REMEMBERED = 4_096
"""Attributes that are kept as written. Texts and numbers on spans are short, so this is about a megabyte at most."""


def encoded(span: RecordedSpan) -> bytes:
    """An ended span, and after it its twins, each as field 2 of a `ScopeSpans`."""
    # In hex: field 1, 16 bytes; field 2, 8 bytes; field 4, 8 bytes.
    ids = f"0a10{span.trace_id}1208{span.span_id}"
    if span.parent_span_id:
        ids += f"2208{span.parent_span_id}"
    name = _name(span.name, span.kind)
    times = _TIMES.pack(_STARTED, span.started_ns, _ENDED, span.ended_ns)
    attributes = _attributes(span.attributes)
    status = _status(span)
    body = b"".join(
        (
            bytes.fromhex(ids),
            name,
            times,
            attributes,
            _moments(span.moments) if span.moments else b"",
            _links(span.links) if span.links else b"",
            status,
            _REMOTE if span.parent_is_remote else _LOCAL,
        )
    )
    whole = b"\x12" + _length(len(body)) + body
    if not span.twins:
        return whole
    shared = _attributes({Attribute.BATCH_SHARED: True})
    to_batch = bytes.fromhex(f"6a210a10{span.trace_id}1208{span.span_id}3500010000")
    alike = b"".join((name, times, attributes, shared, to_batch, status, _REMOTE))
    return whole + _twins(span.twins, alike)


class Envelope:
    """What goes around spans of one process: its resource and the instrumentation scope, written once."""

    def __init__(self, attributes: Mapping[str, AttributeValue], *, scope: str) -> None:
        resource = Resource(attributes=_key_values(attributes))
        self._resource = pb.ResourceSpans(resource=resource).SerializeToString()
        self._scope = pb.ScopeSpans(scope=InstrumentationScope(name=scope)).SerializeToString()

    def around(self, spans: Iterable[bytes]) -> bytes:
        """An `ExportTraceServiceRequest` with these spans, each from `encoded`."""
        of_scope = self._scope + b"".join(spans)
        of_resource = b"".join((self._resource, b"\x12", _length(len(of_scope)), of_scope))  # field 2
        return b"".join((b"\x0a", _length(len(of_resource)), of_resource))  # field 1


def _twins(parents: Sequence[TraceContext], alike: bytes) -> bytes:
    head = (b"\x12" + _length(_IDS_BYTES + len(alike))).hex()
    return b"".join(
        [bytes.fromhex(f"{head}0a10{each.trace_id}1208{fresh_span_id()}2208{each.span_id}") + alike for each in parents]
    )


@lru_cache(_REMEMBERED)
def _name(name: str, kind: SpanKind) -> bytes:
    return pb.Span(name=name, kind=_KINDS[kind]).SerializeToString()  # type: ignore[arg-type]  # an enum's number


def _attributes(attributes: Mapping[str, AttributeValue]) -> bytes:
    return b"".join([_attribute(key, value) for key, value in attributes.items()])


def _attribute(key: str, value: AttributeValue) -> bytes:
    if isinstance(value, float):
        return _double(key) + _DOUBLE.pack(value)
    if isinstance(value, str | int):
        return _remembered(key, value)
    # Sequences of texts only: (True,) is equal to (1,), and is written otherwise.
    if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
        return _remembered(key, tuple(value))
    return _written(key, value)


@lru_cache(_REMEMBERED)
def _double(key: str) -> bytes:
    """All of an attribute with a floating-point number but for its last eight bytes."""
    return _written(key, 1.0)[: -_DOUBLE.size]


@lru_cache(_REMEMBERED, typed=True)  # typed, or True would be 1
def _remembered(key: str, value: AttributeValue) -> bytes:
    return _written(key, value)


def _written(key: str, value: AttributeValue) -> bytes:
    return pb.Span(attributes=[KeyValue(key=key, value=_value(value))]).SerializeToString()


def _value(value: AttributeValue) -> AnyValue:  # noqa: PLR0911 - one return per type of the union
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            return AnyValue(kvlist_value=KeyValueList(values=_key_values(value)))
        case _:
            return AnyValue(array_value=ArrayValue(values=[_value(each) for each in value]))


def _links(links: Sequence[Link | TraceContext]) -> bytes:
    return b"".join([_link(each) for each in links])


def _link(link: Link | TraceContext) -> bytes:
    if isinstance(link, TraceContext):  # field 13, 33 bytes: fields 1 and 2, and 32 bits in field 6
        return bytes.fromhex(f"6a210a10{link.trace_id}1208{link.span_id}3500030000")
    flags = 0x300 if link.context.is_remote else 0x100
    told = pb.Span.Link(
        trace_id=link.context.trace_id.to_bytes(16, "big"),
        span_id=link.context.span_id.to_bytes(8, "big"),
        attributes=_key_values(link.attributes or {}),
        flags=flags,
    )
    return pb.Span(links=[told]).SerializeToString()


def _moments(moments: Sequence[Moment]) -> bytes:
    told = [
        pb.Span.Event(name=name, time_unix_nano=at_ns, attributes=_key_values(facts)) for name, at_ns, facts in moments
    ]
    return pb.Span(events=told).SerializeToString()


def _key_values(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _status(span: RecordedSpan) -> bytes:
    if not span.status_text:
        return _STATUSES[span.status]
    status = pb.Status(code=span.status.value, message=span.status_text)  # type: ignore[arg-type]  # an enum's number
    return pb.Span(status=status).SerializeToString()


def _length(size: int) -> bytes:
    """Protobuf's varint: seven bits a byte, the lowest first, each byte but the last with its highest bit set."""
    written = bytearray()
    while size > _SEVEN_BITS:
        written.append(size & _SEVEN_BITS | _MORE)
        size >>= 7
    written.append(size)
    return bytes(written)
