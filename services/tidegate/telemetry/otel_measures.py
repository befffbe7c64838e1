"""The OpenTelemetry adapters of the ports in `measures.py`."""

import logging
from enum import StrEnum

from opentelemetry.metrics import Histogram, Meter

from tidegate.moderation.decision import DecisionRecord, RuleValue
from tidegate.moderation.detection import DetectorRun
from tidegate.moderation.signals import AccountSignals, Freshness
from tidegate.telemetry.distribution_measures import ServedDistributions
from tidegate.telemetry.measures import NoBins, ValueBins
from tidegate.telemetry.names import MetricLabel, MetricName
from tidegate.telemetry.tally import Tally

_LOG = logging.getLogger(__name__)

BANDS = 8
"""Severity bands, 0 to 7 (`models.severity`)."""

AGES_EVERY = 8
"""Ages and distributions are measured at the first decision and every eighth after it: a histogram's record costs more
than all counting of a decision together, and a distribution needs no more."""

_DURATION_EDGES_S = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_AGE_EDGES_S = (1.0, 10.0, _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY)
_VISIBLE_EDGES_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0)

_NO_DETECTOR = "none"
_UNKNOWN_KIND = "unknown"
_L = MetricLabel


class OtelModerationMetrics:
    """`ModerationMetrics` on a meter."""

    def __init__(self, meter: Meter, *, bins: ValueBins | None = None) -> None:
        """Makes the instruments.

        Args:
            meter: Of the process.
            bins: What distributions of account signals are counted in; None counts none.
        """
        self._distributions = ServedDistributions(meter, bins or NoBins())
        self._decisions = Tally((_L.SURFACE, _L.ACTION, _L.COMPLETENESS)).observed_by(
            meter, MetricName.DECISIONS, "Decisions made"
        )
        self._refusals = Tally((_L.REASON,)).observed_by(
            meter, MetricName.REFUSALS, "Requests that ended without a decision"
        )
        self._fallbacks = Tally((_L.ACTION,)).observed_by(
            meter, MetricName.FALLBACKS, "Unknown rules that took their policy's fallback"
        )
        self._lookups = Tally((_L.STATUS, _L.KNOWN)).observed_by(
            meter, MetricName.FEATURE_LOOKUPS, "Lookups of account signals"
        )
        self._values = Tally((_L.VIEW, _L.FRESHNESS)).observed_by(
            meter, MetricName.FEATURE_VALUES, "Account signals that policies got"
        )
        self._runs = Tally((_L.DETECTOR, _L.VERSION, _L.STATUS)).observed_by(
            meter, MetricName.DETECTOR_RUNS, "Runs of detectors on parts"
        )
        self._severities = Tally((_L.DETECTOR, _L.VERSION, _L.LABEL, _L.SEVERITY)).observed_by(
            meter, MetricName.DETECTOR_SEVERITIES, "Scores of detectors by severity band"
        )
        self._scored: set[tuple[str, str, str]] = set()
        self._duration = _histogram(meter, MetricName.DURATION, "From request to answer", _DURATION_EDGES_S)
        self._age = _histogram(meter, MetricName.FEATURE_AGE, "Age of account signals at the decision", _AGE_EDGES_S)
        self._views: dict[str, str] = {}
        self._decided = 0
        self._failed = False

    def decided(self, record: DecisionRecord, *, duration_s: float, repeated: bool) -> None:
        """See `ModerationMetrics`."""
        try:
            self._duration.record(duration_s, {_L.SURFACE: str(record.inputs.surface)})
            if not repeated:
                self._count(record)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: the decision is made and must reach the caller
            if not self._failed:
                self._failed = True
                _LOG.exception("metrics_failed")  # once: it would be said again at each request

    def refused(self, reason: str) -> None:
        """See `ModerationMetrics`."""
        self._refusals.add(str(reason))

    def _count(self, record: DecisionRecord) -> None:
        self._decisions.add(str(record.inputs.surface), str(record.action), str(record.completeness))
        for violation in record.violations:
            if violation.value is RuleValue.UNKNOWN:
                self._fallbacks.add(str(violation.action))
        for run in record.inputs.detectors:
            self._count_run(run)
        self._count_signals(record.inputs.account, record.decided_at.timestamp())

    def _count_run(self, run: DetectorRun) -> None:
        self._runs.add(run.name or _NO_DETECTOR, run.version, str(run.status))
        for label, band in run.severities.items():
            scored = (run.name, run.version, label)
            if scored not in self._scored:
                # Every band from the start: a share that falls to nothing, or rises from it, is then a number too.
                for each in range(BANDS):
                    self._severities.add(*scored, str(each), count=0)
                self._scored.add(scored)
            self._severities.add(*scored, str(band))

    def _count_signals(self, account: AccountSignals, now_s: float) -> None:
        self._lookups.add(str(account.status), "true" if account.known else "false")
        if self._decided % AGES_EVERY == 0:
            self._measure_ages(account, now_s)
            self._distributions.count(account)
        self._decided += 1
        # By runs of equal values: a view's stand together and are mostly alike, and there are dozens of them.
        view, freshness, length = "", Freshness.MISSING, 0
        for value in account.values:
            its_view = self._view_of(value.name)
            if its_view != view or value.freshness is not freshness:
                self._count_values(view, freshness, length)
                view, freshness, length = its_view, value.freshness, 0
            length += 1
        self._count_values(view, freshness, length)

    def _count_values(self, view: str, freshness: Freshness, length: int) -> None:
        if length:
            self._values.add(view, str(freshness), count=length)

    def _measure_ages(self, account: AccountSignals, now_s: float) -> None:
        # A view's values share their row's event time; those that are MISSING have none.
        rows = {self._view_of(value.name): value.event_time for value in account.values if value.event_time}
        for view, event_time in rows.items():
            self._age.record(max(0.0, now_s - event_time.timestamp()), {_L.VIEW: view})

    def _view_of(self, name: str) -> str:
        return self._views.get(name) or self._views.setdefault(name, name.partition("__")[0])


class OtelEventMetrics:
    """`EventMetrics` on a meter."""

    def __init__(self, meter: Meter) -> None:
        self._accepted = Tally((_L.KIND, _L.APPENDED)).observed_by(
            meter, MetricName.EVENTS_ACCEPTED, "Account events that are durable"
        )
        self._refused = Tally((_L.KIND, _L.REASON)).observed_by(
            meter, MetricName.EVENTS_REFUSED, "Account events that were not recorded"
        )
        self._visible = _histogram(
            meter, MetricName.EVENT_VISIBLE, "From acknowledging an event until decisions see it", _VISIBLE_EDGES_S
        )

    def accepted(self, kind: StrEnum, appended: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""
        self._accepted.add(str(kind), str(appended), count=count)

    def refused(self, kind: StrEnum | None, reason: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""
        self._refused.add(_UNKNOWN_KIND if kind is None else str(kind), str(reason), count=count)

    def visible(self, after_s: float) -> None:
        """See `EventMetrics`."""
        self._visible.record(max(0.0, after_s))


def _histogram(meter: Meter, name: MetricName, description: str, edges_s: tuple[float, ...]) -> Histogram:
    return meter.create_histogram(
        name, unit="s", description=description, explicit_bucket_boundaries_advisory=list(edges_s)
    )
