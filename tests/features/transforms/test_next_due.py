"""An account is due again when a value of it changes, when a known event takes effect, or after a day."""

from datetime import datetime, timedelta

from tests.features.transforms.histories import (
    MICROSECOND,
    NOON,
    Question,
    Recorded,
    asked_columns,
    event_columns,
)
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.transforms.account_signals import account_signals, next_due

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def event(kind: EventKind, occurred_at: datetime, account_id: str = "ada", **fields: object) -> Recorded:
    made = AccountEvent(f"{account_id}-{occurred_at}", account_id, kind, occurred_at, **fields)  # type: ignore[arg-type]  # fields by name
    return Recorded(made, occurred_at)


def due(*history: Recorded, at: datetime = NOON) -> dict[str, datetime]:
    events = event_columns(history)
    accounts = sorted({each.event.account_id for each in history})
    return dict(next_due(account_signals(events, asked_columns([Question(name, at) for name in accounts])), events))


def test_a_comment_makes_its_account_due_when_it_leaves_the_hour() -> None:
    assert due(event(EventKind.COMMENT, NOON - HOUR / 2)) == {"ada": NOON + HOUR / 2}


def test_a_strike_makes_its_account_due_when_it_expires() -> None:
    strike = event(EventKind.STRIKE_ISSUED, NOON - DAY, points=1.0, expires_at=NOON + MICROSECOND)
    assert due(strike) == {"ada": NOON + MICROSECOND}


def test_an_account_that_nothing_happens_to_is_due_after_a_day() -> None:
    assert due(event(EventKind.VERIFICATION, NOON - 100 * DAY, verified=True)) == {"ada": NOON + DAY}


def test_an_event_ahead_of_the_row_makes_its_account_due_when_it_takes_effect() -> None:
    ahead = event(EventKind.COMMENT, NOON + timedelta(minutes=4))
    assert due(event(EventKind.COMMENT, NOON - HOUR / 2), ahead) == {"ada": ahead.event.occurred_at}


def test_an_account_with_nothing_but_events_ahead_is_due_at_the_first_of_them() -> None:
    later, first = (event(EventKind.PLAY, NOON + minutes * timedelta(minutes=1), "bo") for minutes in (4, 3))
    other = event(EventKind.VERIFICATION, NOON - DAY, verified=False)
    assert due(later, first, other) == {"ada": NOON + DAY, "bo": first.event.occurred_at}
    assert due(later, first) == {"bo": first.event.occurred_at}


def test_the_end_of_the_calendar_is_no_obstacle() -> None:
    end = datetime.max.replace(tzinfo=NOON.tzinfo)
    assert due(event(EventKind.COMMENT, end - MICROSECOND), at=end) == {"ada": end}
