"""A decision to count, with whatever a test is about."""

from datetime import UTC, datetime

from tidegate.moderation.decision import (
    Action,
    Completeness,
    DecisionInputs,
    DecisionRecord,
    PolicyReference,
    Violation,
)
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACCOUNT, CONTENT, PART = "account-4711", "content-0815", "part-9"
"""Ids that no metric may carry."""


def harm(severity: int) -> DetectorRun:
    return DetectorRun("text_harm", "3", DetectorStatus.OK, PART, severities={"hate": severity})


def decision(
    *,
    runs: tuple[DetectorRun, ...] = (),
    account: AccountSignals | None = None,
    action: Action = Action.ALLOW,
    violations: tuple[Violation, ...] = (),
) -> DecisionRecord:
    return DecisionRecord(
        decision_id="d",
        trace_id="0" * 32,
        content_id=CONTENT,
        account_id=ACCOUNT,
        decided_at=NOW,
        inputs=DecisionInputs(
            surface=Surface.COMMENT,
            market="SE",
            language="",
            source=next(iter(NoticeSource)),
            parts=(),
            detectors=runs,
            account=account or AccountSignals(LookupStatus.NOT_NEEDED),
        ),
        policy=PolicyReference("p", 1, "0" * 64),
        action=action,
        completeness=Completeness.COMPLETE,
        violations=violations,
    )
