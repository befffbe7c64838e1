"""Traces as the whole stack makes them, with round numbers, for the tests of reading and drawing."""

from tidegate.telemetry.names import Attribute, SpanName, TritonSpanName
from tidegate.telemetry.span_record import AttributeJson, SpanRecord, SpanReference, SpanRole, SpanStatus

T0_NS = 1_795_000_000_000_000_000
A, B = "a" * 32, "b" * 32


def made(
    name: str,
    *,
    span_id: int,
    parent: int = 0,
    at_ms: float,
    ms: float,
    service: str = "tidegate-router",
    trace_id: str = A,
    status: SpanStatus = SpanStatus.UNSET,
    role: SpanRole = SpanRole.INTERNAL,
    attributes: dict[str, AttributeJson] | None = None,
    links: tuple[SpanReference, ...] = (),
) -> SpanRecord:
    start_ns = T0_NS + round(at_ms * 1e6)
    return SpanRecord(
        trace_id=trace_id,
        span_id=f"{span_id:016x}",
        parent_span_id=f"{parent:016x}" if parent else "",
        service=service,
        name=name,
        role=role,
        start_ns=start_ns,
        end_ns=start_ns + round(ms * 1e6),
        status=status,
        attributes={str(key): value for key, value in (attributes or {}).items()},
        links=links,
    )


def whole_trace() -> list[SpanRecord]:
    """One request that led a batch of eight."""
    text, features, triton = "tidegate-text", "tidegate-features", "tidegate-triton"
    decided: dict[str, AttributeJson] = {
        Attribute.SURFACE: "comment",
        Attribute.MARKET: "SE",
        Attribute.ACTION: "REVIEW",
        Attribute.COMPLETENESS: "COMPLETE",
        Attribute.POLICY_ID: "comments",
        Attribute.POLICY_VERSION: 3,
    }
    batch: dict[str, AttributeJson] = {Attribute.BATCH_SIZE: 8, Attribute.BATCH_SAMPLED: 2}
    return [
        made(SpanName.CLIENT_MODERATE, span_id=1, at_ms=0, ms=20, service="tidegate-client"),
        made(SpanName.MODERATE, span_id=2, parent=1, at_ms=2, ms=16, attributes=decided),
        made(SpanName.PLAN, span_id=3, parent=2, at_ms=2.2, ms=0.3),
        made(SpanName.GATHER, span_id=4, parent=2, at_ms=2.5, ms=12),
        made(SpanName.FEATURES_LOOKUP, span_id=5, parent=4, at_ms=3, ms=3, service=features, attributes=batch),
        made(SpanName.FEATURES_ONLINE_READ, span_id=6, parent=5, at_ms=3.5, ms=2, service=features),
        made(SpanName.TEXT_SCORE, span_id=7, parent=4, at_ms=3, ms=11, service=text, attributes=batch),
        made(SpanName.TRITON_INFER, span_id=8, parent=7, at_ms=5, ms=8, service=text),
        made(TritonSpanName.INFER_REQUEST, span_id=9, parent=8, at_ms=5.5, ms=7, service=triton),
        made("text_harm", span_id=10, parent=9, at_ms=5.6, ms=6.8, service=triton),
        made(TritonSpanName.COMPUTE, span_id=11, parent=10, at_ms=6, ms=6, service=triton),
        made(SpanName.POLICY_EVALUATE, span_id=12, parent=2, at_ms=14.6, ms=0.2),
        made(SpanName.SHADOW_EVALUATE, span_id=13, parent=2, at_ms=14.8, ms=0.2),
        made(SpanName.LEDGER_APPEND, span_id=14, parent=2, at_ms=15, ms=2.5),
    ]


def trace_of_the_batchs_other_request() -> list[SpanRecord]:
    """Request B, whose text was scored in A's batch; its caller reports elsewhere."""
    twin: dict[str, AttributeJson] = {Attribute.BATCH_SIZE: 8, Attribute.BATCH_SAMPLED: 2, Attribute.BATCH_SHARED: True}
    link = (SpanReference(A, f"{7:016x}"),)
    return [
        made(SpanName.MODERATE, span_id=21, parent=99, at_ms=1, ms=16, trace_id=B),
        made(SpanName.GATHER, span_id=22, parent=21, at_ms=1.5, ms=13, trace_id=B),
        made(
            SpanName.TEXT_SCORE,
            span_id=23,
            parent=22,
            at_ms=3,
            ms=11,
            service="tidegate-text",
            trace_id=B,
            attributes=twin,
            links=link,
        ),
        made(SpanName.LEDGER_APPEND, span_id=24, parent=21, at_ms=15, ms=1.5, trace_id=B),
    ]
