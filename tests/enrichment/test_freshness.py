from datetime import UTC, datetime, timedelta

import pytest

from tidegate.enrichment.freshness import CLOCK_TOLERANCE, StoredRow, signals_of
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, Feature, ValueKind, View
from tidegate.moderation.signals import FeatureScalar, FeatureValue, Freshness, LookupStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TTL = timedelta(hours=2)
SECOND = timedelta(seconds=1)


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
