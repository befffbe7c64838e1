"""Our own two kinds of span behind OpenTelemetry's API: one that is recorded, and one that only stands for its trace.

The SDK's take 50 µs to start and end, and 80 more to encode (four attributes, medians of 7 on two busy cores); a router
that traces every request makes five an item. These hold what OTLP needs and nothing else. Needs the OpenTelemetry API
only: the client imports `propagation.py`, which knows them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from random import getrandbits

from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import Attributes, AttributeValue

from tidegate.moderation.tracing import TraceContext

_Attributes = Mapping[str, AttributeValue]
Moment = tuple[str, int, _Attributes]
"""An event on a span: its name, nanoseconds since 1970, attributes."""


def fresh_trace_id() -> int:
    """128 random bits, not all zero."""
    return getrandbits(128) or 1


def fresh_span_id() -> str:
    """64 random bits, not all zero, as 16 hex digits."""
    return f"{getrandbits(64) or 1:016x}"


def identity_of(trace: TraceContext, *, is_remote: bool) -> SpanContext:
    """As OpenTelemetry's, the sampled flag kept."""
    flags = TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=is_remote, trace_flags=flags)


class CarriedSpan(NonRecordingSpan):
    """Stands for a span that is recorded elsewhere, or nowhere. Its identity is read from hex only if asked for."""

    def __init__(self, trace: TraceContext, *, is_remote: bool = True) -> None:
        self.trace = trace
        """Where it stands."""
        self.is_remote = is_remote
        """Whether another process made it."""

    def get_span_context(self) -> SpanContext:
        """OpenTelemetry's identity of it."""
        return identity_of(self.trace, is_remote=self.is_remote)

    def __repr__(self) -> str:
        """Its identity; that of the base reads a field that isn't made here."""
        return f"CarriedSpan({self.get_span_context()!r})"


class RecordedSpan(Span):
    """A sampled span while it runs. When it ends it is handed over, once, and changes no more.

    Ids are hex digits, as in envelopes: nothing on a request's path reads or writes them more than once.
    """

    __slots__ = (
        "_hand_over",
        "_trace",
        "attributes",
        "ended_ns",
        "kind",
        "links",
        "moments",
        "name",
        "parent_is_remote",
        "parent_span_id",
        "span_id",
        "started_ns",
        "status",
        "status_text",
        "trace_id",
        "twins",
    )

    def __init__(
        self,
        name: str,
        parent: TraceContext | None,
        hand_over: "Callable[[RecordedSpan], None]",
        *,
        trace_id: str,
        parent_is_remote: bool = False,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: _Attributes | None = None,
        links: Sequence[Link | TraceContext] = (),
        twins: Sequence[TraceContext] = (),
        started_ns: int | None = None,
    ) -> None:
        """Starts it.

        Args:
            name: From the declared names.
            parent: The span above, or None for the root of a trace.
            hand_over: What takes it when it ends.
            trace_id: 32 hex digits.
            parent_is_remote: Whether another process made the parent.
            kind: OpenTelemetry's.
            attributes: Known at the start.
            links: Other spans; a `TraceContext` is one of another process.
            twins: Spans beneath which one like this is to appear too, see `batches.py`.
            started_ns: Nanoseconds since 1970; None means now.
        """
        self.name = name
        self.kind = kind
        self.trace_id = trace_id
        self.span_id = fresh_span_id()
        self.parent_span_id = "" if parent is None else parent.span_id
        self.parent_is_remote = parent_is_remote
        self.attributes: dict[str, AttributeValue] = dict(attributes) if attributes else {}
        self.links = links
        self.twins = twins
        self.moments: list[Moment] | None = None
        self.status = StatusCode.UNSET
        self.status_text = ""
        self.ended_ns = 0
        self._hand_over = hand_over
        self._trace: TraceContext | None = None
        self.started_ns = time.time_ns() if started_ns is None else started_ns

    @property
    def trace(self) -> TraceContext:
        """What goes into an envelope, to be the parent of what the receiver starts."""
        if self._trace is None:
            self._trace = TraceContext(self.trace_id, self.span_id, sampled=True)
        return self._trace

    def get_span_context(self) -> SpanContext:
        """OpenTelemetry's identity of it."""
        return identity_of(self.trace, is_remote=False)

    def is_recording(self) -> bool:
        """True until it ends."""
        return not self.ended_ns

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Adds or replaces a fact."""
        if not self.ended_ns:
            self.attributes[key] = value

    def set_attributes(self, attributes: _Attributes) -> None:
        """Adds or replaces facts."""
        if not self.ended_ns:
            self.attributes.update(attributes)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Adds something that happened at a moment."""
        if not self.ended_ns:
            at_ns = time.time_ns() if timestamp is None else timestamp
            self.moments = [*(self.moments or ()), (name, at_ns, dict(attributes or {}))]

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Adds another span that belongs to this one."""
        if not self.ended_ns and context.is_valid:
            self.links = [*self.links, Link(context, attributes)]

    def update_name(self, name: str) -> None:
        """Gives it another name."""
        if not self.ended_ns:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Marks it; OK is final, and UNSET changes nothing."""
        code, text = (status.status_code, status.description) if isinstance(status, Status) else (status, description)
        if self.ended_ns or self.status is StatusCode.OK or code is StatusCode.UNSET:
            return
        self.status = code
        self.status_text = text or "" if code is StatusCode.ERROR else ""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: FBT001, FBT002 - OpenTelemetry's signature
    ) -> None:
        """Adds the exception's type as an event. Its message and stack stay out: they may quote user text."""
        del escaped
        self.add_event("exception", {**(attributes or {}), "exception.type": type(exception).__name__}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """Ends it and hands it over; a second time does nothing."""
        if not self.ended_ns:
            self.ended_ns = time.time_ns() if end_time is None else end_time
            self._hand_over(self)
