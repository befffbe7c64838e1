"""Decisions as callers of the client get them: typed, in the shared vocabulary."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import grpc
from google.protobuf.message import Message

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import decision_pb2 as pb
from tidegate.client.errors import ModerationError
from tidegate.moderation.decision import (
    Action,
    Completeness,
    DecisionInputs,
    PolicyReference,
    RuleEvaluation,
    RuleValue,
    ShadowOutcome,
    Violation,
)
from tidegate.moderation.detection import Attribution, BankMatch, DetectorRun, DetectorStatus, Moment
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision. Fields are named as in the decision record."""

    decision_id: str
    """The decision's id in the ledger."""
    trace_id: str
    """The trace it was made in, 32 hex digits."""
    content_id: str
    """The caller's id of the content."""
    decided_at: datetime
    """UTC."""
    inputs: DecisionInputs
    """What it was decided from: detectors, account signals, parts without content."""
    policy: PolicyReference
    """The policy that decided."""
    action: Action
    """What to do."""
    completeness: Completeness
    """Whether all signals were there."""
    violations: tuple[Violation, ...]
    """Why, most severe first."""
    shadow: tuple[ShadowOutcome, ...]
    """What shadow policies would have decided."""
    hops_ms: Mapping[str, float]
    """Server time by hop, in milliseconds."""
    evaluations: tuple[RuleEvaluation, ...] | None
    """How each rule came out; None unless asked to explain."""
    from_idempotency_key: bool
    """True if it was made before, under the same key."""


def decision_of(message: pb.Decision) -> Decision:
    """From the wire.

    Raises:
        ModerationError: The service is newer than this client and said something that it has no word for. Guessing an
            action would not be safe.
    """
    try:
        return _decision(message)
    except (KeyError, ValueError) as error:
        raise ModerationError(
            grpc.StatusCode.UNKNOWN, f"the answer needs a newer client: {error}", reason="CLIENT_TOO_OLD"
        ) from error


def _decision(message: pb.Decision) -> Decision:
    return Decision(
        decision_id=message.decision_id,
        trace_id=message.trace_id,
        content_id=message.content_id,
        decided_at=message.decided_at.ToDatetime(UTC),
        inputs=_inputs(message),
        policy=_policy(message.policy),
        action=Action[_name(pb.Action.Name(message.action), "ACTION_")],
        completeness=Completeness[_name(pb.Completeness.Name(message.completeness), "COMPLETENESS_")],
        violations=tuple(_violation(each) for each in message.violations),
        shadow=tuple(
            ShadowOutcome(
                _policy(each.policy), Action[_name(pb.Action.Name(each.action), "ACTION_")], tuple(each.rules)
            )
            for each in message.shadow
        ),
        hops_ms={name: elapsed.ToNanoseconds() / 1e6 for name, elapsed in message.hops.items()},
        evaluations=tuple(_evaluation(each) for each in message.explanation.rules)
        if message.HasField("explanation")
        else None,
        from_idempotency_key=message.from_idempotency_key,
    )


def _inputs(message: pb.Decision) -> DecisionInputs:
    context = message.context
    return DecisionInputs(
        surface=Surface[_name(content_pb2.Surface.Name(context.surface), "SURFACE_")],
        market=context.market,
        language=context.language,
        source=NoticeSource[_name(content_pb2.NoticeSource.Name(context.source), "NOTICE_SOURCE_")],
        parts=tuple(PartFacts(each.id, PartKind(each.kind), each.sha256, each.size_bytes) for each in message.parts),
        detectors=tuple(_detector(each) for each in message.detectors),
        account=AccountSignals(
            status=LookupStatus[_name(pb.LookupStatus.Name(message.account_lookup), "LOOKUP_STATUS_")],
            known=message.account_known,
            values=tuple(_feature(each) for each in message.features),
        ),
    )


def _policy(message: pb.PolicyReference) -> PolicyReference:
    return PolicyReference(message.id, message.version, message.digest)


def _violation(message: pb.Violation) -> Violation:
    return Violation(
        rule=message.rule,
        category=message.category,
        action=Action[_name(pb.Action.Name(message.action), "ACTION_")],
        value=RuleValue[_name(pb.RuleValue.Name(message.value), "RULE_VALUE_")],
        score=_optional(message, "score"),
        threshold=_optional(message, "threshold"),
        part=message.part,
        message=message.message,
        missing=tuple(message.missing),
    )


def _detector(message: pb.DetectorRun) -> DetectorRun:
    return DetectorRun(
        name=message.name,
        version=message.version,
        status=DetectorStatus[_name(pb.DetectorStatus.Name(message.status), "DETECTOR_STATUS_")],
        part=message.part,
        latency_ms=message.latency.ToNanoseconds() / 1e6,
        scores=dict(message.scores),
        severities=dict(message.severities),
        language=message.language,
        matches=tuple(BankMatch(each.bank, each.entry, each.distance, each.allowed) for each in message.matches),
        attributions=tuple(Attribution(each.label, each.start, each.end, each.weight) for each in message.attributions),
        moments={label: Moment(each.start_ms, each.end_ms) for label, each in message.moments.items()},
        shadow=message.shadow,
    )


def _feature(message: pb.FeatureValue) -> FeatureValue:
    kind = message.value.WhichOneof("kind") if message.HasField("value") else None
    value: FeatureScalar | None = getattr(message.value, kind) if kind else None
    return FeatureValue(
        name=message.name,
        value=value,
        freshness=Freshness[_name(pb.Freshness.Name(message.freshness), "FRESHNESS_")],
        event_time=message.event_time.ToDatetime(UTC) if message.HasField("event_time") else None,
    )


def _evaluation(message: pb.RuleEvaluation) -> RuleEvaluation:
    return RuleEvaluation(
        rule=message.rule,
        value=RuleValue[_name(pb.RuleValue.Name(message.value), "RULE_VALUE_")],
        missing=tuple(message.missing),
        condition=message.condition,
        score=_optional(message, "score"),
        threshold=_optional(message, "threshold"),
    )


def _optional(message: Message, name: str) -> float | None:
    return float(getattr(message, name)) if message.HasField(name) else None


def _name(full: str, prefix: str) -> str:
    return full.removeprefix(prefix)
