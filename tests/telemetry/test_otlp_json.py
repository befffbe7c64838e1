"""OTLP in JSON: what Triton really sends is understood, other exporters' habits too, and nothing crashes the parser."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.telemetry.receiver.otlp_json import parse_json
from tidegate.telemetry.receiver.payload import MalformedPayload
from tidegate.telemetry.span_record import SpanMoment, SpanReference, SpanRole, SpanStatus

CAPTURED = Path(__file__).parent / "captured" / "triton_2_51_grpc_infer.json"
TRACE, SPAN, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "53ce929d0e0e4736"


def body(span: dict[str, Any], **resource: Any) -> bytes:
    return json.dumps({"resourceSpans": [{**resource, "scopeSpans": [{"spans": [span]}]}]}).encode()


def test_tritons_own_spans_are_read_and_join_the_callers_trace() -> None:
    """Captured from Triton 2.51 answering one gRPC request that carried a `traceparent`."""
    payload = parse_json(CAPTURED.read_bytes())
    compute, model, infer = payload.spans
    assert payload.rejected == 0
    assert {span.trace_id for span in payload.spans} == {"1af7651916cd43dd8448eb211c80319c"}
    assert {span.service for span in payload.spans} == {"tidegate-triton"}
    assert (infer.name, model.name, compute.name) == ("InferRequest", "double", "compute")
    assert infer.parent_span_id == "b7ad6b7169203332"
    assert (model.parent_span_id, compute.parent_span_id) == (infer.span_id, model.span_id)
    assert compute.end_ns - compute.start_ns == 398_423
    assert model.attributes["triton.model_version"] == 1
    assert compute.moments[0] == SpanMoment("COMPUTE_START", compute.start_ns)


def test_a_span_in_the_specifications_form_is_read_whole() -> None:
    span = {
        "traceId": TRACE.upper(),
        "spanId": SPAN,
        "parentSpanId": PARENT,
        "name": "n",
        "kind": 3,
        "startTimeUnixNano": "1000",
        "endTimeUnixNano": "2500",
        "status": {"code": 2, "message": "not kept"},
        "links": [{"traceId": TRACE, "spanId": PARENT}, {"traceId": "?", "spanId": PARENT}],
        "attributes": [
            {"key": "text", "value": {"stringValue": "a"}},
            {"key": "flag", "value": {"boolValue": False}},
            {"key": "number", "value": {"intValue": "7"}},
            {"key": "real", "value": {"doubleValue": 1}},
            {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}]}}},
            {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
            {"key": "none", "value": {}},
            {"key": "huge", "value": {"intValue": "99999999999999999999999"}},
        ],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]}
    (record,) = parse_json(body(span, resource=resource)).spans
    assert (record.trace_id, record.span_id, record.parent_span_id) == (TRACE, SPAN, PARENT)
    assert (record.start_ns, record.end_ns) == (1000, 2500)
    assert (record.role, record.status, record.service) == (SpanRole.CLIENT, SpanStatus.ERROR, "s")
    assert record.links == (SpanReference(TRACE, PARENT),)
    assert record.attributes == {
        "text": "a",
        "flag": False,
        "number": 7,
        "real": 1.0,
        "list": [1],
        "map": {"k": "v"},
        "none": None,
        "huge": None,
    }


@pytest.mark.parametrize(
    "variant",
    [
        {"startTimeUnixNano": 1000, "endTimeUnixNano": 2500.0},
        {"start_time_unix_nano": "1000", "end_time_unix_nano": "2500"},
        {"startTimeUnixNano": "1000", "endTimeUnixNano": "2500", "kind": "SPAN_KIND_SERVER"},
        {"startTimeUnixNano": "1000", "endTimeUnixNano": "2500", "status": {"code": "STATUS_CODE_OK"}},
        {
            "startTimeUnixNano": "1000",
            "endTimeUnixNano": "2500",
            "traceId": base64.b64encode(bytes.fromhex(TRACE)).decode(),
            "spanId": base64.b64encode(bytes.fromhex(SPAN)).decode(),
        },
    ],
)
def test_other_exporters_habits_are_understood(variant: dict[str, Any]) -> None:
    (record,) = parse_json(body({"traceId": TRACE, "spanId": SPAN, **variant})).spans
    assert (record.trace_id, record.span_id, record.start_ns, record.end_ns) == (TRACE, SPAN, 1000, 2500)
    assert record.role is (SpanRole.SERVER if "kind" in variant else SpanRole.UNSPECIFIED)
    assert record.status is (SpanStatus.OK if "status" in variant else SpanStatus.UNSET)


def test_a_missing_end_is_the_start_and_an_end_before_the_start_is_too() -> None:
    (open_ended,) = parse_json(body({"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "9"})).spans
    assert (open_ended.start_ns, open_ended.end_ns) == (9, 9)
    times = {"startTimeUnixNano": "9", "endTimeUnixNano": "4"}
    (backwards,) = parse_json(body({"traceId": TRACE, "spanId": SPAN, **times})).spans
    assert (backwards.start_ns, backwards.end_ns) == (9, 9)


@pytest.mark.parametrize(
    "span",
    [
        {"spanId": SPAN, "startTimeUnixNano": "1"},
        {"traceId": TRACE, "startTimeUnixNano": "1"},
        {"traceId": TRACE, "spanId": SPAN},
        {"traceId": "0" * 32, "spanId": SPAN, "startTimeUnixNano": "1"},
        {"traceId": TRACE, "spanId": "xyz", "startTimeUnixNano": "1"},
        {"traceId": TRACE, "spanId": 5, "startTimeUnixNano": "1"},
        {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": "1e400"},
        {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": str(2**64)},
    ],
)
def test_a_span_without_valid_ids_or_times_is_counted_and_left_out(span: dict[str, Any]) -> None:
    payload = parse_json(body(span))
    assert (payload.spans, payload.rejected) == ((), 1)


BROKEN = [b"", b"{", b"[]", b"7", b'{"resourceSpans": {}}', b'{"resourceSpans": [3]}', b"\xff"]


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_otlp_is_malformed(broken: bytes) -> None:
    with pytest.raises(MalformedPayload):
        parse_json(broken)


def test_an_empty_request_holds_nothing() -> None:
    assert parse_json(b"{}").spans == ()


_KEYS = ["key", "value", "stringValue", "intValue", "arrayValue", "values", "x"]
_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_JSON = st.recursive(
    st.none() | st.booleans() | _NUMBERS | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), children),
    max_leaves=8,
)
_TIMES = ("startTimeUnixNano", "endTimeUnixNano")
_FIELDS = (*_TIMES, "name", "kind", "status", "links", "attributes", "events", "parentSpanId")


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(_FIELDS, _JSON)))
def test_whatever_a_spans_fields_hold_the_parser_answers(fields: dict[str, Any]) -> None:
    payload = parse_json(body({"traceId": TRACE, "spanId": SPAN, **fields}))
    assert len(payload.spans) + payload.rejected == 1
