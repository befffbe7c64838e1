"""For how many days events are kept: what may be asked for. Imports little, since settings ask it."""

from datetime import timedelta

from tidegate.features.retention.reach import LONGEST

TRAINING_DAYS = 30
"""Fewest days back that training sets, skew and computations `--at` an instant can go."""
LEAST_DAYS = -(-LONGEST // timedelta(days=1)) + TRAINING_DAYS
"""The shortest `keep_events_days`."""
MOST_DAYS = 365_000
"""The longest: a date can be told so far back."""


class KeptTooShortError(ValueError):
    """Fewer days than `LEAST_DAYS`. The message says what is allowed, and why."""


def require_days(keep_days: int) -> int:
    """The days, if they are enough. Raises KeptTooShortError."""
    if keep_days < LEAST_DAYS:
        raise KeptTooShortError(
            f"must be at least {LEAST_DAYS} days, is {keep_days}: signals read events {LONGEST.days} days back, and"
            f" training sets need {TRAINING_DAYS} days of such signals. Without the setting, all events are kept"
        )
    return keep_days


def days_back(keep_days: int) -> int:
    """How many days back signals can still be computed as they were."""
    return keep_days - (LEAST_DAYS - TRAINING_DAYS)
