"""How served account signals are distributed over the bins of a reference, counted for Prometheus to compare.

The reference's own shares are sent beside the counts, so that a rule needs nothing else (`observability/rules/`).
"""

import threading
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.telemetry.measures import ValueBins
from tidegate.telemetry.names import MetricLabel, MetricName

_L = MetricLabel


class ServedDistributions:
    """Counts by feature and bin. Without a reference it counts nothing and makes no metric.

    A list of counts per feature and one lock per decision: a `Tally`, which hashes four labels for each of some fifty
    values, takes three times as long.
    """

    def __init__(self, meter: Meter, bins: ValueBins) -> None:
        self._bins = bins
        self._counts: dict[str, list[int]] = {}
        self._lock = threading.Lock()
        if not bins.digest:
            return
        meter.create_observable_counter(
            MetricName.FEATURE_DISTRIBUTION,
            [self._served],
            description="Account signals that policies got, by bin of the reference",
        )
        meter.create_observable_gauge(
            MetricName.FEATURE_REFERENCE, [self._reference], description="Share of each bin in the reference"
        )

    def count(self, account: AccountSignals) -> None:
        """Counts a decision's signals. What was not FRESH is unknown; an account that nobody knew tells nothing."""
        if not self._bins.digest or account.status is not LookupStatus.OK or not account.known:
            return
        with self._lock:
            for value in account.values:
                counts = self._counts.get(value.name)
                if counts is None:
                    # Every bin from the start: a share that falls to nothing, or rises from it, is then a number too.
                    counts = self._counts[value.name] = [0] * len(self._bins.labels(value.name))
                if counts:
                    told = value.value if value.freshness is Freshness.FRESH else None
                    counts[self._bins.index(value.name, told)] += 1

    def _served(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            held = {name: tuple(counts) for name, counts in self._counts.items()}
        for name, counts in held.items():
            for label, number in zip(self._bins.labels(name), counts, strict=True):
                yield Observation(number, self._labels(name, label))

    def _reference(self, _: CallbackOptions) -> Iterable[Observation]:
        for name, label, share in self._bins.shares():
            yield Observation(share, self._labels(name, label))

    def _labels(self, name: str, label: str) -> dict[str, str]:
        view, _, feature = name.partition("__")
        return {_L.VIEW: view, _L.FEATURE: feature, _L.BIN: label, _L.REFERENCE: self._bins.digest}
