"""Starting and ending a span: the only way this code makes one.

OpenTelemetry's own `start_as_current_span` copies an exception's message and stack into the span, and messages can
quote user text. These record the exception's type and nothing else.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.propagation import remote_parent

ERROR_TYPE = "error.type"
"""OpenTelemetry's attribute for an exception's type."""


@contextmanager
def span(
    tracer: Tracer,
    name: SpanName,
    *,
    parent: TraceContext | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[Span]:
    """A span around the block, current within it.

    Beneath an unsampled parent no span is made: the parent stands in for it, so the SDK is not entered at all.

    Args:
        tracer: Of this process's provider.
        name: From the declared names.
        parent: The span above, out of an envelope; None means the one current in this task.
        kind: CLIENT around a call to another process.
        attributes: Known at the start.
    """
    if parent is None and _is_unsampled(above := get_current_span()):
        yield above
        return
    context = otel_context.get_current() if parent is None else remote_parent(parent)
    with _current_span(tracer, name, context, kind=kind, attributes=attributes) as made:
        yield made


@contextmanager
def entry_span(
    tracer: Tracer,
    name: SpanName,
    *,
    caller: TraceContext | None,
    kind: SpanKind = SpanKind.SERVER,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Iterator[Span]:
    """The span with which a process takes up a request: the caller's next, or the root of a new trace.

    Only here are the sampling dice rolled, and only if there is no caller. Whatever the server's framework left in the
    task's context is not a parent.
    """
    context = Context() if caller is None else remote_parent(caller)
    with _current_span(tracer, name, context, kind=kind, attributes=attributes) as made:
        yield made


def mark_failed(failed: Span, error: BaseException) -> None:
    """Marks the span as failed by the exception's type; the message stays out, as it may quote content."""
    failed.set_status(Status(StatusCode.ERROR))
    failed.set_attribute(ERROR_TYPE, type(error).__name__)


def _is_unsampled(above: Span) -> bool:
    identity = above.get_span_context()
    return identity.is_valid and not identity.trace_flags.sampled


@contextmanager
def _current_span(
    tracer: Tracer,
    name: SpanName,
    context: Context,
    *,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue] | None,
) -> Iterator[Span]:
    above = get_current_span(context)
    if _is_unsampled(above):
        token = otel_context.attach(context)
        try:
            yield above
        finally:
            otel_context.detach(token)
        return
    made = tracer.start_span(name, context=context, kind=kind, attributes=attributes)
    token = otel_context.attach(set_span_in_context(made, context))
    try:
        yield made
    except BaseException as error:  # a cancelled hop is a failed hop
        mark_failed(made, error)
        raise
    finally:
        otel_context.detach(token)
        made.end()
