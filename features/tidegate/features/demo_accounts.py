"""Named demo accounts: each is there to show one thing. The README's table lists them.

Their histories recur (`recurring`): nine reports within 7 days are nine whenever one looks, so seeding again later adds
what is missing and changes nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from tidegate.features.events.columns import profile_text
from tidegate.features.events.event import EventKind, ProfileFacts
from tidegate.features.recurring import digests, events, joined, last_occurrences
from tidegate.features.refs import Plan
from tidegate.features.transforms.instants import (
    DAY_US,
    EPOCH,
    HOUR_US,
    MICROSECOND,
    MONTH_US,
    QUARTER_US,
    WEEK_US,
    YEAR_US,
)

STALE_ACCOUNT = "acct-stale"
"""Its activity and enforcement were computed so long ago that nobody may rely on them. Not in the log."""
PARTIAL_ACCOUNT = "acct-partial"
"""It has a profile and nothing else. Not in the log."""
STALE_FOR = timedelta(days=3)
"""How long ago: a day more than the views' ttl."""
_ONLY = 10**6
"""Reporters and the like, where all of them differ."""


@dataclass(frozen=True, slots=True)
class Recurring:
    """Events of one kind that come evenly, so many per period, and go back one period."""

    kind: EventKind
    """What happens."""
    times: int
    """Per period."""
    period_us: int
    """Any window of this length holds `times` of them."""
    points: Sequence[float] = (0.0,)
    """Of strikes, in turn."""
    expires_after_us: int | None = None
    """When strikes stop to weigh."""
    action: str = ""
    """Of decisions."""
    others: int = 0
    """Different accounts that take part, in turn; 0 where nobody does."""
    texts: int = 0
    """Different contents; 0 where there is none. The first takes all turns that the others don't need."""
    count: int = 1
    """Of plays."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account by what it shows."""

    account_id: str
    """Entity key."""
    age_days: int
    """Whole days since registration."""
    facts: ProfileFacts
    """The account system's snapshot, without the time of registration."""
    history: tuple[Recurring, ...] = ()
    """What happens to it."""


def _facts(followers: int, *, verified: bool = False, confirmed: bool = True, plan: Plan = Plan.FREE) -> ProfileFacts:
    settled = followers > 100  # noqa: PLR2004 - enough that its owner filled in the page
    return ProfileFacts(
        followers=followers,
        following=80,
        listed=followers // 80,
        likes_given=12 * followers // 10,
        posts=2 * followers,
        verified=verified,
        email_confirmed=confirmed,
        plan=plan,
        default_profile=not settled,
        default_picture=not settled,
        extended_profile=settled,
        handle_length=9,
        handle_digits=0 if settled else 4,
        description_length=70 if settled else 0,
        has_url=settled,
        has_location=settled,
    )


_ORDINARY = _facts(120)
_WEEKLY = (
    Recurring(EventKind.COMMENT, 3, WEEK_US, texts=3),
    Recurring(EventKind.UPLOAD, 2, MONTH_US, texts=2),
    Recurring(EventKind.PLAY, 4, MONTH_US, count=60),
    Recurring(EventKind.DECISION, 3, WEEK_US, action="ALLOW"),
    Recurring(EventKind.FOLLOW, 2, YEAR_US, others=2),
)

