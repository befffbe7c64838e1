"""Small policies and inputs for the tests of the policy package."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tidegate.moderation.decision import DecisionInputs, PolicyOutcome, RuleEvaluation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, PartFacts, PartKind, Surface
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus
from tidegate.policy.compilation import compile_policy
from tidegate.policy.document import validated
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.schema import PolicyDocument

EVENT_TIME = datetime(2026, 11, 1, tzinfo=UTC)
REPORTING = {
    "category": "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH",
    "ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "reference": "Guidelines, section 2",
}
HATE_5 = {"detector": "text_harm", "label": "hate", "min_severity": 5}


def rule(rule_id: str = "hate", **fields: Any) -> dict[str, Any]:
    """A rule as plain data: BLOCK on hate from severity 5, unless told otherwise. None leaves a field out."""
    made = {
        "id": rule_id,
        "category": "hate",
        "action": "BLOCK",
        "message": "Not here.",
        "detects": HATE_5,
        "reporting": REPORTING,
        **fields,
    }
    return {key: value for key, value in made.items() if value is not None}


def document(*rules: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A live, fail-closed policy for comments as plain data."""
    return {
        "id": "comments",
        "version": 1,
        "mode": "live",
        "surfaces": ["comment"],
        "on_unknown": "fail_closed",
        "rules": list(rules) or [rule()],
        **fields,
    }


def compiled(*rules: dict[str, Any], **fields: Any) -> CompiledPolicy:
    """The same, compiled."""
    return compile_policy(validated(document(*rules, **fields), PolicyDocument, file="p.yaml"), file="p.yaml")


def only(outcome: PolicyOutcome) -> RuleEvaluation:
    """The evaluation of a policy's only rule."""
    (evaluation,) = outcome.evaluations
    return evaluation


def scored(part: str = "text", *, name: str = "text_harm", **severities: int) -> DetectorRun:
    """An OK run; a severity of n has a score of n / 10."""
    return answered(severities, part=part, name=name)


def answered(severities: Mapping[str, int], *, part: str = "text", name: str = "text_harm") -> DetectorRun:
    """The same from a mapping."""
    return DetectorRun(
        name=name,
        version="1",
        status=DetectorStatus.OK,
        part=part,
        scores={label: severity / 10 for label, severity in severities.items()},
        severities=severities,
    )


def failed(
    part: str = "text", *, name: str = "text_harm", status: DetectorStatus = DetectorStatus.FAILED
) -> DetectorRun:
    """A run without an answer."""
    return DetectorRun(name=name, version="1", status=status, part=part)


def not_covered(part: str) -> DetectorRun:
    """What the pipeline adds for a part that no detector looks at."""
    return DetectorRun(name="", version="", status=DetectorStatus.NOT_COVERED, part=part)


def known_account(values: Mapping[str, FeatureScalar], *, stale: Sequence[str] = ()) -> AccountSignals:
    """A known account with fresh values by full name, and stale ones."""
    fresh = [FeatureValue(name, value, Freshness.FRESH, EVENT_TIME) for name, value in values.items()]
    old = [FeatureValue(name, 1, Freshness.STALE, EVENT_TIME) for name in stale]
    return AccountSignals(status=LookupStatus.OK, known=True, values=(*fresh, *old))


UNKNOWN_ACCOUNT = AccountSignals(status=LookupStatus.OK, known=False)


def inputs(
    *runs: DetectorRun,
    parts: Sequence[str] = ("text",),
    kinds: Mapping[str, PartKind] | None = None,
    account: AccountSignals = UNKNOWN_ACCOUNT,
    surface: Surface = Surface.COMMENT,
    market: str = "SE",
    language: str = "",
    source: NoticeSource = NoticeSource.OWN_INITIATIVE,
) -> DecisionInputs:
    """Inputs with one text part by default; `kinds` by part id where it is not text."""
    return DecisionInputs(
        surface=surface,
        market=market,
        language=language,
        source=source,
        parts=tuple(PartFacts(part, (kinds or {}).get(part, PartKind.TEXT), "0" * 64, 1) for part in parts),
        detectors=runs,
        account=account,
    )
