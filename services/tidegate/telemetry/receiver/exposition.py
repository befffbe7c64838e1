"""Series as Prometheus reads them, written by Prometheus' own client library.

OpenMetrics 1.0 for whoever asks for it, as Prometheus does: only there buckets carry exemplars, each with its trace
id. Text format 0.0.4 for all others. A histogram's least and most have no place in either; they are gauges beside it,
`<name>_min` and `<name>_max`.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import Exemplar, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from tidegate.telemetry.receiver.series import Buckets, Family, SeriesKind, TracedValue

TRACE_ID = "trace_id"
"""The exemplars' label, as Grafana and the Collector name it."""
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


def exposition(families: Iterable[Family], *, accept: str = "") -> tuple[bytes, str]:
    """The families, and the content type that they are written in.

    Args:
        families: All metrics.
        accept: HTTP's `Accept`; empty is text format 0.0.4.
    """
    registry = CollectorRegistry(auto_describe=False)
    # Registered without asking for names first, which would use the families up.
    registry.register(_Families(list(families)))
    write, content_type = choose_encoder(accept)
    return write(registry), content_type


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
    exemplars = _by_bucket(value)
    for bucket, (edge, count) in enumerate(zip((*map(repr, value.edges), "+Inf"), sums, strict=True)):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": edge}, count, exemplar=exemplars.get(bucket))
    metric.add_sample(f"{metric.name}_count", labels, sums[-1])
    metric.add_sample(f"{metric.name}_sum", labels, value.total)


def _by_bucket(value: Buckets) -> dict[int, Exemplar]:
    latest: dict[int, TracedValue] = {}
    for each in sorted(value.traced, key=lambda traced: traced.time_s):
        latest[bisect_left(value.edges, each.value)] = each
    return {bucket: Exemplar({TRACE_ID: each.trace_id}, each.value, each.time_s) for bucket, each in latest.items()}
