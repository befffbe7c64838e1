"""The latest of each metric series, in memory and within bounds: what `GET /metrics` shows."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

_NOT_ALLOWED = re.compile(r"[^a-zA-Z0-9_]+")
_UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes", "%": "percent"}
_COUNTED = "_total"

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


class SeriesKind(StrEnum):
    """What a metric is, in Prometheus' words."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class TracedValue:
    """One measurement with the trace that it was made in: an exemplar."""

    value: float
    """What was measured."""
    trace_id: str
    """32 hex digits."""
    time_s: float
    """When, in seconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram's value, cumulative since its process started."""

    edges: tuple[float, ...]
    """Upper bounds, inclusive, ascending; the last bucket has none."""
    counts: tuple[int, ...]
    """By bucket, one more than edges; not summed up."""
    total: float
    """Sum of what was measured."""
    lowest: float | None = None
    """The least that was measured; None if the process does not say."""
    highest: float | None = None
    """The most that was measured; None if the process does not say."""
    traced: tuple[TracedValue, ...] = ()
    """Exemplars, at most one a bucket is shown."""


@dataclass(frozen=True, slots=True)
class Point:
    """The value of a series at a time."""

    name: str
    """As Prometheus names the metric, without `_total`."""
    kind: SeriesKind
    """What it is."""
    description: str
    """For people."""
    labels: Labels
    """Those of the process, `job` and `instance`, included."""
    value: float | Buckets
    """`Buckets` for a histogram."""
    time_ns: int
    """When it was so, since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Family:
    """All series of a metric."""

    name: str
    """See `Point.name`."""
    kind: SeriesKind
    """See `Point.kind`."""
    description: str
    """See `Point.description`."""
    points: tuple[Point, ...]
    """By labels."""


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """How much is kept."""

    max_series: int = 10_000
    """Over all metrics and processes; about 10 MB."""
    max_age_s: float = 60.0
    """A series that nobody has sent for this long (twelve exports) is gone: with the Collector's agent, too."""


class SeriesBoard:
    """Keeps the latest point of each series. Used by one thread: the event loop's."""

    def __init__(self, *, limits: SeriesLimits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits or SeriesLimits()
        self._clock = clock
        self._held: dict[tuple[str, Labels], tuple[Point, float]] = {}
        self._rejected = 0

    def take(self, points: Iterable[Point], *, malformed: int = 0) -> int:
        """Keeps the points; returns how many were not kept, for want of room or because another kind has the name.

        Args:
            points: Of one export.
            malformed: Points of it that were no points; counted with the others.
        """
        self._expire()
        kinds = {name: point.kind for (name, _), (point, _) in self._held.items()}
        now_s, rejected = self._clock(), malformed
        for point in points:
            key = (point.name, point.labels)
            held = self._held.get(key)
            full = held is None and len(self._held) >= self._limits.max_series
            if full or kinds.setdefault(point.name, point.kind) is not point.kind:
                rejected += 1
            elif held is None or held[0].time_ns <= point.time_ns:
                self._held[key] = (point, now_s)
        self._rejected += rejected
        return rejected

    def families(self) -> Iterator[Family]:
        """All metrics by name, and two about the board itself."""
        self._expire()
        points = sorted((point for point, _ in self._held.values()), key=lambda point: (point.name, point.labels))
        for name, members in groupby(points, key=lambda point: point.name):
            series = tuple(members)
            yield Family(name, series[0].kind, series[0].description, series)
        yield _own("tidegate_receiver_series", SeriesKind.GAUGE, "Metric series held", len(points))
        yield _own("tidegate_receiver_rejected_points", SeriesKind.COUNTER, "Metric points not kept", self._rejected)

    def _expire(self) -> None:
        oldest_s = self._clock() - self._limits.max_age_s
        for key in [key for key, (_, taken_s) in self._held.items() if taken_s < oldest_s]:
            del self._held[key]


def prometheus_name(name: str, unit: str, kind: SeriesKind) -> str:
    """The metric's name for Prometheus, without `_total`.

    Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", metric metadata.
    """
    plain = label_name(name)
    if kind is SeriesKind.COUNTER:
        plain = plain.removesuffix(_COUNTED)
    suffix = _UNITS.get(unit, "")
    return plain if not suffix or plain.endswith(f"_{suffix}") else f"{plain}_{suffix}"


def label_name(name: str) -> str:
    """A name with nothing but letters, digits and underscores, and no digit first."""
    plain = _NOT_ALLOWED.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() or not plain else plain


def _own(name: str, kind: SeriesKind, description: str, value: float) -> Family:
    return Family(name, kind, description, (Point(name, kind, description, (), value, 0),))
