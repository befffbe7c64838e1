"""The definitions of the account signals said a second time: plain loops over events, one feature after the other.

Slow, and shares no code with the transforms: what both agree on is what the definitions say.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.features.transforms.histories import MICROSECOND, Recorded
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
QUARTER = timedelta(days=90)
YEAR = timedelta(days=365)
SLIDING = ("post_rate_decayed", "report_rate_decayed", "observed_days")
"""Features that change at every instant: no promise is made about them."""

_K = EventKind
_PROFILE = (
    *("followers", "verified", "email_confirmed", "plan", "following", "listed", "likes_given", "posts"),
    *("default_profile", "default_picture", "extended_profile", "handle_length", "handle_digits"),
    *("description_length", "has_url", "has_location"),
)


def oracle_signals(
    history: Iterable[Recorded], account_id: str, at: datetime, known_at: datetime | None = None
) -> Mapping[str, Mapping[str, Any]] | None:
    """Values by view and feature, `valid_until` included; None if nothing had happened yet."""
    events = seen_events(history, account_id, at, known_at)
    if not events:
        return None
    return {
        "account_profile": profile(events, at),
        "account_activity": {**activity(events, at), "valid_until": _first_change(activity, events, at)},
        "account_enforcement": {**enforcement(events, at), "valid_until": _first_change(enforcement, events, at)},
    }


def seen_events(
    history: Iterable[Recorded], account_id: str, at: datetime, known_at: datetime | None
) -> list[AccountEvent]:
    """The account's events as of the instant, in order, each id once."""
    by_id = {
        each.event.event_id: each.event
        for each in history
        if each.event.account_id == account_id
        and each.event.occurred_at <= at
        and (known_at is None or each.recorded_at <= known_at)
    }
    return sorted(by_id.values(), key=lambda event: (event.occurred_at, event.event_id))


def _within(events: Iterable[AccountEvent], at: datetime, window: timedelta) -> list[AccountEvent]:
    return [event for event in events if at - window < event.occurred_at <= at]


def _of(events: Iterable[AccountEvent], *kinds: EventKind) -> list[AccountEvent]:
    return [event for event in events if event.kind in kinds]


def _count(events: Iterable[AccountEvent], at: datetime, window: timedelta, *kinds: EventKind) -> int:
    return len(_within(_of(events, *kinds), at, window))


