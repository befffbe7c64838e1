"""Metric families as rows for readers: series summed over processes, and quantiles that can be."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from prometheus_client import Metric

from tidegate.telemetry.receiver.exposition import HIGHEST, LOWEST

HISTOGRAM: Final = "histogram"
"""The type of family that has quantiles."""
GAUGE: Final = "gauge"
"""The type of family that says how much there is now."""
_PROCESS: Final = frozenset({"job", "instance"})

Labels = tuple[tuple[str, str], ...]
Band = tuple[float, float, float]
"""Of a bucket with something in it: how much, and between what."""


@dataclass(slots=True)
class Row:
    """One series, summed over processes."""

    value: float = 0.0
    """Of a counter or a gauge; of a histogram how many were measured."""
    total: float = 0.0
    """Of a histogram: the sum of what was measured."""
    buckets: dict[float, float] = field(default_factory=lambda: defaultdict(float))
    """Of a histogram: how many were no more than this."""
    lowest: float | None = None
    """Of a histogram: the least that was measured; None if not every process says so."""
    highest: float | None = None
    """Of a histogram: the most that was measured; None if not every process says so."""

    def quantile(self, share: float) -> float | None:
        """Estimated as Prometheus' `histogram_quantile` does, linear within a bucket, but never what can't be.

        Of few measurements that estimate may lie above the largest of them, and even above their sum. What can be
        follows from the least, the most, the sum and the buckets. Without a least nothing is taken to be below 0, as
        Prometheus does.

        Args:
            share: 0.5 for the median; it is the measurement at rank ceil(share · count).

        Returns:
            None if nothing was measured.
        """
        if not self.value:
            return None
        count = round(self.value)
        rank = min(count, max(1, math.ceil(share * count)))
        if rank == count and self.highest is not None:
            return self.highest
        if rank == 1 and self.lowest is not None:
            return self.lowest
        low, high = self._possible(rank, count)
        return max(low, min(high, self._interpolated(share)))

    def _interpolated(self, share: float) -> float:
        wanted, below, low = share * self.value, 0.0, 0.0
        for edge, count in sorted(self.buckets.items()):
            if count >= wanted and count > below:
                if math.isinf(edge):
                    return low
                return low + (edge - low) * (wanted - below) / (count - below)
            below, low = count, edge
        return low

    def _possible(self, rank: int, count: int) -> tuple[float, float]:
        """Between what the measurement of this rank, counting from 1, must lie.

        Those from it upwards are no less than it, and the others no less than their buckets' lower edges, so it can't
        be more than (sum - lower edges) / (count - rank + 1). Likewise downwards with the upper edges.
        """
        bands, total = list(self._bands()), self.total
        if self.lowest is not None and self.highest is not None:  # both are known, so neither is this one
            bands, total = _without_ends(bands), total - self.lowest - self.highest
            rank, count = rank - 1, count - 2
        least = sum(each * low for each, low, _ in _first(bands, rank - 1))
        most = sum(each * high for each, _, high in _first(bands[::-1], count - rank))
        floor = 0.0 if self.lowest is None else self.lowest
        low, high = max(floor, (total - most) / rank), (total - least) / (count - rank + 1)
        return low, high if self.highest is None else min(high, self.highest)

    def _bands(self) -> Iterator[Band]:
        below, edge = 0.0, 0.0 if self.lowest is None else min(0.0, self.lowest)
        for upper, count in sorted(self.buckets.items()):
            if count > below:
                least = edge if self.lowest is None else max(edge, self.lowest)
                yield count - below, least, upper if self.highest is None else min(upper, self.highest)
            below, edge = count, upper


def _without_ends(bands: Sequence[Band]) -> list[Band]:
    """Without one measurement at either end."""
    inner = list(bands)
    for end in (0, -1) if inner else ():
        count, low, high = inner[end]
        inner[end] = (count - 1, low, high)
    return inner


def _first(bands: Sequence[Band], wanted: float) -> Iterator[Band]:
    """As many measurements, from the first band on."""
    for each, low, high in bands:
        if wanted <= 0:
            return
        yield min(each, wanted), low, high
        wanted -= each


def rows(family: Metric, *, lowest: Metric | None = None, highest: Metric | None = None) -> Mapping[Labels, Row]:
    """The family's series by their labels, those of the process left out and summed up.

    Args:
        family: What to show.
        lowest: Of a histogram: the gauge beside it with the least.
        highest: Of a histogram: the gauge beside it with the most.
    """
    found: dict[Labels, Row] = defaultdict(Row)
    processes: dict[Labels, int] = defaultdict(int)
    for sample in family.samples:
        labels = _labels(sample.labels)
        row = found[labels]
        if sample.name.endswith("_bucket") and family.type == HISTOGRAM:
            row.buckets[float(sample.labels["le"])] += sample.value
        elif sample.name.endswith("_sum") and family.type == HISTOGRAM:
            row.total += sample.value
        else:
            row.value += sample.value
            processes[labels] += 1
    least, most = _by_labels(lowest), _by_labels(highest)
    for labels, row in found.items():
        if len(least[labels]) == len(most[labels]) == processes[labels]:
            row.lowest, row.highest = min(least[labels]), max(most[labels])
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Shown:
    """A family with its rows."""

    family: Metric
    """As it was read."""
    rows: Mapping[Labels, Row]
    """Its series."""


def shown(families: Sequence[Metric]) -> Iterator[Shown]:
    """Each family but the gauges that belong to a histogram."""
    by_name = {family.name: family for family in families}
    beside = {
        name for one in families if one.type == HISTOGRAM for name in (f"{one.name}{LOWEST}", f"{one.name}{HIGHEST}")
    }
    for one in families:
        if one.type == HISTOGRAM:
            lowest, highest = by_name.get(f"{one.name}{LOWEST}"), by_name.get(f"{one.name}{HIGHEST}")
            yield Shown(one, rows(one, lowest=lowest, highest=highest))
        elif one.name not in beside:
            yield Shown(one, rows(one))


def _labels(told: Mapping[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in told.items() if name not in _PROCESS and name != "le"))


def _by_labels(family: Metric | None) -> dict[Labels, list[float]]:
    found: dict[Labels, list[float]] = defaultdict(list)
    for sample in family.samples if family is not None else ():
        found[_labels(sample.labels)].append(sample.value)
    return found
