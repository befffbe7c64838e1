"""The transforms say what the definitions say, at every instant, in whatever order and company events come."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.transforms.agreement import answered, disagreements
from tests.features.transforms.histories import (
    MICROSECOND,
    NOON,
    Question,
    Recorded,
    asked_columns,
    drawn_history,
    drawn_instant,
    event_columns,
)
from tests.features.transforms.oracle import YEAR, activity, enforcement, seen_events, steady
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.history import history_schema
from tidegate.features.refs import VALID_UNTIL
from tidegate.features.transforms import account_signals as module
from tidegate.features.transforms.account_signals import COMPUTED_VIEWS, account_signals

SEEDS = st.integers(0, 2**32)
ACCOUNTS = ("ada", "bo", "cy", "nobody")


def drawn(seed: int) -> tuple[Random, list[Recorded]]:
    """Histories of three accounts; a fourth has none."""
    random = Random(seed)
    history = [each for account_id in ACCOUNTS[:-1] for each in drawn_history(random, account_id)]
    random.shuffle(history)
    return random, history


def drawn_questions(random: Random, history: Sequence[Recorded]) -> list[Question]:
    """Eight instants an account, some of them when an event happens or is recorded; half the time as known then."""
    instants = {drawn_instant(random) for _ in range(5)} | {
        instant
        for each in (random.sample(history, 2) if len(history) > 2 else ())
        for instant in (each.event.occurred_at, each.recorded_at)
    }
    known = random.random() < 0.5
    asked = [
        Question(account_id, at, at + random.choice((timedelta(0), -MICROSECOND, timedelta(days=2))) if known else None)
        for at in instants
        for account_id in ACCOUNTS
    ]
    random.shuffle(asked)
    return asked


@settings(max_examples=40, deadline=None, derandomize=True)
@given(SEEDS)
def test_every_value_is_the_oracles_at_every_instant(seed: int) -> None:
    random, history = drawn(seed)
    assert list(disagreements(history, drawn_questions(random, history))) == []


@settings(max_examples=25, deadline=None, derandomize=True)
@given(SEEDS)
def test_no_windowed_value_changes_before_valid_until_and_one_does_then(seed: int) -> None:
    random, history = drawn(seed)
    asked = [Question(account_id, drawn_instant(random)) for account_id in ACCOUNTS]
    rows = answered(history, asked)
    for question in asked:
        events = seen_events(history, question.account_id, question.at, None)
        for view, values in (("account_activity", activity), ("account_enforcement", enforcement)):
            if not events:
                continue
            now, until = steady(values(events, question.at)), rows[question.account_id, microseconds(question.at)][view]
            end = until[VALID_UNTIL]
            left = (end or microseconds(question.at + timedelta(days=2000))) - microseconds(question.at)
            assert left > 0
            for elapsed in {1, left - 1, *(random.randrange(left) for _ in range(12))} - {0, left}:
                assert steady(values(events, question.at + elapsed * MICROSECOND)) == now
            if end is not None:
                assert steady(values(events, question.at + left * MICROSECOND)) != now


@settings(max_examples=12, deadline=None, derandomize=True)
@given(SEEDS)
def test_order_repeats_chunks_and_company_make_no_difference_to_a_single_bit(seed: int) -> None:
    random, history = drawn(seed)
    asked = drawn_questions(random, history)
    together = account_signals(event_columns(history), asked_columns(asked))
    disordered = [*history, *random.choices(history, k=5)] if history else []
    random.shuffle(disordered)
    halves = [event_columns(disordered[:7]), event_columns(disordered[7:])]
    alone = [
        account_signals(pa.concat_tables(halves), asked_columns(asked[place : place + 5]))
        for place in range(0, len(asked), 5)
    ]
    for view in COMPUTED_VIEWS:
        apart = pa.concat_tables([each[view.name] for each in alone])
        assert together[view.name].combine_chunks().equals(apart.combine_chunks())
        assert together[view.name].schema.equals(history_schema(view))


def test_questions_that_see_more_events_than_are_held_at_once_are_answered_in_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    random, history = drawn(7)
    asked = asked_columns(drawn_questions(random, history))
    at_once = account_signals(event_columns(history), asked)
    monkeypatch.setattr(module, "_PAIRS_AT_ONCE", 9)
    in_runs = account_signals(event_columns(history), asked)
    assert all(in_runs[view.name].equals(at_once[view.name]) for view in COMPUTED_VIEWS)


@pytest.mark.parametrize(("apart", "share"), [(YEAR - MICROSECOND, 0.5), (YEAR, 0.0)])
def test_content_counts_as_repeated_up_to_a_year_later_though_the_first_post_has_left_every_window(
    apart: timedelta, share: float
) -> None:
    posted = NOON - timedelta(days=6)
    history = [
        Recorded(AccountEvent(name, "ada", EventKind.UPLOAD, at, subject_id=name, content_digest=digest * 64), at)
        for name, at, digest in (("e1", posted - apart, "a"), ("e2", posted, "a"), ("e3", posted, "b"))
    ]
    row = answered(history, [Question("ada", NOON)])["ada", microseconds(NOON)]["account_activity"]
    assert row["repeated_content_share_7d"] == share
    assert list(disagreements(history, [Question("ada", NOON)])) == []
