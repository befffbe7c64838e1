"""The OpenTelemetry adapters of the ports in `measures.py`."""

import logging
from collections.abc import Mapping, Sequence
from enum import StrEnum

from tidegate.moderation.decision import Action, DecisionRecord, RuleValue
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.signals import AccountSignals, Freshness
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.degradation import Cause, Outcome, degradation_of
from tidegate.telemetry.distribution_measures import ServedDistributions
from tidegate.telemetry.event_log_measures import EventLogGauges
from tidegate.telemetry.histogram import Scale
from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.measures import NO_HOPS, EventLogFacts, NoBins, ValueBins
from tidegate.telemetry.names import MetricLabel, MetricName

_LOG = logging.getLogger(__name__)

BANDS = 8
"""Severity bands, 0 to 7 (`models.severity`)."""

AGES_EVERY = 8
"""Ages and distributions are measured at the first decision and every eighth after it: with some fifty signals they
cost more than all other counting of a decision together, and a distribution needs no more."""

DURATIONS = Scale("s", (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0))
"""Of requests and their hops; objectives stand on edges (`monitoring/objectives.py`)."""
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86_400.0
_AGES = Scale("s", (1.0, 10.0, _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR, _DAY / 2, _DAY, 2 * _DAY, 7 * _DAY, 30 * _DAY))
_VISIBLE = Scale("s", (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0, 300.0))

OK = "OK"
"""The gRPC status of a decision."""

_NEVER_ASKED = {DetectorStatus.NOT_COVERED, DetectorStatus.SKIPPED}
_NO_DETECTOR = "none"
_UNKNOWN_KIND = "unknown"
_L = MetricLabel


