"""The trace context that travels between processes in our own envelopes (W3C Trace Context)."""

import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """Where a hop stands in its trace.

    Serve's own tracing re-rolls the sampling dice on each hop, so every envelope between stages carries this.
    Source: W3C Trace Context, level 1, `traceparent`.
    """

    trace_id: str
    """32 hex digits, not all zero."""
    span_id: str
    """16 hex digits, not all zero: the parent of what the receiver starts."""
    sampled: bool
    """The caller's decision, kept on every hop."""

    def traceparent(self) -> str:
        """As the W3C header."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    @classmethod
    def parse(cls, header: str) -> "TraceContext | None":
        """From the W3C header, or None if it is not valid."""
        match = _TRACEPARENT.match(header)
        if match is None or set(match[1]) == {"0"} or set(match[2]) == {"0"}:
            return None
        return cls(trace_id=match[1], span_id=match[2], sampled=bool(int(match[3], 16) & 1))
