from datetime import UTC, datetime, timedelta

import pytest

from tidegate.enrichment.freshness import (
    CLOCK_TOLERANCE,
    VALID_UNTIL_TOLERANCE,
    StoredRow,
    fresh_until,
    signals_of,
    stored_row,
)
from tidegate.features.feature import Feature, ValueKind, View
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, VALID_UNTIL
from tidegate.moderation.signals import FeatureScalar, FeatureValue, Freshness, LookupStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TTL = timedelta(hours=2)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime.fromtimestamp(0, tz=UTC)


def view(kind: ValueKind) -> View:
    return View("v", TTL, "", (Feature("f", kind, "", "", ""),))


def value_of(
    value: FeatureScalar | None,
    *,
    kind: ValueKind = ValueKind.INT,
    age: timedelta = timedelta(),
    ttl: timedelta = TTL,
) -> FeatureValue:
    row = StoredRow(view=view(kind), ttl=ttl, event_time=NOW - age, values={"f": value})
    (found,) = signals_of([row], now=NOW).values
    return found


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (timedelta(), Freshness.FRESH),
        (TTL, Freshness.FRESH),
        (TTL + SECOND, Freshness.STALE),
        (timedelta(days=4_000), Freshness.STALE),
        (-CLOCK_TOLERANCE, Freshness.FRESH),
        (-CLOCK_TOLERANCE - SECOND, Freshness.STALE),
    ],
)
def test_freshness_is_by_event_time_and_ttl(age: timedelta, expected: Freshness) -> None:
    found = value_of(3, age=age)
    assert (found.name, found.value, found.freshness, found.event_time) == ("v__f", 3, expected, NOW - age)


def test_a_ttl_of_zero_means_never_stale() -> None:
    assert value_of(3, age=timedelta(days=4_000), ttl=timedelta()).freshness is Freshness.FRESH


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ValueKind.INT, 0),
        (ValueKind.FLOAT, 0.0),
        (ValueKind.BOOL, False),
        (ValueKind.STRING, ""),
    ],
)
def test_zero_false_and_empty_are_values(kind: ValueKind, value: FeatureScalar) -> None:
    assert value_of(value, kind=kind).freshness is Freshness.FRESH


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ValueKind.INT, None),
        (ValueKind.INT, True),
        (ValueKind.INT, 3.0),
        (ValueKind.INT, "3"),
        (ValueKind.BOOL, 1),
        (ValueKind.FLOAT, 3),
        (ValueKind.FLOAT, float("nan")),
        (ValueKind.FLOAT, float("inf")),
        (ValueKind.STRING, 3),
    ],
)
def test_a_null_or_a_value_of_another_type_is_missing(kind: ValueKind, value: FeatureScalar | None) -> None:
    found = value_of(value, kind=kind)
    assert (found.value, found.freshness, found.event_time) == (None, Freshness.MISSING, None)


def test_a_feature_that_the_row_lacks_is_missing() -> None:
    row = StoredRow(view=view(ValueKind.INT), ttl=TTL, event_time=NOW, values={})
    assert signals_of([row], now=NOW).values[0].freshness is Freshness.MISSING


def test_an_account_is_known_by_any_row() -> None:
    profile = StoredRow(view=ACCOUNT_PROFILE, ttl=TTL, event_time=None, values={})
    enforcement = StoredRow(view=ACCOUNT_ENFORCEMENT, ttl=TTL, event_time=NOW, values={"strikes_90d": 1})
    assert signals_of([profile, enforcement], now=NOW).known
    assert not signals_of([profile], now=NOW).known


def test_values_come_in_declared_order_whatever_the_row_holds() -> None:
    row = StoredRow(
        view=ACCOUNT_PROFILE, ttl=TTL, event_time=NOW, values={"plan": "free", "followers": 2, "unheard_of": 1}
    )
    signals = signals_of([row], now=NOW)
    assert signals.status is LookupStatus.OK
    assert [value.name for value in signals.values] == [
        f"account_profile__{feature.name}" for feature in ACCOUNT_PROFILE.features
    ]


