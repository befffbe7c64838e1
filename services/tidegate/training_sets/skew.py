"""Whether training and serving see the same values: what decisions were made from, beside the same values recomputed.

A served value is older than its decision, if only by milliseconds. So one that differs from the value as of the
decision is looked at again as of its own row: was it right then, and what made it differ since?
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import pyarrow as pa

from tidegate.features.demo_accounts import UNLOGGED_ACCOUNTS
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import FeatureScalar
from tidegate.training_sets.as_of import Instant, Values, values_as_of
from tidegate.training_sets.row_basis import Basis, Recorded, bases
from tidegate.training_sets.served import ServedView, served_views

LAG = timedelta(seconds=60)
"""How long an event may take to reach the online store before that counts as a difference. It is promised within a
second; an account with very many events is paced."""


class Verdict(StrEnum):
    """What became of one value. From harmless to worst."""

    SAME = "same"
    """Equal to the value as of the decision."""
    AGED = "aged"
    """Right when its row was computed, and nothing happened since: a window or a decay moved on."""
    LATE = "late"
    """Right when its row was computed; an event recorded shortly before the decision had not reached it."""
    STALE = "stale"
    """Its view is recorded as STALE: no policy took it for known, so what it was is not compared."""
    BY_HAND = "by hand"
    """Of an account whose rows the demo writes by hand, and not what the definition gives."""
    OVERDUE = "overdue"
    """Like LATE, but the event had been recorded for longer than the lag."""
    AHEAD = "ahead"
    """Right for its row, whose event time is later than the decision by more than the lag: clocks disagree."""
    UNLOGGED = "unlogged"
    """A value where the log knew no event of the account: it came by another way than the log."""
    DIFFERENT = "different"
    """Not what the definition gives, neither as of the decision nor as of its row."""


EXPLAINED = frozenset({Verdict.SAME, Verdict.AGED, Verdict.LATE, Verdict.STALE, Verdict.BY_HAND})
"""Verdicts that are no difference between training and serving in what values mean."""

BY_HAND = frozenset(account.account_id for account in UNLOGGED_ACCOUNTS)
"""Demo accounts that are stale or partial on purpose: their rows come from no event (`features.demo_accounts`). Their
names are all that tells them from an account whose events the log has lost, and that one is skew."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One value of one decision."""

    decision_id: str
    """Of the decision."""
    account_id: str
    """Whose value."""
    feature: str
    """Full name."""
    verdict: Verdict
    """What became of it."""
    served: FeatureScalar | None
    """As recorded; None is MISSING."""
    recomputed: FeatureScalar | None
    """As of the decision."""
    behind_us: int = 0
    """How long before the decision the first event was recorded that its row lacks; of LATE and OVERDUE."""


def compare(records: Sequence[DecisionRecord], events: pa.Table, *, lag: timedelta = LAG) -> Iterator[Compared]:
    """Compares every value that is computed from events, decision by decision.

    The risk score is not compared: it depends on the model of the day.

    Args:
        records: Decisions whose lookup went well, of accounts that have not been erased.
        events: All events of their accounts in `EVENT_SCHEMA`.
        lag: How long an event may take.
    """
    views = [each for record in records for each in served_views(record)]
    expected = values_as_of(events, (each.decided for each in views))
    odd = [each for each in views if _differing(each.values, expected.get(each.decided, {}))]
    recorded = _recorded(events)
    verdicts = _Verdicts(bases(odd, events, recorded), events, recorded, lag)
    looked_at = set(map(id, odd))
    for view in views:
        values = expected.get(view.decided, {})
        for name, served in view.values.items():
            found = (Verdict.SAME, 0)
            if id(view) in looked_at and served != values.get(name):
                found = verdicts.of(view, name, values.get(name))
            account_id = view.decided.account_id
            yield Compared(view.decision_id, account_id, name, found[0], served, values.get(name), found[1])


class _Verdicts:
    """What made values differ from those as of their decisions."""

    def __init__(self, found: Sequence[Basis], events: pa.Table, recorded: Recorded, lag: timedelta) -> None:
        self._bases = {id(basis.served): basis for basis in found}
        self._aged = values_as_of(events, map(_aged, found))
        self._recorded = recorded
        self._lag_us = lag // timedelta(microseconds=1)

    def of(self, view: ServedView, name: str, expected: FeatureScalar | None) -> tuple[Verdict, int]:
        """The verdict on one value that differs, and how far its row was behind the log."""
        basis, served = self._bases.get(id(view)), view.values[name]
        if view.stale:
            return Verdict.STALE, 0
        if basis is None or (not basis.whole and not any(value is not None for value in view.values.values())):
            return self._behind(view, at_us=-1, known_at_us=-1)  # there was no row yet
        if served != (basis.row or {}).get(name):
            return _not_of_the_log(view, basis), 0
        assert view.row_at_us is not None
        ahead_us = view.row_at_us - view.decided.at_us
        if ahead_us > 0:
            return (Verdict.AGED if ahead_us <= self._lag_us else Verdict.AHEAD), 0
        if self._aged.get(_aged(basis), {}).get(name) == expected:
            return Verdict.AGED, 0
        return self._behind(view, at_us=view.row_at_us, known_at_us=basis.known_at_us)

    def _behind(self, view: ServedView, *, at_us: int, known_at_us: int) -> tuple[Verdict, int]:
        last = view.decided.at_us
        due = (
            max(occurred, stamp)
            for occurred, stamp in self._recorded.get(view.decided.account_id, ())
            if (occurred > at_us or stamp > known_at_us) and max(occurred, stamp) <= last
        )
        behind_us = last - min(due, default=last)
        return (Verdict.LATE if behind_us <= self._lag_us else Verdict.OVERDUE), behind_us


def _not_of_the_log(view: ServedView, basis: Basis) -> Verdict:
    if view.decided.account_id in BY_HAND:
        return Verdict.BY_HAND
    return Verdict.UNLOGGED if basis.row is None else Verdict.DIFFERENT


def _aged(basis: Basis) -> Instant:
    """The row's events, as of the decision."""
    decided = basis.served.decided
    return Instant(decided.account_id, decided.at_us, basis.known_at_us)


def _differing(served: Values, expected: Values) -> bool:
    return any(expected.get(name) != value for name, value in served.items())


def _recorded(events: pa.Table) -> Recorded:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    names = ("account_id", "occurred_at_us", "recorded_at_us")
    for account_id, occurred, stamp in zip(*(events[name].to_pylist() for name in names), strict=True):
        found[account_id].append((occurred, stamp))
    return found