class OtelModerationMetrics:
    """`ModerationMetrics` on a meter."""

    def __init__(self, made: Instruments, *, bins: ValueBins | None = None) -> None:
        """Makes the instruments.

        Args:
            made: By the process.
            bins: What distributions of account signals are counted in; None counts none.
        """
        self._distributions = ServedDistributions(made.meter, bins or NoBins())
        self._requests = made.tally(MetricName.REQUESTS, "Items asked about", (_L.CODE,))
        self._decisions = made.tally(MetricName.DECISIONS, "Decisions made", (_L.SURFACE, _L.ACTION, _L.COMPLETENESS))
        self._degraded = made.tally(
            MetricName.DEGRADED, "Decisions that lacked a signal", (_L.SURFACE, _L.CAUSE, _L.OUTCOME)
        )
        self._refusals = made.tally(MetricName.REFUSALS, "Requests that ended without a decision", (_L.REASON,))
        self._rules = made.tally(
            MetricName.RULES, "Rules that were not false", (_L.POLICY, _L.RULE, _L.VALUE, _L.ACTION)
        )
        self._fallbacks = made.tally(
            MetricName.FALLBACKS, "Unknown rules that took their policy's fallback", (_L.ACTION,)
        )
        self._lookups = made.tally(MetricName.FEATURE_LOOKUPS, "Lookups of account signals", (_L.STATUS, _L.KNOWN))
        self._values = made.tally(
            MetricName.FEATURE_VALUES, "Account signals that policies got", (_L.VIEW, _L.FRESHNESS)
        )
        self._runs = made.tally(
            MetricName.DETECTOR_RUNS, "Runs of detectors on parts", (_L.DETECTOR, _L.VERSION, _L.STATUS)
        )
        self._severities = made.tally(
            MetricName.DETECTOR_SEVERITIES,
            "Scores of detectors by severity band",
            (_L.DETECTOR, _L.VERSION, _L.LABEL, _L.SEVERITY),
        )
        self._duration = made.histogram(
            MetricName.DURATION, "From request to answer", scale=DURATIONS, labels=(_L.SURFACE,)
        )
        self._hops = made.histogram(MetricName.HOP_DURATION, "Time by hop", scale=DURATIONS, labels=(_L.HOP,))
        self._detecting = made.histogram(
            MetricName.DETECTOR_DURATION, "From asking a detector to its answer", scale=DURATIONS, labels=(_L.DETECTOR,)
        )
        self._age = made.histogram(
            MetricName.FEATURE_AGE, "Age of account signals at the decision", scale=_AGES, labels=(_L.VIEW,)
        )
        self._surfaces: set[str] = set()
        self._scored: set[tuple[str, str, str]] = set()
        self._views: dict[str, str] = {}
        self._decided = 0
        self._failed = False

    def decided(
        self,
        record: DecisionRecord,
        *,
        duration_s: float,
        repeated: bool,
        hops_ms: Mapping[str, float] = NO_HOPS,
        failed_open: Sequence[str] = (),
        trace: TraceContext | None = None,
    ) -> None:
        """See `ModerationMetrics`."""
        try:
            self._requests.add(OK)
            self._duration.record(duration_s, str(record.inputs.surface), trace=trace)
            for hop, elapsed_ms in hops_ms.items():
                self._hops.record(elapsed_ms / 1000.0, hop, trace=trace)
            if not repeated:
                self._count(record, failed_open, trace)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: the decision is made and must reach the caller
            if not self._failed:
                self._failed = True
                _LOG.exception("metrics_failed")  # once: it would be said again at each request

    def refused(self, reason: str, *, code: str) -> None:
        """See `ModerationMetrics`."""
        self._requests.add(code)
        self._refusals.add(str(reason))

    def _count(self, record: DecisionRecord, failed_open: Sequence[str], trace: TraceContext | None) -> None:
        self._decisions.add(str(record.inputs.surface), str(record.action), str(record.completeness))
        self._count_degradation(record, failed_open)
        policy = record.policy.id
        for violation in record.violations:
            self._rules.add(policy, violation.rule, str(violation.value), str(violation.action))
            if violation.value is RuleValue.UNKNOWN:
                self._fallbacks.add(str(violation.action))
        for rule in failed_open:
            self._rules.add(policy, rule, str(RuleValue.UNKNOWN), str(Action.ALLOW))
            self._fallbacks.add(str(Action.ALLOW))
        for run in record.inputs.detectors:
            self._count_run(run, trace)
        self._count_signals(record.inputs.account, record.decided_at.timestamp())

    def _count_degradation(self, record: DecisionRecord, failed_open: Sequence[str]) -> None:
        surface = str(record.inputs.surface)
        if surface not in self._surfaces:
            # Every kind from the start: an increase from nothing to one is then seen, and a share of none is zero.
            for cause in Cause:
                for outcome in Outcome:
                    self._degraded.add(surface, cause, outcome, count=0)
            self._surfaces.add(surface)
        degradation = degradation_of(record, failed_open=failed_open)
        if degradation is not None:
            self._degraded.add(surface, *degradation)

    def _count_run(self, run: DetectorRun, trace: TraceContext | None) -> None:
        self._runs.add(run.name or _NO_DETECTOR, run.version, str(run.status))
        if run.name and run.status not in _NEVER_ASKED:
            self._detecting.record(run.latency_ms / 1000.0, run.name, trace=trace)
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
            self._age.record(max(0.0, now_s - event_time.timestamp()), view)

    def _view_of(self, name: str) -> str:
        return self._views.get(name) or self._views.setdefault(name, name.partition("__")[0])


class OtelEventMetrics:
    """`EventMetrics` on a meter."""

    def __init__(self, made: Instruments) -> None:
        self._accepted = made.tally(
            MetricName.EVENTS_ACCEPTED, "Account events that are durable", (_L.KIND, _L.APPENDED)
        )
        self._refused = made.tally(
            MetricName.EVENTS_REFUSED, "Account events that were not recorded", (_L.KIND, _L.REASON)
        )
        self._visible = made.histogram(
            MetricName.EVENT_VISIBLE, "From acknowledging an event until decisions see it", scale=_VISIBLE
        )
        self._log = EventLogGauges(made)
        self._removed = made.tally(MetricName.EVENT_LOG_REMOVED, "Account events removed for their age", ())
        self._removed.add(count=0)

    def accepted(self, kind: StrEnum, appended: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""
        self._accepted.add(str(kind), str(appended), count=count)

    def refused(self, kind: StrEnum | None, reason: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""
        self._refused.add(_UNKNOWN_KIND if kind is None else str(kind), str(reason), count=count)

    def visible(self, after_s: float) -> None:
        """See `EventMetrics`."""
        self._visible.record(max(0.0, after_s))

    def removed(self, events: int) -> None:
        """See `EventMetrics`."""
        self._removed.add(count=events)

    def measured(self, facts: EventLogFacts) -> None:
        """See `EventMetrics`."""
        self._log.facts = facts
