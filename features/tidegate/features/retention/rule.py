"""Which events no signal reads any more: the rule of every log, without its storage.

What is left gives the same signals as all events would, bit for bit, for every account, at every instant since
`Cutoffs.since_us` and from what was known at any time since then.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import EventKind
from tidegate.features.retention.period import days_back, require_days
from tidegate.features.retention.reach import ALLOWED_REACH, NEWEST_ONLY, REACH

_MICROSECOND = timedelta(microseconds=1)
_DECISIONS = frozenset({EventKind.DECISION.value, EventKind.REVIEW_OUTCOME.value})
_NEWEST_ONLY = frozenset(kind.value for kind in NEWEST_ONLY)
_ALLOW = "ALLOW"
_FOREVER_US = 2**62
"""Microseconds, longer than any log: as an instant it never comes, and that long ago nothing occurred."""


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """Instants, microseconds since 1970 UTC."""

    since_us: int
    """Signals at instants from here on stay as they are."""
    by_kind: Mapping[str, int]
    """By kind: events that occurred before are read by no such signal. A kind that stays for good is not in it."""
    allowed_us: int
    """The same for decisions that are ALLOW and came first."""

    @classmethod
    def of(cls, keep_days: int, *, now: datetime) -> "Cutoffs":
        """As of now. Raises KeptTooShortError."""
        since_us = microseconds(now - timedelta(days=days_back(require_days(keep_days))))
        by_kind = {kind.value: since_us - reach // _MICROSECOND for kind, reach in REACH.items()}
        return cls(since_us, MappingProxyType(by_kind), since_us - ALLOWED_REACH // _MICROSECOND)


class Fact(NamedTuple):
    """What the rule must know of an event."""

    account_id: str
    """Whose."""
    occurred_at_us: int
    """When."""
    event_id: str
    """Together with the two before: which."""
    recorded_at_us: int
    """Since when the log has it."""
    kind: str
    """An `EventKind`."""
    subject_id: str
    """What it is about."""
    action: str
    """Of a decision or review."""


def removable(facts: Iterable[Fact], cutoffs: Cutoffs) -> Iterator[Fact]:
    """Those that may go.

    Kept however old: an account's first event, which says for how long it is known (`observed_days`), the newest of
    `NEWEST_ONLY`, strikes. An event takes the place of another only if it was known whenever that was, since a training
    set sees nothing that was recorded later than its instant.

    Args:
        facts: Of one account, by time and id, at least all that occurred up to `cutoffs.since_us`.
        cutoffs: As of now.
    """
    known_since_us = _FOREVER_US
    older: dict[str, list[Fact]] = {kind: [] for kind in _NEWEST_ONLY}
    acted_on: set[str] = set()
    for fact in facts:
        if fact.occurred_at_us > cutoffs.since_us:
            return
        first = known_since_us > _seen_from(fact, cutoffs)
        if fact.kind in _NEWEST_ONLY:
            left = older[fact.kind]
            yield from (each for each in left if fact.recorded_at_us <= _seen_from(each, cutoffs))
            older[fact.kind] = [each for each in left if fact.recorded_at_us > _seen_from(each, cutoffs)]
            if not first:
                older[fact.kind].append(fact)
        elif not first and fact.occurred_at_us < _cutoff(fact, cutoffs, acted_on):
            yield fact
        if fact.kind in _DECISIONS and fact.action != _ALLOW and fact.occurred_at_us >= cutoffs.by_kind[fact.kind]:
            acted_on.add(fact.subject_id)
        known_since_us = min(known_since_us, fact.recorded_at_us)


def _seen_from(fact: Fact, cutoffs: Cutoffs) -> int:
    """The first instant that is still answered at which the event was known."""
    return max(fact.recorded_at_us, cutoffs.since_us)


def _cutoff(fact: Fact, cutoffs: Cutoffs, acted_on: set[str]) -> int:
    """An ALLOW that came after another action of the same decision is what holds of it, and stays as long as that."""
    if fact.kind == EventKind.DECISION.value and fact.action == _ALLOW and fact.subject_id not in acted_on:
        return cutoffs.allowed_us
    return cutoffs.by_kind.get(fact.kind, cutoffs.since_us - _FOREVER_US)