PROMISING = View("v", TTL, "", view(ValueKind.INT).features, (Feature(VALID_UNTIL, ValueKind.INT, "", "", ""),))


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def freshness_with(
    promise: FeatureScalar | None, *, of: View = PROMISING, event_time: datetime | None = NOW - SECOND
) -> Freshness:
    row = stored_row(of, ttl=TTL, event_time=event_time, values={"f": 3, VALID_UNTIL: promise})
    (found,) = signals_of([row], now=NOW).values
    return found.freshness


@pytest.mark.parametrize(
    ("valid_until", "expected"),
    [
        (NOW + SECOND, Freshness.FRESH),
        (NOW, Freshness.FRESH),
        (NOW - VALID_UNTIL_TOLERANCE, Freshness.FRESH),
        (NOW - VALID_UNTIL_TOLERANCE - MICROSECOND, Freshness.STALE),
        (EPOCH, Freshness.STALE),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), Freshness.FRESH),
    ],
)
def test_a_row_is_fresh_until_its_promise_ends(valid_until: datetime, expected: Freshness) -> None:
    assert freshness_with(microseconds(valid_until)) is expected


def test_a_promise_does_not_outlast_the_ttl() -> None:
    later = microseconds(NOW + timedelta(days=365))
    assert freshness_with(later, event_time=NOW - TTL - SECOND) is Freshness.STALE


@pytest.mark.parametrize("promise", [None, NOW, NOW - SECOND, NOW + TTL, datetime.max.replace(tzinfo=UTC), EPOCH])
def test_the_end_of_freshness_is_the_last_moment_at_which_a_value_is_fresh(promise: datetime | None) -> None:
    values = {"f": 3, VALID_UNTIL: None if promise is None else microseconds(promise)}
    row = stored_row(PROMISING, ttl=TTL, event_time=NOW, values=values)
    end = fresh_until(row)
    assert end is not None
    for now, expected in ((end, Freshness.FRESH), (end + MICROSECOND, Freshness.STALE)):
        if now >= NOW:
            assert signals_of([row], now=now).values[0].freshness is expected


def test_a_row_that_never_becomes_stale_and_no_row_have_no_such_end() -> None:
    assert fresh_until(stored_row(PROMISING, ttl=timedelta(), event_time=NOW, values={"f": 3})) is None
    assert fresh_until(stored_row(PROMISING, ttl=TTL, event_time=None, values={})) is None


def test_a_row_without_a_promise_is_fresh_by_its_ttl_alone() -> None:
    assert freshness_with(None) is Freshness.FRESH
    row = stored_row(PROMISING, ttl=TTL, event_time=NOW, values={"f": 3})
    assert signals_of([row], now=NOW).values[0].freshness is Freshness.FRESH


@pytest.mark.parametrize("promise", [2**63 - 1, -(2**63), "tomorrow", 1.0, True])
def test_a_promise_that_cannot_be_read_is_a_broken_one(promise: FeatureScalar) -> None:
    assert freshness_with(promise) is Freshness.STALE


def test_a_view_that_declares_no_promise_may_have_a_feature_of_that_name() -> None:
    assert freshness_with(0, of=view(ValueKind.INT)) is Freshness.FRESH


def test_a_promise_is_no_signal() -> None:
    row = stored_row(PROMISING, ttl=TTL, event_time=NOW, values={"f": 3, VALID_UNTIL: microseconds(NOW)})
    assert row.valid_until == NOW
    assert [value.name for value in signals_of([row], now=NOW).values] == ["v__f"]


@pytest.mark.parametrize("event_time", [None, EPOCH])
def test_a_promise_without_a_row_makes_no_account_known(event_time: datetime | None) -> None:
    row = stored_row(PROMISING, ttl=TTL, event_time=event_time, values={"f": 3, VALID_UNTIL: microseconds(NOW)})
    signals = signals_of([row], now=NOW)
    assert not signals.known
    assert [value.freshness for value in signals.values] == [Freshness.MISSING]
