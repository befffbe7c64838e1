"""Between our own `TraceContext` and OpenTelemetry's: how a trace goes into an envelope and comes out of one.

Needs the OpenTelemetry API only, because the client uses it too.
"""

from opentelemetry.context import Context
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorded_span import CarriedSpan, RecordedSpan

UNTRACED = TraceContext(trace_id="0" * 31 + "1", span_id="0" * 15 + "1", sampled=False)
"""For work that belongs to no request: valid, never sampled, so that nothing beneath it becomes a trace of its own."""


def remote_parent(parent: TraceContext) -> Context:
    """A fresh OpenTelemetry context in which this remote span is the current one."""
    return set_span_in_context(CarriedSpan(parent), Context())


def current(span: Span | None = None) -> TraceContext:
    """What to put into the next envelope: this span, or the one current in this task; `UNTRACED` if there is none."""
    span = span or get_current_span()
    if isinstance(span, RecordedSpan | CarriedSpan):
        return span.trace
    identity = span.get_span_context()
    if not identity.is_valid:
        return UNTRACED
    return TraceContext(
        trace_id=f"{identity.trace_id:032x}", span_id=f"{identity.span_id:016x}", sampled=identity.trace_flags.sampled
    )


def header_if_sampled(span: Span | None = None) -> str | None:
    """The W3C `traceparent` for this span, or None if its trace isn't recorded.

    For Triton, which traces every request that carries the header and ignores the flag in it (seen with 2.51).
    """
    context = current(span)
    return context.traceparent() if context.sampled else None
