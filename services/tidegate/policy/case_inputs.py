"""From a case, as people write it, to the inputs that a policy evaluates."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime

from tidegate.models.severity import SEVERITY_EDGES, severity
from tidegate.moderation.decision import DecisionInputs
from tidegate.moderation.detection import UNDETERMINED_LANGUAGE, DetectorRun, DetectorStatus
from tidegate.moderation.item import PartFacts, PartKind
from tidegate.moderation.signals import AccountSignals, FeatureValue, Freshness, LookupStatus
from tidegate.policy.case_schema import AccountAnswer, Case, CaseFile, DetectorAnswer, FeatureAnswer, PartAnswer
from tidegate.policy.concern import kinds_of
from tidegate.policy.condition import Reference
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.vocabulary import Vocabulary

Labels = Mapping[str, AbstractSet[str]]
_EVENT_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_OUTAGES = (LookupStatus.TIMED_OUT, LookupStatus.FAILED)


class CaseError(ValueError):
    """A case names something that its policy does not read, or an account that the file does not define."""


def inputs_of(case: Case, file: CaseFile, policy: CompiledPolicy, vocabulary: Vocabulary | None) -> DecisionInputs:
    """The inputs that a case describes.

    Args:
        case: The case.
        file: Where it stands.
        policy: What it is about.
        vocabulary: Names that it may use besides those that the policy reads.

    Raises:
        CaseError: It names a detector, label, feature or account that does not exist.
    """
    _refuse_unknown("part of the case", case.language_undetermined, case.parts.keys())
    known = vocabulary or Vocabulary(detectors={}, features={})
    labels = {name: of | known.detectors.get(name, frozenset()) for name, of in policy.labels.items()}
    parts = tuple(PartFacts(part, case.kinds.get(part, PartKind.TEXT), "0" * 64, 0) for part in case.parts)
    features = policy.features | known.features.keys()
    return DecisionInputs(
        surface=case.surface or policy.surfaces[0],
        market=case.market,
        language=case.language,
        source=case.source,
        parts=parts,
        detectors=tuple(_in_language(run, case) for part in parts for run in _runs(part, case.parts[part.id], labels)),
        account=_account(case.account, file, features),
    )


def _runs(part: PartFacts, answer: PartAnswer, labels: Labels) -> list[DetectorRun]:
    if isinstance(answer, str):
        return [DetectorRun(name="", version="", status=DetectorStatus.NOT_COVERED, part=part.id)]
    concerned = {name for name in labels if part.kind in kinds_of(name)}
    _refuse_unknown(f"detector of {part.kind} parts", answer.keys(), concerned)
    return [_run(part.id, name, answer.get(name, {}), labels[name]) for name in sorted(concerned)]


def _in_language(run: DetectorRun, case: Case) -> DetectorRun:
    return replace(run, language=UNDETERMINED_LANGUAGE) if run.part in case.language_undetermined else run


def _run(part: str, name: str, answer: DetectorAnswer, labels: AbstractSet[str]) -> DetectorRun:
    if isinstance(answer, str):
        return DetectorRun(name=name, version="case", status=DetectorStatus(answer), part=part)
    _refuse_unknown(f"label of {name}", answer.keys(), labels)
    answers = {label: answer.get(label, 0) for label in sorted(labels)}
    return DetectorRun(
        name=name,
        version="case",
        status=DetectorStatus.OK,
        part=part,
        scores={label: _score(value) for label, value in answers.items()},
        severities={label: value if isinstance(value, int) else severity(value) for label, value in answers.items()},
    )


def _score(value: float) -> float:
    """The probability itself, or the lowest one of a severity band."""
    if isinstance(value, int):
        return SEVERITY_EDGES[value - 1] if value else 0.0
    return value


def _account(answer: str | AccountAnswer, file: CaseFile, features: AbstractSet[str]) -> AccountSignals:
    if isinstance(answer, str) and answer in _OUTAGES:
        return AccountSignals(status=LookupStatus(answer))
    if isinstance(answer, str) and answer != "unknown":
        if answer not in file.accounts:
            allowed = ", ".join(["unknown", *_OUTAGES, *file.accounts])
            raise CaseError(f"account {answer!r} does not exist; allowed: {allowed}")
        answer = file.accounts[answer]
    given: dict[str, FeatureAnswer] = {}
    if not isinstance(answer, str):
        given = {
            str(Reference(("account", view, feature)).feature): value
            for view, values in answer.items()
            for feature, value in values.items()
        }
        _refuse_unknown("feature", given, features)
    return AccountSignals(
        status=LookupStatus.OK,
        known=not isinstance(answer, str),
        values=tuple(_feature(name, given.get(name, Freshness.MISSING)) for name in sorted(features)),
    )


def _feature(name: str, answer: FeatureAnswer) -> FeatureValue:
    if answer == Freshness.MISSING:
        return FeatureValue(name, None, Freshness.MISSING, None)
    if answer == Freshness.STALE:
        return FeatureValue(name, 0, Freshness.STALE, _EVENT_TIME)
    return FeatureValue(name, answer, Freshness.FRESH, _EVENT_TIME)


def _refuse_unknown(what: str, names: Iterable[str], known: AbstractSet[str]) -> None:
    for name in names:
        if name not in known:
            raise CaseError(f"{name} is not a {what} that the policy could read; allowed: {', '.join(sorted(known))}")
