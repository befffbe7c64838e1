"""Waits until a trace has arrived: each process sends its spans about half a second after they end."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate.telemetry.span_archive import SpanArchive, TraceEntry

QUIET_S = 1.5
"""No new span for this long means that all are there: three times the delay with which processes send."""
_POLL_S = 0.1


class AmbiguousTraceId(Exception):
    """The beginning of an id fits several traces. The message is fit for a person."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time, injected in tests."""

    monotonic_s: Callable[[], float]
    """For the limit on waiting."""
    wall_ns: Callable[[], int]
    """The receiver's clock: nanoseconds since the Unix epoch."""
    sleep: Callable[[float], None]
    """Seconds."""


def await_trace(archive: SpanArchive, prefix: str, *, wait_s: float, clocks: Clocks) -> TraceEntry | None:
    """The trace whose id begins so, once no more spans arrive, or what there is of it after `wait_s`.

    Raises:
        AmbiguousTraceId: The beginning fits several.
    """
    ends_at_s = clocks.monotonic_s() + wait_s
    while True:
        found = archive.matching(prefix)
        if len(found) > 1:
            ids = ", ".join(entry.trace_id for entry in found)
            raise AmbiguousTraceId(f"{prefix} is the beginning of several trace ids, among them {ids}.")
        if found and clocks.wall_ns() - found[0].received_ns >= QUIET_S * 1e9:
            return found[0]
        if clocks.monotonic_s() >= ends_at_s:
            return found[0] if found else None
        clocks.sleep(_POLL_S)
