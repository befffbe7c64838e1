"""What happened to an account: the vocabulary of the event log, which every account signal is computed from.

An event is about one account (`account_id`), whoever caused it, and is never changed once it is recorded. What corrects
an earlier one is an event of its own (a strike reversed, a decision overturned).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class EventKind(StrEnum):
    """What happened. `FIELDS` says which fields each kind carries."""

    UPLOAD = "UPLOAD"
    """The account published a work: audio, a playlist, a cover."""
    COMMENT = "COMMENT"
    """The account wrote a comment."""
    REPORT_RECEIVED = "REPORT_RECEIVED"
    """Somebody reported content of the account."""
    STRIKE_ISSUED = "STRIKE_ISSUED"
    """A strike was put on the account."""
    STRIKE_EXPIRED = "STRIKE_EXPIRED"
    """A strike ended before its own expiry time, without being wrong."""
    STRIKE_REVERSED = "STRIKE_REVERSED"
    """A strike was wrong: from then on it counts nowhere."""
    APPEAL_OPENED = "APPEAL_OPENED"
    """The account contested a decision."""
    APPEAL_UPHELD = "APPEAL_UPHELD"
    """The appeal was right, and the decision it contests wrong."""
    APPEAL_DENIED = "APPEAL_DENIED"
    """The appeal was turned down."""
    FOLLOW = "FOLLOW"
    """Another account follows this one."""
    BLOCK = "BLOCK"
    """Another account blocks this one for itself. Not the action BLOCK."""
    VERIFICATION = "VERIFICATION"
    """The identity of the account was verified, or no longer is."""
    PLAY = "PLAY"
    """Content of the account was played, `count` times."""
    PROFILE = "PROFILE"
    """The account system's snapshot of the account. The newest one counts, whole."""
    DECISION = "DECISION"
    """Tidegate decided on an item of the account. Made from the ledger; callers don't send it."""
    REVIEW_OUTCOME = "REVIEW_OUTCOME"
    """A person confirmed or changed a decision; `action` is what holds from then on."""


class EventField(StrEnum):
    """Fields beside id, account, kind and time, by the names of `AccountEvent`."""

    SUBJECT_ID = "subject_id"
    COUNTERPART_ID = "counterpart_id"
    CONTENT_DIGEST = "content_digest"
    POINTS = "points"
    EXPIRES_AT = "expires_at"
    COUNT = "count"
    ACTION = "action"
    VERIFIED = "verified"
    PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class KindFields:
    """What a kind of event carries."""

    required: frozenset[EventField] = frozenset()
    """Without them it is refused."""
    optional: frozenset[EventField] = frozenset()
    """May be absent. Every other field must be."""


def _fields(*required: EventField, optional: tuple[EventField, ...] = ()) -> KindFields:
    return KindFields(frozenset(required), frozenset(optional))


_F = EventField
FIELDS: Mapping[EventKind, KindFields] = MappingProxyType(
    {
        EventKind.UPLOAD: _fields(_F.SUBJECT_ID, optional=(_F.CONTENT_DIGEST,)),
        EventKind.COMMENT: _fields(_F.SUBJECT_ID, optional=(_F.CONTENT_DIGEST,)),
        EventKind.REPORT_RECEIVED: _fields(_F.COUNTERPART_ID, optional=(_F.SUBJECT_ID,)),
        EventKind.STRIKE_ISSUED: _fields(_F.SUBJECT_ID, _F.POINTS, optional=(_F.EXPIRES_AT,)),
        EventKind.STRIKE_EXPIRED: _fields(_F.SUBJECT_ID),
        EventKind.STRIKE_REVERSED: _fields(_F.SUBJECT_ID),
        EventKind.APPEAL_OPENED: _fields(_F.SUBJECT_ID),
        EventKind.APPEAL_UPHELD: _fields(_F.SUBJECT_ID),
        EventKind.APPEAL_DENIED: _fields(_F.SUBJECT_ID),
        EventKind.FOLLOW: _fields(_F.COUNTERPART_ID),
        EventKind.BLOCK: _fields(_F.COUNTERPART_ID),
        EventKind.VERIFICATION: _fields(_F.VERIFIED),
        EventKind.PLAY: _fields(_F.COUNT, optional=(_F.SUBJECT_ID,)),
        EventKind.PROFILE: _fields(_F.PROFILE),
        EventKind.DECISION: _fields(_F.SUBJECT_ID, _F.ACTION, optional=(_F.CONTENT_DIGEST,)),
        EventKind.REVIEW_OUTCOME: _fields(_F.SUBJECT_ID, _F.ACTION),
    }
)
"""Which fields each kind carries."""

SENT_KINDS = tuple(kind for kind in EventKind if kind is not EventKind.DECISION)
"""What callers send and load. Decisions come from the ledger alone."""


@dataclass(frozen=True, slots=True)
class ProfileFacts:
    """The account system's snapshot. None means that it did not say, which is not 0 and not false."""

    registered_at: datetime | None = None
    """When the account was made, UTC."""
    followers: int | None = None
    """Accounts that follow it."""
    following: int | None = None
    """Accounts that it follows."""
    listed: int | None = None
    """Lists or playlists of others that it is on."""
    likes_given: int | None = None
    """Likes that it gave."""
    posts: int | None = None
    """Posts in its whole life."""
    verified: bool | None = None
    """Its identity was verified."""
    email_confirmed: bool | None = None
    """Its e-mail address was confirmed."""
    plan: str | None = None
    """One of `refs.Plan`."""
    default_profile: bool | None = None
    """It never changed the looks of its page."""
    default_picture: bool | None = None
    """It has no picture of its own."""
    extended_profile: bool | None = None
    """It filled in the longer profile."""
    handle_length: int | None = None
    """Characters of its handle."""
    handle_digits: int | None = None
    """Digits in its handle."""
    description_length: int | None = None
    """Characters of its description."""
    has_url: bool | None = None
    """Its profile names a link."""
    has_location: bool | None = None
    """Its profile names a place."""


@dataclass(frozen=True, slots=True)
class AccountEvent:
    """One thing that happened to one account."""

    event_id: str
    """The sender's id, unique for good. The same id with the same content is a repeat."""
    account_id: str
    """The account that the event is about."""
    kind: EventKind
    """What happened."""
    occurred_at: datetime
    """When, at its source; UTC, whole microseconds."""
    subject_id: str = ""
    """What it is about: the content, the strike, the appeal or the decision. Empty if none."""
    counterpart_id: str = ""
    """Which other account took part: the reporter, the follower, the blocker. Empty if none."""
    content_digest: str = ""
    """SHA-256 of the content, 64 lower-case hex digits; empty if not told."""
    points: float = 0.0
    """Weight of a strike, above 0."""
    expires_at: datetime | None = None
    """When a strike stops to weigh; None: never by itself."""
    count: int = 1
    """How often, for PLAY."""
    action: str = ""
    """For DECISION and REVIEW_OUTCOME: a `moderation.decision.Action` by name."""
    verified: bool | None = None
    """For VERIFICATION: whether the identity is verified from then on."""
    profile: ProfileFacts | None = None
    """For PROFILE."""
