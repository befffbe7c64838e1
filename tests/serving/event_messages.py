"""Events as messages, and an intake in memory to give them to."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.api.moderation.v1 import decision_pb2
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.stream.intake import RecordedEvent, Refusal, RefusedEvent

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
"""The clock of servers in these tests."""
DIGEST = "ab" * 32


def stamp(when: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(when)
    return made


def comment(event_id: str, *, account: str = "account-1", at: datetime = NOW, subject: str = "c-1") -> pb.AccountEvent:
    return pb.AccountEvent(
        event_id=event_id, account_id=account, occur_time=stamp(at), comment=pb.CommentEvent(subject_id=subject)
    )


def one_of_each_kind() -> list[pb.AccountEvent]:
    """Every kind with every field set."""
    common: dict[str, Any] = {"account_id": "account-1", "occur_time": stamp(NOW)}
    kinds: dict[str, Any] = {
        "upload": pb.UploadEvent(subject_id="u-1", content_digest=DIGEST),
        "comment": pb.CommentEvent(subject_id="c-1", content_digest=DIGEST),
        "report_received": pb.ReportReceivedEvent(counterpart_id="account-2", subject_id="c-1"),
        "strike_issued": pb.StrikeIssuedEvent(
            subject_id="s-1", points=1.5, expire_time=stamp(NOW + timedelta(days=90))
        ),
        "strike_expired": pb.StrikeExpiredEvent(subject_id="s-1"),
        "strike_reversed": pb.StrikeReversedEvent(subject_id="s-1"),
        "appeal_opened": pb.AppealOpenedEvent(subject_id="a-1"),
        "appeal_upheld": pb.AppealUpheldEvent(subject_id="a-1"),
        "appeal_denied": pb.AppealDeniedEvent(subject_id="a-1"),
        "follow": pb.FollowEvent(counterpart_id="account-3"),
        "block": pb.BlockEvent(counterpart_id="account-4"),
        "verification": pb.VerificationEvent(verified=False),
        "play": pb.PlayEvent(count=7, subject_id="u-1"),
        "profile": pb.ProfileEvent(
            register_time=stamp(NOW - timedelta(days=400)),
            followers=0,
            following=2,
            listed=3,
            likes_given=4,
            posts=5,
            verified=True,
            email_confirmed=False,
            plan="premium",
            default_profile=False,
            default_picture=True,
            extended_profile=False,
            handle_length=9,
            handle_digits=0,
            description_length=80,
            has_url=True,
            has_location=False,
        ),
        "review_outcome": pb.ReviewOutcomeEvent(subject_id="d-1", action=decision_pb2.ACTION_BLOCK),
    }
    return [pb.AccountEvent(event_id=f"e-{what}", **common, **{what: message}) for what, message in kinds.items()]


class ListedIntake:
    """Keeps events by id, in order. Away while `away` is set; then it records nothing."""

    def __init__(self) -> None:
        self.events: dict[str, AccountEvent] = {}
        self.calls: list[tuple[int, bool]] = []
        self.away = 0

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        self.calls.append((len(events), backfill))
        if self.away:
            self.away -= 1
            raise EventLogUnavailableError
        return [self._record(event) for event in events]

    async def ready(self) -> bool:
        return not self.away

    async def close(self) -> None:
        return

    def _record(self, event: AccountEvent) -> RecordedEvent | RefusedEvent:
        known = self.events.setdefault(event.event_id, event)
        if known != event:
            return RefusedEvent(Refusal.CONFLICT, "event_id", "was recorded with other content")
        return RecordedEvent(Appended.NEW if known is event else Appended.REPEATED)
