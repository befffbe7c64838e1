"""OTLP in JSON to span records: what Triton's C++ exporter sends, and what other exporters make of the same mapping.

Lenient on purpose. By the specification ids are hex, 64-bit numbers are strings and names are in camelCase; exporters
also send numbers as numbers, ids in base64 (protobuf's own JSON mapping), enums by name and names in snake_case.
Source: OpenTelemetry protocol 1.x, "JSON Protobuf encoding".
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from tidegate.telemetry.receiver.payload import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_INTEGER,
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

JsonObject = dict[str, Any]


def parse_json(body: bytes) -> Payload:
    """Reads an `ExportTraceServiceRequest` in JSON.

    Raises:
        MalformedPayload: It isn't one.
    """
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedPayload("not valid JSON") from error
    if not isinstance(request, dict):
        raise MalformedPayload("not a JSON object")
    spans: list[SpanRecord] = []
    rejected = 0
    for resource_spans in _objects(request, "resourceSpans"):
        service = _service(resource_spans)
        for scope_spans in _objects(resource_spans, "scopeSpans"):
            for span in _objects(scope_spans, "spans"):
                try:
                    spans.append(_record(span, service))
                except MalformedSpan:
                    rejected += 1
    return Payload(tuple(spans), rejected)


def _record(span: JsonObject, service: str) -> SpanRecord:
    trace_id, span_id = _id(span, "traceId", TRACE_ID_BYTES), _id(span, "spanId", SPAN_ID_BYTES)
    if not trace_id or not span_id:
        raise MalformedSpan
    start_ns, end_ns = checked_times(_time(span, "startTimeUnixNano"), _time(span, "endTimeUnixNano"))
    status = _field(span, "status")
    links = [
        SpanReference(_id(link, "traceId", TRACE_ID_BYTES), _id(link, "spanId", SPAN_ID_BYTES))
        for link in _first_objects(span, "links", MAX_LINKS)
    ]
    return SpanRecord(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=_id(span, "parentSpanId", SPAN_ID_BYTES),
        service=service,
        name=_text(_field(span, "name")),
        role=_role(_field(span, "kind")),
        start_ns=start_ns,
        end_ns=end_ns,
        status=_status(_field(status, "code")) if isinstance(status, dict) else SpanStatus.UNSET,
        attributes=_attributes(span, "attributes"),
        links=tuple(link for link in links if link.trace_id and link.span_id),
        moments=tuple(
            SpanMoment(_text(_field(event, "name")), _time(event, "timeUnixNano"))
            for event in _first_objects(span, "events", MAX_MOMENTS)
        ),
    )


def _field(of: JsonObject, name: str) -> Any:
    if name in of:
        return of[name]
    return of.get("".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name))


def _objects(of: JsonObject, name: str) -> Iterator[JsonObject]:
    items = _field(of, name)
    if items is None:
        return
    if not isinstance(items, list):
        raise MalformedPayload(f"{name} is not an array")
    for item in items:
        if not isinstance(item, dict):
            raise MalformedPayload(f"an entry of {name} is not an object")
        yield item


def _first_objects(of: JsonObject, name: str, limit: int) -> list[JsonObject]:
    items = _field(of, name)
    return [item for item in items[:limit] if isinstance(item, dict)] if isinstance(items, list) else []


def _text(value: Any) -> str:
    return value[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else ""


def _id(of: JsonObject, name: str, size: int) -> str:
    """In lower-case hex; empty if missing, malformed or all zero."""
    value = _field(of, name)
    if not isinstance(value, str):
        return ""
    try:
        raw = bytes.fromhex(value) if len(value) == size * 2 else base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == size and any(raw) else ""


def _time(of: JsonObject, name: str) -> int:
    """0 if missing or unreadable."""
    value = _integer(_field(of, name))
    return value if value is not None and value > 0 else 0


def _integer(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= MAX_INTEGER else None


def _role(value: Any) -> SpanRole:
    if isinstance(value, str) and value.removeprefix("SPAN_KIND_") in SpanRole.__members__:
        return SpanRole(value.removeprefix("SPAN_KIND_"))
    number = _integer(value)
    return ROLES[number] if number is not None and 0 <= number < len(ROLES) else SpanRole.UNSPECIFIED


def _status(value: Any) -> SpanStatus:
    if isinstance(value, str) and value.removeprefix("STATUS_CODE_") in SpanStatus.__members__:
        return SpanStatus(value.removeprefix("STATUS_CODE_"))
    number = _integer(value)
    return STATUSES[number] if number is not None and 0 <= number < len(STATUSES) else SpanStatus.UNSET


def _service(resource_spans: JsonObject) -> str:
    resource = _field(resource_spans, "resource")
    name = _attributes(resource, "attributes").get("service.name") if isinstance(resource, dict) else None
    return name if isinstance(name, str) else ""


def _attributes(of: JsonObject, name: str, depth: int = 0) -> dict[str, AttributeJson]:
    return {
        _text(_field(entry, "key")): _value(_field(entry, "value"), depth)
        for entry in _first_objects(of, name, MAX_ATTRIBUTES)
    }


def _value(value: Any, depth: int) -> AttributeJson:  # noqa: PLR0911 - one return per type of the union
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return None
    for name in ("stringValue", "bytesValue"):
        if (text := _field(value, name)) is not None:
            return _text(text)
    if isinstance(flag := _field(value, "boolValue"), bool):
        return flag
    if (number := _field(value, "intValue")) is not None:
        return _integer(number)
    if isinstance(real := _field(value, "doubleValue"), int | float):
        return float(real)
    if isinstance(array := _field(value, "arrayValue"), dict):
        return [_value(item, depth + 1) for item in _first_objects(array, "values", MAX_ATTRIBUTES)]
    if isinstance(pairs := _field(value, "kvlistValue"), dict):
        return _attributes(pairs, "values", depth + 1)
    return None
