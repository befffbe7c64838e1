"""Events for tests, and a clock that moves when it is told to."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate.features.events.event import AccountEvent, EventKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Clock:
    """Stands still between two settings."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> datetime:
        self.now += by
        return self.now


def comment(event_id: str, account_id: str, at: datetime, **values: Any) -> AccountEvent:
    return AccountEvent(event_id, account_id, EventKind.COMMENT, at, subject_id=f"c-{event_id}", **values)


def strike(event_id: str, account_id: str, at: datetime, **values: Any) -> AccountEvent:
    return AccountEvent(
        event_id, account_id, EventKind.STRIKE_ISSUED, at, subject_id=f"s-{event_id}", points=1.0, **values
    )
