"""One valid event of each kind that callers send: what `tidegate events example` prints."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from tidegate.client import AccountEvent, EventKind, ProfileFacts

_DIGEST = sha256(b"the content, as it was published").hexdigest()


def examples(account_id: str, *, now: datetime) -> list[AccountEvent]:
    """Events of this account in an order in which they could happen, the last one now."""
    others = (name for name in ("account-2", "account-3", "account-4") if name != account_id)
    follower, reporter = next(others), next(others)
    told: dict[EventKind, dict[str, Any]] = {
        EventKind.PROFILE: {
            "profile": ProfileFacts(
                registered_at=now - timedelta(days=400),
                followers=120,
                following=80,
                posts=312,
                verified=False,
                email_confirmed=True,
                plan="premium",
                handle_length=9,
                handle_digits=2,
            )
        },
        EventKind.UPLOAD: {"subject_id": "upload-1", "content_digest": _DIGEST},
        EventKind.COMMENT: {"subject_id": "comment-1", "content_digest": _DIGEST},
        EventKind.PLAY: {"subject_id": "upload-1", "count": 25},
        EventKind.FOLLOW: {"counterpart_id": follower},
        EventKind.BLOCK: {"counterpart_id": reporter},
        EventKind.REPORT_RECEIVED: {"subject_id": "comment-1", "counterpart_id": reporter},
        EventKind.STRIKE_ISSUED: {"subject_id": "strike-1", "points": 1.0, "expires_at": now + timedelta(days=90)},
        EventKind.STRIKE_EXPIRED: {"subject_id": "strike-1"},
        EventKind.STRIKE_REVERSED: {"subject_id": "strike-1"},
        EventKind.APPEAL_OPENED: {"subject_id": "appeal-1"},
        EventKind.APPEAL_UPHELD: {"subject_id": "appeal-1"},
        EventKind.APPEAL_DENIED: {"subject_id": "appeal-2"},
        EventKind.REVIEW_OUTCOME: {"subject_id": "decision-1", "action": "ALLOW"},
        EventKind.VERIFICATION: {"verified": True},
    }
    return [
        AccountEvent(
            event_id=f"example-{now:%Y%m%dT%H%M%S%f}-{kind.lower()}",
            account_id=account_id,
            kind=kind,
            occurred_at=now - timedelta(seconds=len(told) - 1 - place),
            **fields,
        )
        for place, (kind, fields) in enumerate(told.items())
    ]
