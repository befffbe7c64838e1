"""Series as Prometheus reads them: text format 0.0.4, written by Prometheus' own client library.

A histogram's least and most have no place in that format; they are gauges beside it, `<name>_min` and `<name>_max`.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from tidegate.telemetry.receiver.series import Buckets, Family, SeriesKind

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `exposition` writes."""
LOWEST, HIGHEST = "_min", "_max"
"""Endings of the gauges beside a histogram."""


class _Families(Collector):
    def __init__(self, families: Collection[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """All metrics in the library's form."""
        taken = {family.name for family in self._families}
        for family in self._families:
            yield _metric(family)
            yield from (one for one in _extremes(family) if one.name not in taken)


def exposition(families: Iterable[Family]) -> bytes:
    """The families in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    # Registered without asking for names first, which would use the families up.
    registry.register(_Families(list(families)))
    return generate_latest(registry)


def _metric(family: Family) -> Metric:
    metric = Metric(family.name, family.description, family.kind)
    for point in family.points:
        labels = dict(point.labels)
        if isinstance(point.value, Buckets):
            _add_buckets(metric, labels, point.value)
        else:
            suffix = "_total" if family.kind is SeriesKind.COUNTER else ""
            metric.add_sample(family.name + suffix, labels, point.value)
    return metric


def _extremes(family: Family) -> Iterator[Metric]:
    """The gauges beside a histogram, with the series whose processes say so."""
    lowest = Metric(f"{family.name}{LOWEST}", f"The least in {family.name} since its process started", "gauge")
    highest = Metric(f"{family.name}{HIGHEST}", f"The most in {family.name} since its process started", "gauge")
    for point in family.points:
        if isinstance(point.value, Buckets) and point.value.lowest is not None and point.value.highest is not None:
            lowest.add_sample(lowest.name, dict(point.labels), point.value.lowest)
            highest.add_sample(highest.name, dict(point.labels), point.value.highest)
    if lowest.samples:
        yield lowest
        yield highest


def _add_buckets(metric: Metric, labels: dict[str, str], value: Buckets) -> None:
    sums = tuple(accumulate(value.counts))
    for edge, count in zip((*map(repr, value.edges), "+Inf"), sums, strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": edge}, count)
    metric.add_sample(f"{metric.name}_count", labels, sums[-1])
    metric.add_sample(f"{metric.name}_sum", labels, value.total)
