"""What is left after a removal gives the same signals as all events, at every instant that is still answered."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.transforms.agreement import answered
from tests.features.transforms.histories import MICROSECOND, NOON, WINDOWS, Question, Recorded, drawn_history
from tidegate.features.events.columns import microseconds, moment
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT
from tidegate.features.retention.period import LEAST_DAYS, TRAINING_DAYS, KeptTooShortError
from tidegate.features.retention.reach import LONGEST, REACH, READ_BY, STANDING
from tidegate.features.retention.reach import WINDOWS as FEATURE_WINDOWS
from tidegate.features.retention.rule import Cutoffs, Fact, removable

NOW = NOON + timedelta(days=TRAINING_DAYS)
"""So that signals are kept since noon, where drawn events are thick."""
CUTOFFS = Cutoffs.of(LEAST_DAYS, now=NOW)
DAY = timedelta(days=1)
DECIDED = {EventKind.DECISION, EventKind.REVIEW_OUTCOME}


def fact(recorded: Recorded) -> Fact:
    event = recorded.event
    return Fact(
        event.account_id,
        microseconds(event.occurred_at),
        event.event_id,
        microseconds(recorded.recorded_at),
        event.kind.value,
        event.subject_id,
        event.action,
    )


def removed(history: Sequence[Recorded]) -> set[str]:
    facts = sorted(map(fact, history))
    return {each.event_id for each in removable(facts, CUTOFFS)}


def left(history: Sequence[Recorded]) -> list[Recorded]:
    gone = removed(history)
    return [each for each in history if each.event.event_id not in gone]


def one(event_id: str, kind: EventKind, days_ago: float, *, subject: str = "", action: str = "") -> Recorded:
    at = NOON - timedelta(days=days_ago)
    return Recorded(AccountEvent(event_id, "ada", kind, at, subject_id=subject, action=action), at)


def test_signals_are_kept_since_the_days_of_training() -> None:
    assert moment(CUTOFFS.since_us) == NOON


@given(st.integers(0, 2**32))
@settings(max_examples=100)
def test_no_signal_differs_at_any_instant_that_is_kept(seed: int) -> None:
    random = Random(seed)
    history = drawn_history(random, "ada", most=40)
    there = [each for each in history if each.recorded_at <= NOW]
    # What comes in after the removal. A review that claims to be older than a decision of a month ago is left out: the
    # README has an example.
    later = [
        each
        for each in history
        if each.recorded_at > NOW and not (each.event.kind in DECIDED and each.event.occurred_at < NOON)
    ]
    instants = [NOON + random.choice((0, 1)) * window + nudge for window in WINDOWS for nudge in (0 * DAY, MICROSECOND)]
    known = [Question("ada", at, at + random.choice((0 * DAY, DAY, 200 * DAY))) for at in dict.fromkeys(instants)]
    kept = left(there)
    for asked in (known, [Question("ada", each.at) for each in known]):
        assert answered([*kept, *later], asked) == answered([*there, *later], asked)


def test_drawn_histories_lose_events_of_every_kind_that_may_go() -> None:
    kinds = set()
    for seed in range(150):
        history = drawn_history(Random(seed), "ada", most=40)
        gone = removed(history)
        kinds |= {each.event.kind for each in history if each.event.event_id in gone}
    assert kinds == set(EventKind) - STANDING


def test_every_window_belongs_to_a_kind_of_event() -> None:
    assert set(FEATURE_WINDOWS) == {name for names in READ_BY.values() for name in names}
    assert set(REACH) | STANDING == set(EventKind)
    without = {"observed_days", "strike_points"}
    declared = {each.name for each in (*ACCOUNT_ACTIVITY.features, *ACCOUNT_ENFORCEMENT.features)}
    assert declared - set(FEATURE_WINDOWS) == without
    assert LONGEST == 372 * DAY


def test_each_kind_goes_when_its_own_longest_window_has_passed() -> None:
    first = one("first", EventKind.FOLLOW, 700)
    for kind, days in ((EventKind.PLAY, 30), (EventKind.FOLLOW, 7), (EventKind.COMMENT, 372)):
        history = [first, one("out", kind, days + 1e-9), one("in", kind, days - 1e-9)]
        assert removed(history) == {"out"}


def test_the_first_event_and_the_newest_profile_stay_however_old() -> None:
    history = [
        one("first", EventKind.COMMENT, 900),
        one("strike", EventKind.STRIKE_ISSUED, 850, subject="s"),
        one("profile-1", EventKind.PROFILE, 800),
        one("profile-2", EventKind.PROFILE, 700),
        one("comment", EventKind.COMMENT, 600),
    ]
    assert removed(history) == {"profile-1", "comment"}


def test_an_allow_goes_after_a_day_unless_it_took_another_action_back() -> None:
    history = [
        one("first", EventKind.FOLLOW, 700),
        one("block", EventKind.DECISION, 90, subject="d1", action="BLOCK"),
        one("taken-back", EventKind.DECISION, 80, subject="d1", action="ALLOW"),
        one("allow", EventKind.DECISION, 2, subject="d2", action="ALLOW"),
        one("today", EventKind.DECISION, 0.5, subject="d3", action="ALLOW"),
        one("long-ago", EventKind.DECISION, 400, subject="d4", action="BLOCK"),
        one("then", EventKind.DECISION, 40, subject="d4", action="ALLOW"),
    ]
    assert removed(sorted(history, key=fact)) == {"allow", "long-ago", "then"}


def test_a_shorter_period_is_refused_and_told_what_is_allowed() -> None:
    with pytest.raises(KeptTooShortError, match=r"must be at least 402 days, is 401: .* 372 days back"):
        Cutoffs.of(401, now=NOW)
