"""Starting and ending a span: the only way this code makes one.

OpenTelemetry's own `start_as_current_span` copies an exception's message and stack into the span, and messages can
quote user text. These record the exception's type and nothing else.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import SpanName
from tidegate.telemetry.recorded_span import CarriedSpan, RecordedSpan
from tidegate.telemetry.recorder import Recorder

ERROR_TYPE = "error.type"
"""OpenTelemetry's attribute for an exception's type."""


def span(
    tracer: Tracer,
    name: SpanName,
    *,
    parent: TraceContext | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> AbstractContextManager[Span]:
    """A span around the block, current within it.

    Beneath an unsampled parent no span is made: the parent stands in for it.

    Args:
        tracer: Of this process.
        name: From the declared names.
        parent: The span above, out of an envelope; None means the one current in this task.
        kind: CLIENT around a call to another process.
        attributes: Known at the start.
    """
    if parent is not None:
        return _begun(tracer, name, CarriedSpan(parent), Context(), kind=kind, attributes=attributes)
    context = otel_context.get_current()
    above = get_current_span(context)
    if _is_unsampled(above):
        return nullcontext(above)
    return _begun(tracer, name, above, context, kind=kind, attributes=attributes)


def entry_span(
    tracer: Tracer,
    name: SpanName,
    *,
    caller: TraceContext | None,
    kind: SpanKind = SpanKind.SERVER,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> AbstractContextManager[Span]:
    """The span with which a process takes up a request: the caller's next, or the root of a new trace.

    Only here are the sampling dice rolled, and only if there is no caller. Whatever the server's framework left in the
    task's context is not a parent.
    """
    above = INVALID_SPAN if caller is None else CarriedSpan(caller)
    return _begun(tracer, name, above, Context(), kind=kind, attributes=attributes)


def mark_failed(failed: Span, error: BaseException) -> None:
    """Marks the span as failed by the exception's type; the message stays out, as it may quote content."""
    failed.set_status(StatusCode.ERROR)
    failed.set_attribute(ERROR_TYPE, type(error).__name__)


class SpanBlock:
    """A span around a block: current within it, and at its end marked if it failed, and ended."""

    # A class, since a generator in `contextmanager` takes 2 µs more.
    __slots__ = ("_context", "_made", "_token")

    def __init__(self, made: Span, context: Context) -> None:
        self._made = made
        self._context = set_span_in_context(made, context)

    def __enter__(self) -> Span:
        self._token = otel_context.attach(self._context)
        return self._made

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        otel_context.detach(self._token)
        if error is not None:  # a cancelled hop is a failed hop
            mark_failed(self._made, error)
        self._made.end()


def _begun(
    tracer: Tracer,
    name: SpanName,
    above: Span,
    context: Context,
    *,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue] | None,
) -> SpanBlock:
    if _is_unsampled(above):
        made = above
    elif isinstance(tracer, Recorder):
        made = tracer.within(above, name, kind=kind, attributes=attributes)
    else:  # the application's own, in the client
        made = tracer.start_span(name, context=set_span_in_context(above, context), kind=kind, attributes=attributes)
    return SpanBlock(made, context)


def _is_unsampled(above: Span) -> bool:
    if isinstance(above, RecordedSpan):
        return False
    if isinstance(above, CarriedSpan):
        return not above.trace.sampled
    identity = above.get_span_context()
    return identity.is_valid and not identity.trace_flags.sampled
