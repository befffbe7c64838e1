"""Stored rows to account signals: pure, and the only place that says what is FRESH, STALE or MISSING.

Feast's online path does not enforce a view's ttl (0.67: an old value comes back as PRESENT), so this does. A row may
promise more narrowly how long it holds: counts over a window change as events leave it, though nothing happens.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from itertools import repeat
from typing import Any, NamedTuple

from tidegate.features.feature import ValueKind, View
from tidegate.features.refs import VALID_UNTIL
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far ahead of our clock an event time may be. Further ahead, a broken writer's row would look fresh for as long
as its clock was wrong, so it counts as STALE."""

VALID_UNTIL_TOLERANCE = timedelta(minutes=2)
"""How long after the end of its promise a row still counts as FRESH: what recomputes rows whose promise ends needs
until then to push them. If it stops, what it should have pushed goes STALE this much later."""

_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_UNREADABLE = _EPOCH
_LATEST_PROMISE = datetime.max.replace(tzinfo=UTC) - VALID_UNTIL_TOLERANCE

_TYPES: Mapping[ValueKind, type] = {
    ValueKind.BOOL: bool,
    ValueKind.INT: int,
    ValueKind.FLOAT: float,
    ValueKind.STRING: str,
}


class StoredRow(NamedTuple):
    """What the online store holds of one account in one view. A named tuple: every lookup makes some per account."""

    view: View
    """The declared view."""
    ttl: timedelta
    """As applied to the store; zero means that values never become stale (Feast's meaning)."""
    event_time: datetime | None
    """When the row was true at its source, UTC; None if there is no row."""
    values: Mapping[str, FeatureScalar | None]
    """By feature name within the view. What is absent or None has no value."""
    valid_until: datetime | None = None
    """The row's own promise: when the first of its values changes if no event comes, UTC. None if it makes none."""


def stored_row(
    view: View, *, ttl: timedelta, event_time: datetime | None, values: Mapping[str, FeatureScalar | None]
) -> StoredRow:
    """A row as it was read, its promise among the values if it makes one.

    An event time of 1970 stands for no row: Feast's Redis store answers so for an absent one.
    """
    if event_time is None or event_time == _EPOCH:
        return StoredRow(view=view, ttl=ttl, event_time=None, values={})
    promise = _promise(values.get(VALID_UNTIL)) if view.internal else None
    return StoredRow(view=view, ttl=ttl, event_time=event_time, values=values, valid_until=promise)


def fresh_until(row: StoredRow) -> datetime | None:
    """When the row's values become STALE unless it is written anew: its ttl or its promise, what ends first.

    None where there is no row, or one that never becomes stale. A row from ahead of our clock is STALE until then, too.
    """
    if row.event_time is None:
        return None
    ends = [row.event_time + row.ttl] if row.ttl else []
    if row.valid_until is not None:
        ends.append(min(row.valid_until, _LATEST_PROMISE) + VALID_UNTIL_TOLERANCE)
    return min(ends, default=None)


def signals_of(rows: Sequence[StoredRow], *, now: datetime) -> AccountSignals:
    """The account's signals, one value per declared feature, in the rows' order."""
    return AccountSignals(
        status=LookupStatus.OK,
        known=any(row.event_time is not None for row in rows),
        values=tuple(value for row in rows for value in _values(row, now)),
    )


class _Signals(NamedTuple):
    """What a view's signals are alike in for every account: made once, bounded by what is declared."""

    names: tuple[str, ...]
    """In full."""
    features: tuple[str, ...]
    """Within the view."""
    types: tuple[type, ...]
    """Of a value that fits."""
    floats: tuple[int, ...]
    """Where the floats are among them."""
    missing: tuple[FeatureValue, ...]
    """As MISSING."""


@lru_cache(maxsize=256)
def _signals(view: View) -> _Signals:
    names = tuple(f"{view.name}__{feature.name}" for feature in view.features)
    return _Signals(
        names=names,
        features=tuple(feature.name for feature in view.features),
        types=tuple(_TYPES[feature.kind] for feature in view.features),
        floats=tuple(at for at, feature in enumerate(view.features) if feature.kind is ValueKind.FLOAT),
        missing=tuple(FeatureValue(name, None, Freshness.MISSING, None) for name in names),
    )


# What `FeatureValue._make` does, without a frame of Python per value.
_feature_value = partial(tuple.__new__, FeatureValue)


def _values(row: StoredRow, now: datetime) -> Iterable[FeatureValue]:
    of = _signals(row.view)
    if row.event_time is None:
        return of.missing
    freshness = Freshness.FRESH if _is_fresh(row, now) else Freshness.STALE
    stored: list[Any] = list(map(row.values.get, of.features))
    values = list(map(_feature_value, zip(of.names, stored, repeat(freshness), repeat(row.event_time))))
    # `isinstance` would let a bool pass for an int.
    types = tuple(map(type, stored))
    # The sum of floats is finite only if each of them is.
    if types != of.types or not math.isfinite(sum(map(stored.__getitem__, of.floats))):
        for at, value in enumerate(stored):
            if types[at] is not of.types[at] or (types[at] is float and not math.isfinite(value)):
                values[at] = of.missing[at]
    return values


def _is_fresh(row: StoredRow, now: datetime) -> bool:
    if row.event_time is None:
        return False
    age = now - row.event_time
    within_ttl = age >= -CLOCK_TOLERANCE and (not row.ttl or age <= row.ttl)
    return within_ttl and (row.valid_until is None or now - VALID_UNTIL_TOLERANCE <= row.valid_until)


def _promise(stored: FeatureScalar | None) -> datetime | None:
    """Microseconds since 1970 as a time. A promise that can't be read counts as broken, not as never made."""
    if stored is None:
        return None
    if type(stored) is not int:
        return _UNREADABLE
    try:
        return _EPOCH + timedelta(microseconds=stored)
    except OverflowError:
        return _UNREADABLE
