"""Stored rows to account signals: pure, and the only place that says what is FRESH, STALE or MISSING.

Feast's online path does not enforce a view's ttl (0.67: an old value comes back as PRESENT), so this does.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tidegate.features.refs import FeatureRef, ValueKind, View
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock an event time may be. Further ahead, a broken writer's row would look fresh for as long
as its clock was wrong, so it counts as STALE."""

_TYPES: Mapping[ValueKind, type] = {
    ValueKind.BOOL: bool,
    ValueKind.INT: int,
    ValueKind.FLOAT: float,
    ValueKind.STRING: str,
}


@dataclass(frozen=True, slots=True)
class StoredRow:
    """What the online store holds of one account in one view."""

    view: View
    """The declared view."""
    ttl: timedelta
    """As applied to the store; zero means that values never become stale (Feast's meaning)."""
    event_time: datetime | None
    """When the row was true at its source, UTC; None if there is no row."""
    values: Mapping[str, FeatureScalar | None]
    """By feature name within the view. What is absent or None has no value."""


def signals_of(rows: Sequence[StoredRow], *, now: datetime) -> AccountSignals:
    """The account's signals, one value per declared feature, in the rows' order."""
    return AccountSignals(
        status=LookupStatus.OK,
        known=any(row.event_time is not None for row in rows),
        values=tuple(value for row in rows for value in _values(row, now)),
    )


def _values(row: StoredRow, now: datetime) -> Iterator[FeatureValue]:
    freshness = Freshness.FRESH if _is_fresh(row.event_time, row.ttl, now) else Freshness.STALE
    for feature in row.view.features:
        name = FeatureRef(row.view, feature).full_name
        value = row.values.get(feature.name)
        if row.event_time is None or value is None or not _fits(value, feature.kind):
            yield FeatureValue(name=name, value=None, freshness=Freshness.MISSING, event_time=None)
        else:
            yield FeatureValue(name=name, value=value, freshness=freshness, event_time=row.event_time)


def _fits(value: FeatureScalar, kind: ValueKind) -> bool:
    # `isinstance` would let a bool pass for an int.
    return type(value) is _TYPES[kind] and not (isinstance(value, float) and not math.isfinite(value))


def _is_fresh(event_time: datetime | None, ttl: timedelta, now: datetime) -> bool:
    if event_time is None:
        return False
    age = now - event_time
    return age >= -CLOCK_TOLERANCE and (not ttl or age <= ttl)
