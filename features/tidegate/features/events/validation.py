"""What an event must look like to be recorded. Pure: the clock's reading comes in.

Looks at the events that `FIELDS` describes, whoever sends them. Whether a sender may send a kind at all (callers send
no DECISION) is for the one who takes the call to say.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from tidegate.features.events.event import FIELDS, AccountEvent, EventField, EventKind, ProfileFacts
from tidegate.features.refs import Plan
from tidegate.features.stream.intake import Refusal, RefusedEvent
from tidegate.moderation.decision import Action


@dataclass(frozen=True, slots=True)
class EventLimits:
    """What is allowed."""

    max_event_id_characters: int = 160
    """Of `event_id`: a decision's id with `decision:` before it has room."""
    max_account_id_characters: int = 128
    """Of `account_id` and `counterpart_id`: as long as an item's account id may be."""
    max_subject_id_characters: int = 256
    """Of `subject_id`: as long as a content id may be."""
    max_lateness: timedelta = timedelta(days=7)
    """What happened longer ago needs a backfill."""
    max_backfill: timedelta = timedelta(days=3 * 365)
    """What happened longer ago is never taken: no window reaches so far."""
    max_ahead: timedelta = timedelta(minutes=5)
    """How far the sender's clock may be ahead of ours."""
    max_points: float = 1_000.0
    """Of one strike."""
    max_count: int = 1_000_000_000
    """Plays in one event."""
    max_profile_count: int = 1_000_000_000_000
    """Of any number in a profile."""


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A field and what is the matter with it."""

    field: str
    message: str
    reason: Refusal = Refusal.INVALID


DEFAULT_LIMITS = EventLimits()
"""As the service takes events."""

_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
)  # surrogates: half a character, which no UTF-8 holds
_DIGEST = re.compile("[0-9a-f]{64}")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_ACTIONS = frozenset(Action)
_PLANS = frozenset(Plan)
_FACT_COUNTS = tuple(each.name for each in fields(ProfileFacts) if each.type == (int | None))


def refusal(
    event: AccountEvent, *, now: datetime, backfill: bool, limits: EventLimits = DEFAULT_LIMITS
) -> RefusedEvent | None:
    """None if the event may be recorded, else the first thing that is wrong with it.

    Args:
        event: As it was sent.
        now: Our clock's reading, aware.
        backfill: Whether the sender says that he sends what is long past.
        limits: What is allowed.
    """
    wrong = next(_wrongs(event, now=now, backfill=backfill, limits=limits), None)
    return None if wrong is None else RefusedEvent(wrong.reason, str(wrong.field), wrong.message)


def _wrongs(event: AccountEvent, *, now: datetime, backfill: bool, limits: EventLimits) -> Iterator[_Wrong]:
    """All that is wrong, what stands for the whole event first. Lazily: later checks rely on earlier ones."""
    yield from _name("event_id", event.event_id, limits.max_event_id_characters)
    yield from _name("account_id", event.account_id, limits.max_account_id_characters)
    yield from _aware("occurred_at", event.occurred_at)
    yield from _time(event.occurred_at, now=now, backfill=backfill, limits=limits)
    carried = _carried(event)
    yield from _belonging(event.kind, carried)
    for field in sorted(carried):
        yield from _value(field, event, now=now, limits=limits)


def _time(occurred_at: datetime, *, now: datetime, backfill: bool, limits: EventLimits) -> Iterator[_Wrong]:
    if occurred_at > now + limits.max_ahead:
        message = f"must be at most {limits.max_ahead} ahead of {_shown(now)}, is {_shown(occurred_at)}"
        yield _Wrong("occurred_at", message, Refusal.IN_FUTURE)
    oldest = now - (limits.max_backfill if backfill else limits.max_lateness)
    if occurred_at < oldest:
        message = f"must not be before {_shown(oldest)}, is {_shown(occurred_at)}"
        hint = "" if backfill else "; a backfill may go further back"
        yield _Wrong("occurred_at", message + hint, Refusal.TOO_LATE)


def _carried(event: AccountEvent) -> set[EventField]:
    """Fields that say something. A number that is not one (NaN) says something: it differs from any default."""
    told = {
        EventField.SUBJECT_ID: event.subject_id != "",
        EventField.COUNTERPART_ID: event.counterpart_id != "",
        EventField.CONTENT_DIGEST: event.content_digest != "",
        EventField.POINTS: event.points != 0.0,
        EventField.EXPIRES_AT: event.expires_at is not None,
        EventField.COUNT: event.count != 1 or event.kind is EventKind.PLAY,
        EventField.ACTION: event.action != "",
        EventField.VERIFIED: event.verified is not None,
        EventField.PROFILE: event.profile is not None,
    }
    return {field for field, carried in told.items() if carried}


def _belonging(kind: EventKind, carried: set[EventField]) -> Iterator[_Wrong]:
    allowed = FIELDS[kind]
    for field in sorted(allowed.required - carried):
        yield _Wrong(field, f"is missing: {kind} requires {_listed(allowed.required)}")
    for field in sorted(carried - allowed.required - allowed.optional):
        yield _Wrong(
            field, f"does not belong to {kind}, which may carry {_listed(allowed.required | allowed.optional)}"
        )


def _value(field: EventField, event: AccountEvent, *, now: datetime, limits: EventLimits) -> Iterator[_Wrong]:
    match field:
        case EventField.SUBJECT_ID:
            yield from _name(field, event.subject_id, limits.max_subject_id_characters)
        case EventField.COUNTERPART_ID:
            yield from _name(field, event.counterpart_id, limits.max_account_id_characters)
            if event.counterpart_id == event.account_id:  # every kind that carries one tells what another account did
                yield _Wrong(field, f"must name another account than account_id: {event.kind} is what others do to it")
        case EventField.COUNT:
            yield from _whole(field, event.count, least=1, most=limits.max_count)
        case EventField.EXPIRES_AT:
            yield from _expiry(event)
        case EventField.PROFILE:
            yield from _profile(event.profile or ProfileFacts(), now=now, limits=limits)
        case _:
            yield from _plain(field, event, limits=limits)


def _plain(field: EventField, event: AccountEvent, *, limits: EventLimits) -> Iterator[_Wrong]:
    if field is EventField.CONTENT_DIGEST and not _DIGEST.fullmatch(event.content_digest):
        yield _Wrong(field, "must be a SHA-256 as 64 lower-case hexadecimal digits, or empty")
    if field is EventField.POINTS and not 0.0 < event.points <= limits.max_points:  # NaN is neither
        yield _Wrong(field, f"must be above 0 and at most {limits.max_points:g}, is {event.points:g}")
    if field is EventField.ACTION and event.action not in _ACTIONS:
        yield _Wrong(field, f"must be one of {', '.join(Action)}")


def _expiry(event: AccountEvent) -> Iterator[_Wrong]:
    if event.expires_at is None:
        return
    yield from _aware("expires_at", event.expires_at)
    if event.expires_at <= event.occurred_at:
        yield _Wrong("expires_at", f"must be after occurred_at, {_shown(event.occurred_at)}")


def _profile(facts: ProfileFacts, *, now: datetime, limits: EventLimits) -> Iterator[_Wrong]:
    if facts.registered_at is not None:
        yield from _aware("profile.registered_at", facts.registered_at)
        latest = now + limits.max_ahead
        if not _EARLIEST <= facts.registered_at <= latest:
            message = f"must lie between {_shown(_EARLIEST)} and {_shown(latest)}, is {_shown(facts.registered_at)}"
            yield _Wrong("profile.registered_at", message)
    for name in _FACT_COUNTS:
        value = getattr(facts, name)
        if value is not None:
            yield from _whole(f"profile.{name}", value, least=0, most=limits.max_profile_count)
    if facts.plan is not None and facts.plan not in set(Plan):
        yield _Wrong("profile.plan", f"must be one of {_PLANS}, or absent")
    if (
        facts.handle_length is not None
        and facts.handle_digits is not None
        and facts.handle_digits > facts.handle_length
    ):
        message = f"must be at most handle_length, {facts.handle_length}, is {facts.handle_digits}"
        yield _Wrong("profile.handle_digits", message)


def _name(field: str, value: str, most: int) -> Iterator[_Wrong]:
    if not 1 <= len(value) <= most:
        yield _Wrong(field, f"must have 1 to {most} characters, has {len(value)}")
    if _CONTROL.search(value):
        yield _Wrong(field, "must not contain control characters, line separators or halves of characters")


def _whole(field: str, value: int, *, least: int, most: int) -> Iterator[_Wrong]:
    if not math.isfinite(value) or value != int(value):  # whoever made the event may not have kept to its types
        yield _Wrong(field, "must be a whole number")
    if not least <= value <= most:
        yield _Wrong(field, f"must lie between {least} and {most}, is {value}")


def _aware(field: str, value: datetime) -> Iterator[_Wrong]:
    if value.utcoffset() is None:
        yield _Wrong(field, "must name its offset from UTC")


def _listed(names: frozenset[EventField]) -> str:
    return ", ".join(sorted(names)) or "no further field"


def _shown(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
