"""Hops over many traces: how long each usually takes, and which part of the whole is its own. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tidegate.telemetry.waterfall import Waterfall

SHARE_NOTE = (
    "share: of the traces' time, that in which the hop ran and none of its children did. Spans that run in parallel"
    " count each: shares may add up to more than 100%, and a hop with many spans in a trace may exceed it alone."
)
"""What `HopSummary.share` is, for people who read a table."""


@dataclass(frozen=True, slots=True)
class HopSummary:
    """One hop, that is one span name of one service."""

    service: str
    """`service.name`."""
    name: str
    """Span name."""
    count: int
    """Spans seen."""
    p50_ms: float
    """Median duration."""
    p99_ms: float
    """Nearest-rank 99th percentile of the duration."""
    share: float
    """Its own time, summed, by the duration of all traces, summed; above 1 where many such spans run in parallel."""


def summarize_hops(traces: Sequence[Waterfall]) -> list[HopSummary]:
    """All hops of these traces, the greatest share first."""
    durations_ns: dict[tuple[str, str], list[int]] = defaultdict(list)
    own_ns: dict[tuple[str, str], int] = defaultdict(int)
    for row in (row for trace in traces for row in trace.rows):
        hop = (row.span.service, row.span.name)
        durations_ns[hop].append(row.duration_ns)
        own_ns[hop] += row.own_ns
    whole_ns = sum(trace.duration_ns for trace in traces)
    summaries = [
        HopSummary(
            service=service,
            name=name,
            count=len(values),
            p50_ms=_percentile(values, 0.50) / 1e6,
            p99_ms=_percentile(values, 0.99) / 1e6,
            share=own_ns[service, name] / whole_ns if whole_ns else 0.0,
        )
        for (service, name), values in durations_ns.items()
    ]
    return sorted(summaries, key=lambda hop: (-hop.share, hop.service, hop.name))


def _percentile(values: Sequence[int], quantile: float) -> int:
    """Nearest rank."""
    return sorted(values)[max(0, ceil(quantile * len(values)) - 1)]
