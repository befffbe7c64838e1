"""How served account signals are distributed over the bins of a reference, counted for Prometheus to compare.

The reference's own shares are sent beside the counts, so that a rule needs nothing else (`prometheus_rules.yaml`).
"""

from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.telemetry.measures import ValueBins
from tidegate.telemetry.names import MetricLabel, MetricName
from tidegate.telemetry.tally import Tally

_L = MetricLabel
_LABELS = (_L.VIEW, _L.FEATURE, _L.BIN, _L.REFERENCE)


class ServedDistributions:
    """Counts by feature and bin. Without a reference it counts nothing and makes no metric."""

    def __init__(self, meter: Meter, bins: ValueBins) -> None:
        self._bins = bins
        self._keys: dict[str, tuple[tuple[str, ...], ...]] = {}
        if not bins.digest:
            return
        self._tally = Tally(_LABELS).observed_by(
            meter, MetricName.FEATURE_DISTRIBUTION, "Account signals that policies got, by bin of the reference"
        )
        meter.create_observable_gauge(
            MetricName.FEATURE_REFERENCE, [self._reference], description="Share of each bin in the reference"
        )

    def count(self, account: AccountSignals) -> None:
        """Counts a decision's signals. What was not FRESH is unknown; an account that nobody knew tells nothing."""
        if not self._bins.digest or account.status is not LookupStatus.OK or not account.known:
            return
        for value in account.values:
            keys = self._keys.get(value.name)
            if keys is None:
                keys = self._known(value.name)
            if keys:
                told = value.value if value.freshness is Freshness.FRESH else None
                self._tally.add(*keys[self._bins.index(value.name, told)])

    def _known(self, name: str) -> tuple[tuple[str, ...], ...]:
        """Every bin from the start: a share that falls to nothing, or rises from it, is then a number too."""
        keys = tuple(_key(name, label, self._bins.digest) for label in self._bins.labels(name))
        for key in keys:
            self._tally.add(*key, count=0)
        self._keys[name] = keys
        return keys

    def _reference(self, _: CallbackOptions) -> Iterable[Observation]:
        for name, label, share in self._bins.shares():
            yield Observation(share, dict(zip(_LABELS, _key(name, label, self._bins.digest), strict=True)))


def _key(name: str, label: str, digest: str) -> tuple[str, ...]:
    view, _, feature = name.partition("__")
    return view, feature, label, digest
