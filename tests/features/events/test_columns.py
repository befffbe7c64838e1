"""Events as columns, and back, without loss."""

from datetime import UTC, datetime

import pytest

from tests.features.events.sample_events import FULL_PROFILE, NOW, one_of_each
from tidegate.features.events.columns import event_table, events_of, microseconds, moment, profile_facts, profile_text
from tidegate.features.events.event import ProfileFacts
from tidegate.features.events.log import EVENT_SCHEMA


def test_every_kind_comes_back_from_its_columns() -> None:
    columns = event_table(one_of_each(), recorded_at=NOW)
    assert columns.schema == EVENT_SCHEMA
    assert list(events_of(columns)) == one_of_each()


def test_no_events_are_an_empty_table() -> None:
    assert event_table([], recorded_at=NOW) == EVENT_SCHEMA.empty_table()


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(2262, 4, 12, 1, 2, 3, 999_999, tzinfo=UTC), 9_223_376_523_999_999),
    ],
)
def test_times_are_exact_to_the_microsecond(when: datetime, expected: int) -> None:
    assert microseconds(when) == expected
    assert moment(expected) == when


@pytest.mark.parametrize("facts", [FULL_PROFILE, ProfileFacts(), ProfileFacts(followers=0, verified=False)])
def test_a_profile_comes_back_from_its_text(facts: ProfileFacts) -> None:
    assert profile_facts(profile_text(facts)) == facts


def test_a_profile_leaves_out_what_was_not_told() -> None:
    assert profile_text(ProfileFacts(verified=False, followers=0)) == '{"followers":0,"verified":false}'


def test_a_fact_that_a_newer_version_wrote_is_left_out() -> None:
    assert profile_facts('{"followers":3,"shoe_size":44}') == ProfileFacts(followers=3)
