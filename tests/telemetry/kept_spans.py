"""Spans as a receiver would read them, in this process: encoded when they end, decoded when a test asks."""

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as pb
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from tidegate.telemetry.otlp_spans import encoded
from tidegate.telemetry.recorded_span import RecordedSpan
from tidegate.telemetry.recorder import Recorder

_IS_REMOTE = pb.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK


class KeptSpans:
    """Keeps what ends."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.recorder = Recorder(self.take)

    def take(self, span: RecordedSpan) -> None:
        """Called by the recorder."""
        self._pieces.append(encoded(span))

    def get_finished_spans(self) -> tuple[ReadableSpan, ...]:
        """In the order in which they ended, twins after their batch's span."""
        return tuple(readable(span) for span in pb.ScopeSpans.FromString(b"".join(self._pieces)).spans)


def readable(span: pb.Span) -> ReadableSpan:
    """The same as the SDK's own."""
    parent = None
    if span.parent_span_id:
        parent = _context(span.trace_id, span.parent_span_id, is_remote=bool(span.flags & _IS_REMOTE))
    links = [
        Link(_context(each.trace_id, each.span_id, is_remote=bool(each.flags & _IS_REMOTE)), _facts(each))
        for each in span.links
    ]
    return ReadableSpan(
        name=span.name,
        context=_context(span.trace_id, span.span_id, is_remote=False),
        parent=parent,
        attributes=_facts(span),
        events=[Event(each.name, _facts(each), each.time_unix_nano) for each in span.events],
        links=links,
        kind=SpanKind(span.kind - 1),
        status=Status(StatusCode(span.status.code), span.status.message or None),
        start_time=span.start_time_unix_nano,
        end_time=span.end_time_unix_nano,
    )


def _context(trace_id: bytes, span_id: bytes, *, is_remote: bool) -> SpanContext:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), is_remote=is_remote, trace_flags=sampled)


def _facts(of: pb.Span | pb.Span.Event | pb.Span.Link) -> dict[str, AttributeValue]:
    return {each.key: _value(each.value) for each in of.attributes}


def _value(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case "array_value":
            return tuple(each.string_value for each in value.array_value.values)
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case _:
            return value.string_value
