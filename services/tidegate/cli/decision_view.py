"""A decision as the command line shows it: the machine format, and a drawing for people."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from tidegate.cli.decision_drawing import drawn
from tidegate.cli.shown_decision import ShownDecision, evaluations_of
from tidegate.moderation.decision import PolicyReference, RuleEvaluation, Violation
from tidegate.moderation.detection import DetectorRun
from tidegate.moderation.signals import FeatureValue


def decision_as_json(decision: ShownDecision) -> dict[str, Any]:
    """The machine format. Scripts rely on its keys: add some, change none."""
    inputs = decision.inputs
    document: dict[str, Any] = {
        "decision_id": decision.decision_id,
        "trace_id": decision.trace_id,
        "content_id": decision.content_id,
        "decided_at": _time(decision.decided_at),
        "surface": inputs.surface.value,
        "market": inputs.market,
        "language": inputs.language,
        "source": inputs.source.value,
        "action": decision.action.value,
        "completeness": decision.completeness.value,
        "policy": _policy(decision.policy),
        "violations": [_violation(violation) for violation in decision.violations],
        "detectors": [_detector(run) for run in inputs.detectors],
        "features": [_feature(value) for value in inputs.account.values],
        "account": {"status": inputs.account.status.value, "known": inputs.account.known},
        "shadow": [
            {"policy": _policy(each.policy), "action": each.action.value, "rules": list(each.rules)}
            for each in decision.shadow
        ],
        "hops": dict(decision.hops_ms or {}),
        "parts": [
            {"id": part.id, "kind": part.kind.value, "sha256": part.sha256, "size_bytes": part.size_bytes}
            for part in inputs.parts
        ],
    }
    from_key = getattr(decision, "from_idempotency_key", None)
    if from_key is not None:
        document["from_idempotency_key"] = from_key
    evaluations = evaluations_of(decision)
    if evaluations is not None:
        document["explanation"] = [_evaluation(evaluation) for evaluation in evaluations]
    return document


def draw_decision(decision: ShownDecision, *, console: Console | None = None) -> None:
    """Prints a decision for people: what was decided, why, what ran and what did not."""
    console = console or Console(highlight=False)
    for piece in drawn(decision, evaluations_of(decision)):
        console.print(piece)


def _policy(policy: PolicyReference) -> dict[str, Any]:
    return {"id": policy.id, "version": policy.version, "digest": policy.digest}


def _violation(violation: Violation) -> dict[str, Any]:
    return {
        "rule": violation.rule,
        "category": violation.category,
        "action": violation.action.value,
        "value": violation.value.value,
        "score": violation.score,
        "threshold": violation.threshold,
        "part": violation.part,
        "message": violation.message,
        "missing": list(violation.missing),
    }


def _detector(run: DetectorRun) -> dict[str, Any]:
    return {
        "name": run.name,
        "version": run.version,
        "status": run.status.value,
        "part": run.part,
        "latency_ms": run.latency_ms,
        "scores": dict(run.scores),
        "severities": dict(run.severities),
        "language": run.language,
        "matches": [
            {"bank": match.bank, "entry": match.entry, "distance": match.distance, "allowed": match.allowed}
            for match in run.matches
        ],
        "attributions": [
            {"label": one.label, "start": one.start, "end": one.end, "weight": one.weight} for one in run.attributions
        ],
        "moments": {
            label: {"start_ms": moment.start_ms, "end_ms": moment.end_ms} for label, moment in run.moments.items()
        },
        "shadow": run.shadow,
    }


def _feature(value: FeatureValue) -> dict[str, Any]:
    return {
        "name": value.name,
        "value": value.value,
        "freshness": value.freshness.value,
        "event_time": None if value.event_time is None else _time(value.event_time),
    }


def _evaluation(evaluation: RuleEvaluation) -> dict[str, Any]:
    return {
        "rule": evaluation.rule,
        "value": evaluation.value.value,
        "missing": list(evaluation.missing),
        "condition": evaluation.condition,
        "score": evaluation.score,
        "threshold": evaluation.threshold,
        "part": evaluation.part,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
