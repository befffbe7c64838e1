"""Events for tests, and a clock that moves when it is told to."""

from datetime import datetime, timedelta
from typing import Any

from tidegate.features.events.event import AccountEvent, EventKind


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
