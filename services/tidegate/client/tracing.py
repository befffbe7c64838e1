"""The client's part of a trace: its span, and the `traceparent` that it sends."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, get_current_span

from tidegate.telemetry.names import SpanName
from tidegate.telemetry.propagation import current
from tidegate.telemetry.spans import span

TRACEPARENT = "traceparent"


@contextmanager
def client_span(tracer: Tracer, name: SpanName) -> Iterator[Span]:
    """The client's span, beneath the application's own if there is one."""
    with span(tracer, name, kind=SpanKind.CLIENT) as made:
        yield made


def metadata() -> tuple[tuple[str, str], ...]:
    """The current span for gRPC metadata, the caller's sampled flag kept; nothing if the application does not trace."""
    traceparent = traceparent_of(get_current_span())
    return ((TRACEPARENT, traceparent),) if traceparent else ()


def started_span(tracer: Tracer) -> Span:
    """The span of one item of a stream, a trace of its own; whoever gets the answer ends it."""
    return tracer.start_span(SpanName.CLIENT_MODERATE_STREAM, context=Context(), kind=SpanKind.CLIENT)


def traceparent_of(span: Span) -> str:
    """As the W3C header; empty if the application does not trace."""
    return current(span).traceparent() if span.get_span_context().is_valid else ""
