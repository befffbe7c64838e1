"""Skew over a ledger, in chunks: what became of values, by feature and by decision, and how far rows were behind."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby
from operator import attrgetter

from tidegate.features.events.log import EventLog
from tidegate.features.transforms.account_signals import COMPUTED_VIEWS
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import LookupStatus
from tidegate.training_sets.answerable import answerable
from tidegate.training_sets.as_of import FEATURES
from tidegate.training_sets.export import chunks
from tidegate.training_sets.skew import EXPLAINED, LAG, Compared, Verdict, compare

_SEVERITY = {verdict: severity for severity, verdict in enumerate(Verdict)}
_OLDEST_ROW = max(view.ttl for view in COMPUTED_VIEWS)
"""How old the row of a served value can be that is compared; older ones are STALE."""
MOST_DECISIONS = 100
"""Decisions with a difference that a report names: the worst ones. All are counted."""
MOST_ACCOUNTS = 5
"""Accounts that a report names by verdict: the first ones."""


@dataclass(slots=True)
class FeatureSkew:
    """One feature over all decisions that were compared."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """Values by what became of them."""
    worst: Compared | None = None
    """The value with the worst verdict, and of those the one that is furthest off; None if all are the same."""

    def add(self, one: Compared) -> None:
        """Counts a value."""
        self.verdicts[one.verdict] += 1
        if one.verdict is not Verdict.SAME and (self.worst is None or _badness(one) > _badness(self.worst)):
            self.worst = one


@dataclass(frozen=True, slots=True)
class DifferingDecision:
    """One decision with values that no known cause explains."""

    values: Sequence[Compared]
    """Those values, the worst first; at least one."""

    @property
    def decision_id(self) -> str:
        """Which decision."""
        return self.values[0].decision_id

    @property
    def account_id(self) -> str:
        """On whose content."""
        return self.values[0].account_id

    @property
    def verdict(self) -> Verdict:
        """The worst one."""
        return self.values[0].verdict


@dataclass(slots=True)
class Occurrence:
    """Where a verdict occurs."""

    decisions: int = 0
    """Decisions with such a value."""
    accounts: list[str] = field(default_factory=list)
    """Accounts of the first of them, each once."""

    def add(self, account_id: str) -> None:
        """Counts a decision."""
        self.decisions += 1
        if len(self.accounts) < MOST_ACCOUNTS and account_id not in self.accounts:
            self.accounts.append(account_id)


@dataclass(slots=True)
class SkewReport:
    """What was found."""

    decisions: int = 0
    """Decisions compared."""
    without_lookup: Counter[LookupStatus] = field(default_factory=Counter)
    """Decisions left out since no signals were read, by why."""
    removed: int = 0
    """Decisions left out since events that their signals come from were removed for their age."""
    erased: int = 0
    """Decisions left out since their account's history was erased after them."""
    not_compared: Counter[str] = field(default_factory=Counter)
    """Values left out: the risk model's, and of features that this release does not have."""
    features: dict[str, FeatureSkew] = field(default_factory=lambda: defaultdict(FeatureSkew))
    """By full name."""
    behind_us: list[int] = field(default_factory=list)
    """How far each LATE or OVERDUE value was behind the log."""
    occurrences: dict[Verdict, Occurrence] = field(default_factory=lambda: defaultdict(Occurrence))
    """By verdict."""
    differing: list[DifferingDecision] = field(default_factory=list)
    """The worst decisions with a difference, the worst first."""
    differing_decisions: int = 0
    """How many there are."""

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Over all features."""
        return sum((each.verdicts for each in self.features.values()), Counter())

    @property
    def differences(self) -> int:
        """Values that no known cause explains."""
        return sum(count for verdict, count in self.verdicts.items() if verdict not in EXPLAINED)

    def add(self, compared: Iterable[Compared]) -> None:
        """Counts values; those of a decision come one after the other."""
        found = list(self.differing)
        for _, values in groupby(compared, key=attrgetter("decision_id")):
            differences = self._add_decision(list(values))
            if differences:
                self.differing_decisions += 1
                found.append(DifferingDecision(sorted(differences, key=_badness, reverse=True)))
        found.sort(key=lambda one: (_SEVERITY[one.verdict], len(one.values)), reverse=True)
        self.differing = found[:MOST_DECISIONS]

    def _add_decision(self, values: Sequence[Compared]) -> list[Compared]:
        for one in values:
            self.features[one.feature].add(one)
            if one.verdict in {Verdict.LATE, Verdict.OVERDUE}:
                self.behind_us.append(one.behind_us)
        for verdict in {one.verdict for one in values}:
            self.occurrences[verdict].add(values[0].account_id)
        return [one for one in values if one.verdict not in EXPLAINED]


def measure_skew(
    records: Iterable[DecisionRecord],
    log: EventLog,
    *,
    lag: timedelta = LAG,
) -> SkewReport:
    """Compares decisions with the event log.

    Args:
        records: From the ledger.
        log: Of the same installation.
        lag: How long an event may take to reach the online store.

    Raises:
        EventLogUnavailableError: The log can't be read.
    """
    report, known = SkewReport(), frozenset(FEATURES)
    for chunk in chunks(records):
        found = answerable(_comparable(chunk, log, report), log, back=_OLDEST_ROW)
        compared = found.records
        report.removed += found.left_out
        for record in compared:
            report.not_compared.update(value.name for value in record.inputs.account.values if value.name not in known)
        report.decisions += len(compared)
        report.add(compare(compared, found.events, lag=lag))
    return report


def _comparable(chunk: Sequence[DecisionRecord], log: EventLog, report: SkewReport) -> list[DecisionRecord]:
    erased = log.erased(sorted({record.account_id for record in chunk}))
    found = []
    for record in chunk:
        status, erased_at = record.inputs.account.status, erased.get(record.account_id)
        if status is not LookupStatus.OK:
            report.without_lookup[status] += 1
        elif erased_at is not None and record.decided_at <= erased_at:
            report.erased += 1
        else:
            found.append(record)
    return found


def _badness(one: Compared) -> tuple[int, float]:
    return _SEVERITY[one.verdict], _distance(one)


def _distance(one: Compared) -> float:
    """How far off, relative to what it should be; what can't be subtracted is as far off as can be."""
    served, recomputed = one.served, one.recomputed
    if not isinstance(served, int | float) or not isinstance(recomputed, int | float):
        return float("inf")
    return abs(served - recomputed) / max(1.0, abs(recomputed))
