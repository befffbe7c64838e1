"""The client's part of a trace: its span, and the `traceparent` that it sends."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Tracer, get_current_span

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


def item_span(tracer: Tracer, above: Span) -> Span:
    """The span of one item of a stream; whoever settles the item ends it.

    It is a trace of its own, linked to the span in which the stream was opened: ten thousand items in one trace can't
    be read. Beneath an unsampled span there is nothing to link, and that span stands in for it.
    """
    identity = above.get_span_context()
    if identity.is_valid and not identity.trace_flags.sampled:
        return NonRecordingSpan(identity)
    links = [Link(identity)] if identity.is_valid else None
    return tracer.start_span(SpanName.CLIENT_MODERATE_STREAM, context=Context(), kind=SpanKind.CLIENT, links=links)


def traceparent_of(span: Span) -> str:
    """As the W3C header; empty if the application does not trace."""
    return current(span).traceparent() if span.get_span_context().is_valid else ""
