"""Account signals as they were read from the online store."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FeatureScalar = bool | int | float | str


class Freshness(StrEnum):
    """How current a value is, by its event time and its view's ttl."""

    FRESH = "FRESH"
    STALE = "STALE"
    MISSING = "MISSING"


class LookupStatus(StrEnum):
    """What became of the feature lookup as a whole."""

    OK = "OK"
    TIMED_OUT = "TIMED_OUT"
    FAILED = "FAILED"
    NOT_NEEDED = "NOT_NEEDED"


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """One account signal. Only a FRESH value is known to the policy."""

    name: str
    """`view__feature`, as the online store names it in full."""
    value: FeatureScalar | None
    """The value; None if MISSING."""
    freshness: Freshness
    """By event time and ttl."""
    event_time: datetime | None
    """When the value was true at its source, UTC; None if MISSING."""


@dataclass(frozen=True, slots=True)
class AccountSignals:
    """All signals asked for about one account."""

    status: LookupStatus
    """What became of the lookup."""
    known: bool = False
    """True if the store holds anything on the account. Only meaningful if status is OK."""
    values: tuple[FeatureValue, ...] = ()
    """In the feature service's order."""
