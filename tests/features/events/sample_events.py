"""Events to put into logs: one of each kind, and many of one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from tidegate.features.events.event import AccountEvent, EventKind, ProfileFacts

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_001, tzinfo=UTC)
DIGEST = "0123456789abcdef" * 4

FULL_PROFILE = ProfileFacts(
    registered_at=datetime(2015, 6, 1, 8, 30, 0, 1, tzinfo=UTC),
    followers=0,
    following=12,
    listed=1,
    likes_given=900,
    posts=44,
    verified=False,
    email_confirmed=True,
    plan="premium",
    default_profile=False,
    default_picture=True,
    extended_profile=False,
    handle_length=11,
    handle_digits=2,
    description_length=0,
    has_url=True,
    has_location=False,
)


def upload(
    event_id: str = "e-1",
    account_id: str = "acct-1",
    *,
    occurred_at: datetime = NOW,
    subject_id: str = "content-1",
    content_digest: str = "",
) -> AccountEvent:
    """One upload."""
    return AccountEvent(
        event_id, account_id, EventKind.UPLOAD, occurred_at, subject_id=subject_id, content_digest=content_digest
    )


def report(event_id: str, account_id: str, *, reporter: str, occurred_at: datetime = NOW) -> AccountEvent:
    """Somebody reports the account."""
    return AccountEvent(event_id, account_id, EventKind.REPORT_RECEIVED, occurred_at, counterpart_id=reporter)


def one_of_each(account_id: str = "acct-1") -> Sequence[AccountEvent]:
    """All kinds with all that they may carry, one a minute, oldest first."""
    start = NOW - timedelta(hours=1)
    carried: list[tuple[EventKind, dict[str, object]]] = [
        (EventKind.UPLOAD, {"subject_id": "content-1", "content_digest": DIGEST}),
        (EventKind.COMMENT, {"subject_id": "comment-ü"}),
        (EventKind.REPORT_RECEIVED, {"counterpart_id": "acct-2", "subject_id": "content-1"}),
        (EventKind.STRIKE_ISSUED, {"subject_id": "s-1", "points": 2.5, "expires_at": NOW + timedelta(days=90)}),
        (EventKind.STRIKE_EXPIRED, {"subject_id": "s-1"}),
        (EventKind.STRIKE_REVERSED, {"subject_id": "s-1"}),
        (EventKind.APPEAL_OPENED, {"subject_id": "a-1"}),
        (EventKind.APPEAL_UPHELD, {"subject_id": "a-1"}),
        (EventKind.APPEAL_DENIED, {"subject_id": "a-2"}),
        (EventKind.FOLLOW, {"counterpart_id": "acct-3"}),
        (EventKind.BLOCK, {"counterpart_id": "acct-4"}),
        (EventKind.VERIFICATION, {"verified": False}),
        (EventKind.PLAY, {"count": 12_000, "subject_id": "content-1"}),
        (EventKind.PROFILE, {"profile": FULL_PROFILE}),
        (EventKind.DECISION, {"subject_id": "d-1", "action": "BLOCK", "content_digest": DIGEST}),
        (EventKind.REVIEW_OUTCOME, {"subject_id": "d-1", "action": "ALLOW"}),
    ]
    return [
        AccountEvent(f"{account_id}/{at}", account_id, kind, start + timedelta(minutes=at), **fields)  # type: ignore[arg-type] # the table above keeps to the fields' types
        for at, (kind, fields) in enumerate(carried)
    ]