DEMO_ACCOUNTS = (
    DemoAccount(
        "acct-trusted",
        3_650,
        _facts(48_000, verified=True, plan=Plan.PREMIUM),
        (
            *_WEEKLY,
            Recurring(EventKind.PLAY, 30, MONTH_US, count=40_000),
            Recurring(EventKind.FOLLOW, 60, WEEK_US, others=_ONLY),
        ),
    ),
    DemoAccount("acct-new", 2, _facts(3, confirmed=False), (Recurring(EventKind.COMMENT, 1, DAY_US, texts=1),)),
    DemoAccount(
        "acct-strikes",
        410,
        _facts(260),
        (
            *_WEEKLY,
            Recurring(EventKind.STRIKE_ISSUED, 3, QUARTER_US, points=(1.0, 2.0, 4.0), expires_after_us=QUARTER_US),
            Recurring(EventKind.DECISION, 4, MONTH_US, action="BLOCK"),
            Recurring(EventKind.REPORT_RECEIVED, 9, WEEK_US, others=7),
        ),
    ),
    DemoAccount(
        "acct-reported", 800, _ORDINARY, (*_WEEKLY, Recurring(EventKind.REPORT_RECEIVED, 41, WEEK_US, others=37))
    ),
    DemoAccount("acct-burst", 12, _facts(8), (Recurring(EventKind.COMMENT, 400, HOUR_US, texts=21),)),
)
"""Accounts of the log."""

UNLOGGED_ACCOUNTS = (
    DemoAccount(STALE_ACCOUNT, 800, _ORDINARY, _WEEKLY),
    DemoAccount(PARTIAL_ACCOUNT, 800, _ORDINARY, _WEEKLY),
)
"""Accounts whose rows are written by hand: the stream would keep them fresh and whole otherwise."""


def demo_events(accounts: Sequence[DemoAccount], *, now: datetime) -> pa.Table:
    """Their histories as of `now`, in `EVENT_SCHEMA`."""
    now_us = (now - EPOCH) // MICROSECOND
    return pa.concat_tables([table for account in accounts for table in _tables(account, now_us)])


def _tables(account: DemoAccount, now_us: int) -> Sequence[pa.Table]:
    return [
        _snapshot(account, now_us),
        *(_recurring(account, place, each, now_us) for place, each in enumerate(account.history)),
    ]


def _snapshot(account: DemoAccount, now_us: int) -> pa.Table:
    hour = now_us // HOUR_US  # made again within the hour, it is the same event
    registered_us = hour * HOUR_US - account.age_days * DAY_US - HOUR_US
    facts = {name: getattr(account.facts, name) for name in ProfileFacts.__slots__ if name != "registered_at"}
    text = profile_text(ProfileFacts(registered_at=EPOCH + registered_us * MICROSECOND, **facts))
    return events(
        EventKind.PROFILE,
        occurred_us=np.array([hour * HOUR_US]),
        now_us=now_us,
        event_id=[f"demo:{account.account_id}:profile:{hour}"],
        account_id=[account.account_id],
        profile=[text],
    )


def _recurring(account: DemoAccount, place: int, each: Recurring, now_us: int) -> pa.Table:
    turn = np.arange(each.times)
    # Two kinds of the same number don't fall on one instant, and none falls on a round one.
    phase = (2 * turn + 1) * each.period_us // (2 * each.times) + 7 * (place + 1)
    occurred, cycle = last_occurrences(phase, period_us=each.period_us, now_us=now_us)
    ids = joined(f"demo:{account.account_id}:{place}:", turn, "-", cycle)
    columns = {
        "event_id": ids,
        "account_id": [account.account_id] * each.times,
        "points": np.resize(each.points, each.times),
        "action": [each.action] * each.times,
        "count": np.full(each.times, each.count),
    }
    if each.kind not in {EventKind.FOLLOW, EventKind.REPORT_RECEIVED, EventKind.PLAY}:
        columns["subject_id"] = ids
    if each.others:
        columns["counterpart_id"] = joined("user-", (turn + cycle * each.times) % each.others)
    if each.texts:
        text = np.maximum(turn - (each.times - each.texts), 0)
        # What is said once is new each period; the first text is said again and again only within one.
        columns["content_digest"] = digests((text + (cycle * 1_000 + place) * 1_000).astype(np.uint64))
    if each.expires_after_us is not None:
        columns["expires_at_us"] = occurred + each.expires_after_us
    return events(each.kind, occurred_us=occurred, now_us=now_us, **columns)