def activity(events: Sequence[AccountEvent], at: datetime) -> dict[str, Any]:
    posts = _of(events, _K.UPLOAD, _K.COMMENT)
    windows = {"1h": HOUR, "24h": DAY, "7d": WEEK, "30d": MONTH, "365d": YEAR}
    return {
        **{f"posts_{name}": len(_within(posts, at, window)) for name, window in windows.items()},
        "comments_1h": _count(events, at, HOUR, _K.COMMENT),
        "items_decided_1h": _count(events, at, HOUR, _K.DECISION),
        "items_decided_24h": _count(events, at, DAY, _K.DECISION),
        "post_rate_decayed": _decayed(posts, at),
        "repeated_content_share_24h": _repeated(posts, at, DAY),
        "repeated_content_share_7d": _repeated(posts, at, WEEK),
        "burstiness_7d": _burstiness(_within(posts, at, WEEK)),
        "follows_received_24h": _count(events, at, DAY, _K.FOLLOW),
        "follows_received_7d": _count(events, at, WEEK, _K.FOLLOW),
        "user_blocks_received_7d": _count(events, at, WEEK, _K.BLOCK),
        "plays_30d": sum(event.count for event in _within(_of(events, _K.PLAY), at, MONTH)),
        "observed_days": ((at - events[0].occurred_at) // MICROSECOND) / 86_400_000_000,
    }


def _decayed(events: Iterable[AccountEvent], at: datetime) -> float:
    total = 0.0
    for event in _within(events, at, YEAR):
        total += 2.0 ** -((at - event.occurred_at) / DAY)
    return 0.6931471805599453 / 24.0 * total


def _repeated(posts: Sequence[AccountEvent], at: datetime, window: timedelta) -> float | None:
    told, again = 0, 0
    for place, post in enumerate(posts):
        if not post.content_digest or not at - window < post.occurred_at <= at:
            continue
        told += 1
        again += any(
            before.content_digest == post.content_digest and post.occurred_at - before.occurred_at < YEAR
            for before in posts[:place]
        )
    return again / told if told else None


def _burstiness(posts: Sequence[AccountEvent]) -> float | None:
    if len(posts) < 3 or posts[0].occurred_at == posts[-1].occurred_at:
        return None
    gaps = [(posts[n].occurred_at - posts[n - 1].occurred_at) // MICROSECOND for n in range(1, len(posts))]
    mean = sum(gaps) / len(gaps)
    squares = 0.0
    for gap in gaps:
        squares += (gap - mean) * (gap - mean)
    spread: float = (squares / len(gaps)) ** 0.5
    return (spread - mean) / (spread + mean)


def enforcement(events: Sequence[AccountEvent], at: datetime) -> dict[str, Any]:
    holding = _latest(_of(events, _K.DECISION, _K.REVIEW_OUTCOME))
    blocks = [event for event in holding if event.action == "BLOCK"]
    confirmed = _of(blocks, _K.REVIEW_OUTCOME)
    actioned = [event for event in _within(holding, at, YEAR) if event.action != "ALLOW"]
    reports = _of(events, _K.REPORT_RECEIVED)
    plays = sum(event.count for event in _within(_of(events, _K.PLAY), at, MONTH))
    appeals = _within(_latest(_of(events, _K.APPEAL_OPENED, _K.APPEAL_UPHELD, _K.APPEAL_DENIED)), at, YEAR)
    upheld, denied = len(_of(appeals, _K.APPEAL_UPHELD)), len(_of(appeals, _K.APPEAL_DENIED))
    return {
        **_strikes(events, at),
        "blocks_30d": len(_within(blocks, at, MONTH)),
        "reports_received_7d": len(_within(reports, at, WEEK)),
        "appeals_upheld_365d": upheld,
        "last_action": actioned[-1].action if actioned else "NONE",
        "confirmed_blocks_30d": len(_within(confirmed, at, MONTH)),
        "confirmed_blocks_365d": len(_within(confirmed, at, YEAR)),
        "reports_received_1h": len(_within(reports, at, HOUR)),
        "reports_received_24h": len(_within(reports, at, DAY)),
        "reports_received_30d": len(_within(reports, at, MONTH)),
        "report_rate_decayed": _decayed(reports, at),
        "distinct_reporters_7d": len({event.counterpart_id for event in _within(reports, at, WEEK)}),
        "distinct_reporters_30d": len({event.counterpart_id for event in _within(reports, at, MONTH)}),
        "reports_per_1000_plays_30d": 1000 * len(_within(reports, at, MONTH)) / plays if plays else None,
        "appeal_overturn_ratio_365d": upheld / (upheld + denied) if upheld + denied else None,
    }


def _latest(events: Iterable[AccountEvent]) -> list[AccountEvent]:
    """The last event about each subject, in the order of events."""
    last: dict[str, AccountEvent] = {}
    for event in events:
        last.pop(event.subject_id, None)
        last[event.subject_id] = event
    return list(last.values())


def _strikes(events: Sequence[AccountEvent], at: datetime) -> dict[str, Any]:
    reversed_ = {event.subject_id for event in events if event.kind is _K.STRIKE_REVERSED}
    ended = {event.subject_id for event in events if event.kind is _K.STRIKE_EXPIRED}
    strikes = [event for event in _latest(_of(events, _K.STRIKE_ISSUED)) if event.subject_id not in reversed_]
    points = 0.0
    for strike in strikes:
        if strike.subject_id not in ended and (strike.expires_at is None or strike.expires_at > at):
            points += strike.points
    return {
        "strikes_30d": len(_within(strikes, at, MONTH)),
        "strikes_90d": len(_within(strikes, at, QUARTER)),
        "strikes_365d": len(_within(strikes, at, YEAR)),
        "strike_points": points,
    }


def profile(events: Sequence[AccountEvent], at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = dict.fromkeys([*_PROFILE, "account_age_days", "valid_until"])
    for event in events:  # in order, so that each overrides what came before
        if event.profile is not None:
            registered = event.profile.registered_at
            known = registered is not None and registered <= at
            values = {name: getattr(event.profile, name) for name in _PROFILE}
            values["account_age_days"] = (at - registered).days if registered is not None and known else None
            values["valid_until"] = microseconds(event.occurred_at + MONTH)
        elif event.kind is _K.VERIFICATION:
            values["verified"] = event.verified
    return values


def _first_change(values: Any, events: Sequence[AccountEvent], at: datetime) -> int | None:
    """The first instant at which a value that does not slide differs, in microseconds; tried one by one."""
    now = steady(values(events, at))
    borders = {event.occurred_at + window for event in events for window in (HOUR, DAY, WEEK, MONTH, QUARTER, YEAR)}
    borders |= {event.expires_at for event in events if event.expires_at is not None}
    for border in sorted(borders):
        if border > at and steady(values(events, border)) != now:
            return microseconds(border)
    return None


def steady(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that slide."""
    return {name: value for name, value in values.items() if name not in SLIDING}
