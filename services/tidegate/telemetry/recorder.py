"""The tracer of our processes: OpenTelemetry's API over spans that cost a request next to nothing.

It decides like the SDK with a `ParentBased(TraceIdRatioBased)` sampler. In place of a chain of processors each span is
handed to one taker as it ends. Needs the OpenTelemetry API only.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Tracer, get_current_span, use_span
from opentelemetry.util.types import Attributes, AttributeValue

from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.propagation import current
from tidegate.telemetry.recorded_span import CarriedSpan, RecordedSpan, fresh_span_id, fresh_trace_id

_LOW_64 = (1 << 64) - 1


class Recorder(Tracer):
    """Starts spans: recorded ones where the trace is sampled, else such as only carry the trace on."""

    def __init__(self, hand_over: Callable[[RecordedSpan], None] | None = None, *, root_ratio: float = 1.0) -> None:
        """Decides for one process whose spans are recorded.

        Args:
            hand_over: Takes each span that ends; called in whatever thread ends it. None records nothing.
            root_ratio: Share of the traces begun here that are sampled, 0 to 1.
        """
        self._hand_over = hand_over
        # As OpenTelemetry's TraceIdRatioBased draws it: by the id's lower half, so that processes agree.
        self._bound = round(root_ratio * (1 << 64)) if hand_over else 0

    def root(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
        started_ns: int | None = None,
    ) -> Span:
        """The first span of a new trace. Only here are the sampling dice rolled."""
        number = fresh_trace_id()
        trace_id = f"{number:032x}"
        if self._hand_over is None or number & _LOW_64 >= self._bound:
            return CarriedSpan(TraceContext(trace_id, fresh_span_id(), sampled=False), is_remote=False)
        return RecordedSpan(
            name,
            None,
            self._hand_over,
            trace_id=trace_id,
            kind=kind,
            attributes=attributes,
            links=links,
            started_ns=started_ns,
        )

    def beneath(
        self,
        parent: TraceContext,
        name: str,
        *,
        parent_is_remote: bool,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link | TraceContext] = (),
        twins: Sequence[TraceContext] = (),
        started_ns: int | None = None,
    ) -> Span:
        """A span in the parent's trace, if that is sampled; see `RecordedSpan` for what it takes."""
        if self._hand_over is None or not parent.sampled:
            return CarriedSpan(parent, is_remote=parent_is_remote)
        return RecordedSpan(
            name,
            parent,
            self._hand_over,
            trace_id=parent.trace_id,
            parent_is_remote=parent_is_remote,
            kind=kind,
            attributes=attributes,
            links=links,
            twins=twins,
            started_ns=started_ns,
        )

    def within(
        self,
        above: Span,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AttributeValue] | None = None,
        links: Sequence[Link] = (),
        started_ns: int | None = None,
    ) -> Span:
        """A span beneath another one, whoever made it; the root of a new trace if that is none."""
        if isinstance(above, RecordedSpan):
            parent, remote = above.trace, False
        elif isinstance(above, CarriedSpan):
            parent, remote = above.trace, above.is_remote
        elif (identity := above.get_span_context()).is_valid:
            parent, remote = current(above), identity.is_remote
        else:
            return self.root(name, kind=kind, attributes=attributes, links=links, started_ns=started_ns)
        return self.beneath(
            parent,
            name,
            parent_is_remote=remote,
            kind=kind,
            attributes=attributes,
            links=links,
            started_ns=started_ns,
        )

    def start_span(  # noqa: PLR0917 - OpenTelemetry's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - as above
    ) -> Span:
        """OpenTelemetry's way; `spans.span` and `batches.batch_span` are ours."""
        del record_exception, set_status_on_exception  # for `with` on the span itself, which only ends it
        above = get_current_span(context)
        return self.within(
            above, name, kind=kind, attributes=attributes, links=tuple(links or ()), started_ns=start_time
        )

    def start_as_current_span(  # type: ignore[override]  # noqa: PLR0917 - as above; `use_span` says less of its type
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - as above
        end_on_exit: bool = True,  # noqa: FBT001, FBT002 - as above
    ) -> AbstractContextManager[Span]:
        """OpenTelemetry's way. Of an exception the type is recorded; its message, which the API would add, is not."""
        del set_status_on_exception
        made = self.start_span(name, context, kind, attributes, links, start_time)
        return use_span(made, end_on_exit=end_on_exit, record_exception=record_exception, set_status_on_exception=False)
