"""Domain to responses."""

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import decision_pb2 as pb
from tidegate.moderation.decision import DecisionRecord, PolicyReference, RuleEvaluation, ShadowOutcome, Violation
from tidegate.moderation.detection import Attribution, BankMatch, DetectorRun, Moment
from tidegate.moderation.item import PartFacts
from tidegate.moderation.signals import FeatureValue, Freshness


def decision(
    record: DecisionRecord, *, evaluations: Sequence[RuleEvaluation] | None = None, from_idempotency_key: bool = False
) -> pb.Decision:
    """A recorded decision as callers see it. `evaluations` adds the explanation."""
    message = pb.Decision(
        decision_id=record.decision_id,
        trace_id=record.trace_id,
        content_id=record.content_id,
        decided_at=_timestamp(record.decided_at),
        action=pb.Action.Value(f"ACTION_{record.action.name}"),
        completeness=pb.Completeness.Value(f"COMPLETENESS_{record.completeness.name}"),
        policy=_policy(record.policy),
        violations=[_violation(violation) for violation in record.violations],
        detectors=[_detector(run) for run in record.inputs.detectors],
        features=_features(record.inputs.account.values),
        shadow=[_shadow(outcome) for outcome in record.shadow],
        hops={name: _duration(elapsed_ms) for name, elapsed_ms in (record.hops_ms or {}).items()},
        parts=[_part(part) for part in record.inputs.parts],
        from_idempotency_key=from_idempotency_key,
        context=pb.DecisionContext(
            surface=content_pb2.Surface.Value(f"SURFACE_{record.inputs.surface.name}"),
            market=record.inputs.market,
            language=record.inputs.language,
            source=content_pb2.NoticeSource.Value(f"NOTICE_SOURCE_{record.inputs.source.name}"),
        ),
    )
    message.account_lookup = pb.LookupStatus.Value(f"LOOKUP_STATUS_{record.inputs.account.status.name}")
    message.account_known = record.inputs.account.known
    if evaluations is not None:
        message.explanation.rules.extend(_evaluation(evaluation) for evaluation in evaluations)
    return message


def _policy(policy: PolicyReference) -> pb.PolicyReference:
    return pb.PolicyReference(id=policy.id, version=policy.version, digest=policy.digest)


def _violation(violation: Violation) -> pb.Violation:
    return pb.Violation(
        rule=violation.rule,
        category=violation.category,
        action=pb.Action.Value(f"ACTION_{violation.action.name}"),
        score=violation.score,
        threshold=violation.threshold,
        part=violation.part,
        message=violation.message,
        value=pb.RuleValue.Value(f"RULE_VALUE_{violation.value.name}"),
        missing=violation.missing,
    )


def _detector(run: DetectorRun) -> pb.DetectorRun:
    return pb.DetectorRun(
        name=run.name,
        version=run.version,
        status=pb.DetectorStatus.Value(f"DETECTOR_STATUS_{run.status.name}"),
        latency=_duration(run.latency_ms),
        part=run.part,
        scores=run.scores,
        severities=run.severities,
        language=run.language,
        matches=[_match(match) for match in run.matches],
        attributions=[_attribution(attribution) for attribution in run.attributions],
        moments={label: _moment(moment) for label, moment in run.moments.items()},
        shadow=run.shadow,
    )


def _match(match: BankMatch) -> pb.BankMatch:
    return pb.BankMatch(bank=match.bank, entry=match.entry, distance=match.distance, allowed=match.allowed)


def _attribution(attribution: Attribution) -> pb.Attribution:
    return pb.Attribution(
        label=attribution.label, start=attribution.start, end=attribution.end, weight=attribution.weight
    )


def _moment(moment: Moment) -> pb.Moment:
    return pb.Moment(start_ms=moment.start_ms, end_ms=moment.end_ms)


def _features(values: Sequence[FeatureValue]) -> list[pb.FeatureValue]:
    """Some sixty an item, so this is a loop without calls: the values of a view share their event time."""
    fresh, stale = Freshness.FRESH, Freshness.STALE
    moment, stamp = None, None
    messages: list[pb.FeatureValue] = []
    for name, value, freshness, event_time in values:
        if event_time is not moment:
            moment, stamp = event_time, None if event_time is None else _timestamp(event_time)
        message = pb.FeatureValue(
            name=name,
            freshness=pb.FRESHNESS_FRESH
            if freshness is fresh
            else pb.FRESHNESS_STALE
            if freshness is stale
            else pb.FRESHNESS_MISSING,
            event_time=stamp,
        )
        match value:
            case None:
                pass
            case bool():
                message.value.bool_value = value
            case int():
                message.value.int_value = value
            case float():
                message.value.double_value = value
            case _:
                message.value.string_value = value
        messages.append(message)
    return messages


def _shadow(outcome: ShadowOutcome) -> pb.ShadowDecision:
    return pb.ShadowDecision(
        policy=_policy(outcome.policy),
        action=pb.Action.Value(f"ACTION_{outcome.action.name}"),
        rules=outcome.rules,
    )


def _part(part: PartFacts) -> pb.PartDigest:
    return pb.PartDigest(id=part.id, kind=part.kind, sha256=part.sha256, size_bytes=part.size_bytes)


def _evaluation(evaluation: RuleEvaluation) -> pb.RuleEvaluation:
    return pb.RuleEvaluation(
        rule=evaluation.rule,
        value=pb.RuleValue.Value(f"RULE_VALUE_{evaluation.value.name}"),
        missing=evaluation.missing,
        condition=evaluation.condition,
        score=evaluation.score,
        threshold=evaluation.threshold,
    )


def _duration(elapsed_ms: float) -> Duration:
    message = Duration()
    message.FromNanoseconds(round(elapsed_ms * 1e6))
    return message


def _timestamp(moment: datetime) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(moment)
    return message
