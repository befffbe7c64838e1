"""Histories of accounts, drawn at random but thick with what goes wrong: ties, disorder, events on window borders."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa

from tidegate.features.events.columns import microseconds, row, table
from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts
from tidegate.features.transforms.account_signals import ASKED_SCHEMA

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
WINDOWS = (
    timedelta(hours=1),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=30),
    timedelta(days=90),
    timedelta(days=365),
)
_NUDGES = (timedelta(0), timedelta(0), MICROSECOND, -MICROSECOND)
_WEIGHTS = {EventKind.UPLOAD: 4, EventKind.COMMENT: 4, EventKind.DECISION: 3, EventKind.REVIEW_OUTCOME: 3}
_ACTIONS = ("ALLOW", "ALLOW", "BLOCK", "BLOCK", "LABEL", "REVIEW", "LIMIT_REACH", "AGE_RESTRICT")


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event and when the log took it."""

    event: AccountEvent
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the transforms."""

    account_id: str
    at: datetime
    known_at: datetime | None = None


def drawn_instant(random: Random) -> datetime:
    """Up to 800 days before noon or a little after; often exactly a window, or two, away from it."""
    if random.random() < 0.25:
        return NOON - random.randrange(800 * 86_400) * timedelta(seconds=1)
    back = random.choice((timedelta(0), *WINDOWS)) + random.choice((timedelta(0), timedelta(0), *WINDOWS))
    sign = -1 if random.random() < 0.15 else 1
    return NOON - sign * back * random.choice((1.0, 1.0, 0.5)) + random.choice(_NUDGES)


def drawn_history(random: Random, account_id: str, *, most: int = 24) -> list[Recorded]:
    """Events of one account in the order of their arrival, which is not that of their times."""
    kinds = list(EventKind)
    if random.random() < 0.5:  # few kinds, so that the same strike, appeal or decision is told of often
        kinds = random.sample(kinds, 4)
    weights = [_WEIGHTS.get(kind, 1) for kind in kinds]
    count = random.randrange(most + 1)
    numbers = random.sample(range(1000), count)
    return [
        _recorded(random, f"{account_id}-{number:03}", account_id, random.choices(kinds, weights)[0])
        for number in numbers
    ]


def _recorded(random: Random, event_id: str, account_id: str, kind: EventKind) -> Recorded:
    occurred_at = drawn_instant(random)
    late = random.choice((timedelta(0), MICROSECOND, timedelta(minutes=3), timedelta(days=6), timedelta(days=100)))
    return Recorded(_event(random, event_id, account_id, kind, occurred_at), occurred_at + late)


def _event(random: Random, event_id: str, account_id: str, kind: EventKind, occurred_at: datetime) -> AccountEvent:
    """Every field drawn, belonging to the kind or not: what does not belong must not matter."""
    return AccountEvent(
        event_id,
        account_id,
        kind,
        occurred_at,
        subject_id=f"s{random.randrange(3)}",
        counterpart_id=f"c{random.randrange(3)}",
        content_digest=random.choice(("", "a" * 64, "b" * 64)),
        points=random.choice((1.0, 2.0, 0.1, 0.7)),
        expires_at=random.choice((None, occurred_at + random.choice(WINDOWS), drawn_instant(random))),
        count=random.choice((1, 2, 1000)),
        action=random.choice(_ACTIONS),
        verified=random.choice((True, False)) if kind is EventKind.VERIFICATION else None,
        profile=_facts(random) if kind is EventKind.PROFILE else None,
    )


def _facts(random: Random) -> ProfileFacts:
    return ProfileFacts(
        registered_at=random.choice((None, drawn_instant(random), NOON - timedelta(days=4000))),
        followers=random.choice((None, 0, 10**12)),
        following=random.choice((None, 7)),
        posts=random.choice((None, 3)),
        verified=random.choice((None, True, False)),
        plan=random.choice((None, "free", "premium")),
        default_picture=random.choice((None, True, False)),
        handle_length=random.choice((None, 12)),
    )


def event_columns(history: Iterable[Recorded]) -> pa.Table:
    """The events in `EVENT_SCHEMA`, in the order given."""
    return table([row(each.event, recorded_at_us=microseconds(each.recorded_at)) for each in history])


def asked_columns(questions: Sequence[Question]) -> pa.Table:
    """The questions; all of them say what was known, or none does."""
    rows = [
        {
            "account_id": each.account_id,
            "at_us": microseconds(each.at),
            "known_at_us": None if each.known_at is None else microseconds(each.known_at),
        }
        for each in questions
    ]
    if any(each.known_at is None for each in questions):
        return pa.Table.from_pylist(rows, schema=pa.schema([ASKED_SCHEMA.field(0), ASKED_SCHEMA.field(1)]))
    return pa.Table.from_pylist(rows, schema=ASKED_SCHEMA)
