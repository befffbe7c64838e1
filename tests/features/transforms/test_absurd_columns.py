"""What validation keeps out, but a file or a future version could bring: an error that names the column, or a value."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from tests.features.transforms.histories import NOON, Question, Recorded, asked_columns, event_columns
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.transforms.account_signals import account_signals
from tidegate.features.transforms.columns import EventColumnsError
from tidegate.features.transforms.instants import EARLIEST_US, LATEST_US

DAY = timedelta(days=1)
ASKED = asked_columns([Question("ada", NOON)])


def event(kind: EventKind, number: int = 0, **fields: object) -> Recorded:
    made = AccountEvent(f"e{number}", "ada", kind, NOON - DAY, subject_id=f"s{number}", **fields)  # type: ignore[arg-type]  # fields by name
    return Recorded(made, NOON)


def with_column(events: pa.Table, name: str, values: list[object]) -> pa.Table:
    """The events with other values in a column, whatever they are."""
    at = events.schema.get_field_index(name)
    return events.set_column(at, pa.field(name, events.schema.field(name).type), [pa.array(values, events[name].type)])


def value(events: pa.Table, view: str, name: str) -> object:
    return account_signals(events, ASKED)[view][name].to_pylist()[0]


def test_plays_that_overflow_are_counted_up_to_a_bound_and_negative_ones_not() -> None:
    events = event_columns([event(EventKind.PLAY, number) for number in range(3)])
    absurd = with_column(events, "count", [2**63 - 1, 2**63 - 1, -(2**63)])
    assert value(absurd, "account_activity", "plays_30d") == 2 * 2**40


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -float("inf"), -3.0, 0.0])
def test_points_that_are_no_positive_number_weigh_nothing(points: float) -> None:
    events = event_columns([event(EventKind.STRIKE_ISSUED, points=points), event(EventKind.STRIKE_ISSUED, 1, points=2)])
    assert value(events, "account_enforcement", "strike_points") == 2.0


def test_times_at_the_ends_of_the_calendar_and_beyond_are_survived() -> None:
    events = event_columns(
        [event(kind, number, action="BLOCK") for number, kind in enumerate(EventKind) if kind != "PROFILE"]
    )
    extremes = np.array([-(2**63), EARLIEST_US, LATEST_US, 2**63 - 1])
    occurred = np.resize(extremes, events.num_rows).tolist()
    absurd = with_column(with_column(events, "occurred_at_us", occurred), "expires_at_us", occurred[::-1])
    asked = pa.table({"account_id": ["ada", "ada"], "at_us": [EARLIEST_US, LATEST_US]})
    rows = account_signals(absurd, asked)["account_activity"].to_pydict()
    assert rows["posts_365d"][1] <= 2
    assert rows["observed_days"] == [0.0, pytest.approx((LATEST_US - EARLIEST_US) / 86_400e6)]


@pytest.mark.parametrize("at_us", [EARLIEST_US - 1, LATEST_US + 1, -(2**63), 2**63 - 1])
def test_an_instant_outside_the_calendar_is_refused(at_us: int) -> None:
    asked = pa.table({"account_id": ["ada"], "at_us": [at_us]})
    with pytest.raises(EventColumnsError, match="years 1 to 9999") as refused:
        account_signals(event_columns([event(EventKind.UPLOAD)]), asked)
    assert refused.value.field == "at_us"


@pytest.mark.parametrize(("name", "kind"), [("kind", EventKind.UPLOAD), ("action", EventKind.DECISION)])
def test_a_word_that_is_not_in_the_vocabulary_is_refused(name: str, kind: EventKind) -> None:
    events = with_column(event_columns([event(kind, action="BLOCK")]), name, ["SHADOWBAN"])
    with pytest.raises(EventColumnsError, match="BLOCK") as refused:
        account_signals(events, ASKED)
    assert refused.value.field == name


@pytest.mark.parametrize("document", ["", "{", "[]", "null"])
def test_a_snapshot_that_is_no_object_is_refused(document: str) -> None:
    events = with_column(event_columns([event(EventKind.PROFILE)]), "profile", [document])
    with pytest.raises(EventColumnsError) as refused:
        account_signals(events, ASKED)
    assert refused.value.field == "profile"


def test_facts_of_another_type_or_beyond_what_is_stored_count_as_not_told() -> None:
    document = f'{{"followers": true, "following": 1e3, "listed": {2**63}, "posts": 4, "plan": 7, "verified": 1}}'
    events = with_column(event_columns([event(EventKind.PROFILE)]), "profile", [document])
    row = account_signals(events, ASKED)["account_profile"].to_pylist()[0]
    told = {name for name, value in row.items() if value is not None}
    assert told == {"account_id", "event_timestamp", "valid_until", "posts"}


def test_a_missing_column_and_nulls_are_refused_by_name() -> None:
    events = event_columns([event(EventKind.UPLOAD)])
    with pytest.raises(EventColumnsError) as missing:
        account_signals(events.drop_columns(["subject_id"]), ASKED)
    with pytest.raises(EventColumnsError) as null:
        account_signals(with_column(events, "occurred_at_us", [None]), ASKED)
    with pytest.raises(EventColumnsError) as mistyped:
        account_signals(events, pa.table({"account_id": ["ada"], "at_us": ["noon"]}))
    assert (missing.value.field, null.value.field, mistyped.value.field) == ("subject_id", "occurred_at_us", "at_us")


def test_other_string_encodings_give_the_same_rows() -> None:
    events = event_columns([event(EventKind.UPLOAD, content_digest="a" * 64), event(EventKind.REPORT_RECEIVED, 1)])
    encoded = events.set_column(2, "kind", events["kind"].combine_chunks().dictionary_encode())
    encoded = encoded.set_column(1, "account_id", encoded["account_id"].cast(pa.large_string()))
    plain = account_signals(events, ASKED)
    assert all(table.equals(plain[view]) for view, table in account_signals(encoded, ASKED).items())


@pytest.mark.parametrize("at", [NOON, NOON - 2 * DAY])
def test_no_events_or_none_yet_give_no_rows_in_the_right_columns(at: object) -> None:
    events = event_columns([event(EventKind.UPLOAD)]) if at != NOON else event_columns([])
    asked = pa.table({"account_id": ["ada"], "at_us": [microseconds(at)]})  # type: ignore[arg-type]  # parametrised
    signals = account_signals(events, asked)
    nobody = account_signals(events, asked.slice(0, 0))
    assert {view: (table.num_rows, table.schema) for view, table in signals.items()} == {
        view: (0, table.schema) for view, table in nobody.items()
    }
