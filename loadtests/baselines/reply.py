"""A decision as the contract has it: from the inputs and the policy's outcome straight to the message."""

import hashlib
import os
import time
from collections.abc import Sequence

from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import decision_pb2 as pb
from tidegate.moderation.decision import DecisionInputs, PolicyOutcome, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import FeatureValue, LookupStatus

SURFACES = {content_pb2.Surface.Value(f"SURFACE_{surface.name}"): surface for surface in Surface}
"""What policies call the surfaces."""
SOURCES = {content_pb2.NoticeSource.Value(f"NOTICE_SOURCE_{source.name}"): source for source in NoticeSource}
"""What policies call the sources of notices."""

_ACTION = {name.removeprefix("ACTION_"): value for name, value in pb.Action.items()}
_STATUS = {name.removeprefix("DETECTOR_STATUS_"): value for name, value in pb.DetectorStatus.items()}
_FRESHNESS = {name.removeprefix("FRESHNESS_"): value for name, value in pb.Freshness.items()}
_LOOKUP = {name.removeprefix("LOOKUP_STATUS_"): value for name, value in pb.LookupStatus.items()}
_VALUE = {name.removeprefix("RULE_VALUE_"): value for name, value in pb.RuleValue.items()}


def facts_of(part: content_pb2.ContentPart) -> PartFacts:
    """A text part without its text."""
    content = part.text.text.encode()
    return PartFacts(part.id, PartKind.TEXT, hashlib.sha256(content).hexdigest(), len(content))


def completeness_of(runs: Sequence[DetectorRun], *, stale: bool) -> pb.Completeness.ValueType:
    """Whether all signals were there; `runs` and the account are both asked."""
    good = [*(run.status is DetectorStatus.OK for run in runs), not stale]
    if all(good):
        return pb.COMPLETENESS_COMPLETE
    return pb.COMPLETENESS_PARTIAL if any(good) else pb.COMPLETENESS_FAILED


def decision_of(
    item: content_pb2.ContentItem, inputs: DecisionInputs, outcome: PolicyOutcome, *, stale: bool
) -> pb.Decision:
    """The decision, with an id and a time of its own."""
    account = inputs.account
    decision = pb.Decision(
        decision_id=os.urandom(16).hex(),
        trace_id=os.urandom(16).hex(),
        content_id=item.content_id,
        action=_ACTION[outcome.action.name],
        completeness=completeness_of(inputs.detectors, stale=stale),
        policy=pb.PolicyReference(id=outcome.policy.id, version=outcome.policy.version, digest=outcome.policy.digest),
        violations=[_violation(each) for each in outcome.violations],
        detectors=[_run(each) for each in inputs.detectors],
        features=[_feature(each) for each in account.values],
        parts=[
            pb.PartDigest(id=each.id, kind=each.kind, sha256=each.sha256, size_bytes=each.size_bytes)
            for each in inputs.parts
        ],
        context=pb.DecisionContext(
            surface=item.surface, market=item.market, language=item.language, source=item.source
        ),
        account_lookup=_LOOKUP[LookupStatus.OK.name],
        account_known=account.known,
    )
    decision.decided_at.FromNanoseconds(time.time_ns())
    return decision


def _violation(each: Violation) -> pb.Violation:
    return pb.Violation(
        rule=each.rule,
        category=each.category,
        action=_ACTION[each.action.name],
        score=each.score,
        threshold=each.threshold,
        part=each.part,
        message=each.message,
        value=_VALUE[each.value.name],
        missing=each.missing,
    )


def _run(each: DetectorRun) -> pb.DetectorRun:
    return pb.DetectorRun(
        name=each.name,
        version=each.version,
        status=_STATUS[each.status.name],
        part=each.part,
        scores=each.scores,
        severities=each.severities,
        language=each.language,
    )


def _feature(each: FeatureValue) -> pb.FeatureValue:
    message = pb.FeatureValue(name=each.name, freshness=_FRESHNESS[each.freshness.name])
    if each.value is None or each.event_time is None:
        return message
    match each.value:
        case bool():
            message.value.bool_value = each.value
        case int():
            message.value.int_value = each.value
        case float():
            message.value.double_value = each.value
        case str():
            message.value.string_value = each.value
    message.event_time.FromDatetime(each.event_time)
    return message
