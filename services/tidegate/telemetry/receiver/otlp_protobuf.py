"""OTLP in protobuf, over gRPC or HTTP, to span records."""

from collections.abc import Iterable

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tidegate.telemetry.receiver.payload import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_LINKS,
    MAX_MOMENTS,
    MAX_TEXT_CHARACTERS,
    ROLES,
    SPAN_ID_BYTES,
    STATUSES,
    TRACE_ID_BYTES,
    MalformedPayload,
    MalformedSpan,
    Payload,
    checked_times,
)
from tidegate.telemetry.span_record import AttributeJson, SpanMoment, SpanRecord, SpanReference, SpanRole, SpanStatus


def parse_protobuf(body: bytes) -> Payload:
    """Reads an `ExportTraceServiceRequest`.

    Raises:
        MalformedPayload: These bytes aren't one.
    """
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise MalformedPayload("not an ExportTraceServiceRequest in protobuf") from error
    return payload_of(request)


def payload_of(request: ExportTraceServiceRequest) -> Payload:
    """The request's spans as records."""
    spans: list[SpanRecord] = []
    rejected = 0
    for resource_spans in request.resource_spans:
        service = _service(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                try:
                    spans.append(_record(span, service))
                except MalformedSpan:
                    rejected += 1
    return Payload(tuple(spans), rejected)


def _record(span: Span, service: str) -> SpanRecord:
    if not _is_id(span.trace_id, TRACE_ID_BYTES) or not _is_id(span.span_id, SPAN_ID_BYTES):
        raise MalformedSpan
    start_ns, end_ns = checked_times(span.start_time_unix_nano, span.end_time_unix_nano)
    return SpanRecord(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() if _is_id(span.parent_span_id, SPAN_ID_BYTES) else "",
        service=service,
        name=span.name[:MAX_TEXT_CHARACTERS],
        role=ROLES[span.kind] if 0 <= span.kind < len(ROLES) else SpanRole.UNSPECIFIED,
        start_ns=start_ns,
        end_ns=end_ns,
        status=STATUSES[span.status.code] if 0 <= span.status.code < len(STATUSES) else SpanStatus.UNSET,
        attributes=_attributes(span.attributes[:MAX_ATTRIBUTES]),
        links=tuple(
            SpanReference(link.trace_id.hex(), link.span_id.hex())
            for link in span.links[:MAX_LINKS]
            if _is_id(link.trace_id, TRACE_ID_BYTES) and _is_id(link.span_id, SPAN_ID_BYTES)
        ),
        moments=tuple(
            SpanMoment(event.name[:MAX_TEXT_CHARACTERS], event.time_unix_nano) for event in span.events[:MAX_MOMENTS]
        ),
    )


def _is_id(value: bytes, size: int) -> bool:
    return len(value) == size and any(value)


def _service(attributes: Iterable[KeyValue]) -> str:
    for attribute in attributes:
        if attribute.key == "service.name":
            return attribute.value.string_value[:MAX_TEXT_CHARACTERS]
    return ""


def _attributes(attributes: Iterable[KeyValue], depth: int = 0) -> dict[str, AttributeJson]:
    return {attribute.key[:MAX_TEXT_CHARACTERS]: _value(attribute.value, depth) for attribute in attributes}


def _value(value: AnyValue, depth: int) -> AttributeJson:  # noqa: PLR0911 - one return per type of the union
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value[:MAX_TEXT_CHARACTERS]
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bytes_value":
            return value.bytes_value.hex()[:MAX_TEXT_CHARACTERS]
        case "array_value" if depth < MAX_DEPTH:
            return [_value(item, depth + 1) for item in value.array_value.values[:MAX_ATTRIBUTES]]
        case "kvlist_value" if depth < MAX_DEPTH:
            return _attributes(value.kvlist_value.values[:MAX_ATTRIBUTES], depth + 1)
        case _:
            return None
