"""From a policy document to something that evaluates: done once, when policies are loaded."""

from collections.abc import Mapping

from tidegate.models.severity import SEVERITY_EDGES
from tidegate.moderation.decision import Action, PolicyReference
from tidegate.policy.checks import all_rules, check
from tidegate.policy.compiled_rule import CompiledRule, Threshold
from tidegate.policy.condition import Condition, Reference
from tidegate.policy.document import canonical, digest_of
from tidegate.policy.engine import CompiledPolicy
from tidegate.policy.overlays import overlaid_markets, rules_in
from tidegate.policy.readings import LabelRef, Measure
from tidegate.policy.schema import Detects, FallbackWord, NamedFallback, OnUnknown, PolicyDocument, Rule


def compile_policy(document: PolicyDocument, *, file: str, text: str | None = None) -> CompiledPolicy:
    """Checks and compiles a document.

    Args:
        document: As validated by the schema.
        file: Where it came from, for messages.
        text: Its canonical JSON if it was read from that: a digest is of the text that was kept, not of how today's
            schema would write it.

    Raises:
        PolicyError: Its parts do not fit together; every misfit is named.
    """
    checked = check(document, file=file)
    kept = canonical(document) if text is None else text

    def compiled(rules: tuple[Rule, ...]) -> tuple[CompiledRule, ...]:
        return tuple(_rule(rule, document, checked.conditions) for rule in rules)

    return CompiledPolicy(
        reference=PolicyReference(id=document.id, version=document.version, digest=digest_of(kept)),
        document=kept,
        mode=document.mode,
        surfaces=document.surfaces,
        markets=None if document.markets is None else frozenset(document.markets),
        rules=compiled(document.rules),
        rules_by_market={market: compiled(rules_in(document, market)) for market in overlaid_markets(document)},
        kinds=checked.kinds,
        labels=_labels(document, checked.kinds),
    )


def _rule(rule: Rule, document: PolicyDocument, conditions: Mapping[str, Condition]) -> CompiledRule:
    on_unknown = rule.on_unknown or document.on_unknown
    threshold = None if rule.detects is None else _threshold(rule.detects)
    return CompiledRule(
        id=rule.id,
        category=rule.category,
        action=rule.action,
        fallback=_fallback(on_unknown),
        language_fallback=_fallback(document.on_unsupported_language or on_unknown),
        settles=bool(rule.settles),
        message=rule.message,
        reporting=rule.reporting,
        text=_text(threshold, rule.when),
        threshold=threshold,
        condition=None if rule.when is None else conditions[rule.when],
    )


def _threshold(detects: Detects) -> Threshold:
    if detects.min_severity is not None:
        measure, at_least = Measure.SEVERITY, float(detects.min_severity)
        probability = SEVERITY_EDGES[detects.min_severity - 1]
    else:
        measure, at_least = Measure.SCORE, float(detects.min_score or 0.0)
        probability = at_least
    return Threshold(LabelRef(measure, detects.detector, detects.label), at_least, probability)


def _fallback(on_unknown: OnUnknown) -> Action | None:
    if isinstance(on_unknown, NamedFallback):
        return Action(on_unknown.action)
    return Action.REVIEW if on_unknown is FallbackWord.FAIL_CLOSED else None


def _text(threshold: Threshold | None, when: str | None) -> str:
    if threshold is None:
        return when or ""
    meets = f"{threshold.label.key} >= {threshold.at_least:g}"
    return meets if when is None else f"{meets} && ({when})"


def _labels(document: PolicyDocument, references: Mapping[Reference, object]) -> Mapping[str, frozenset[str]]:
    pairs = {(rule.detects.detector, rule.detects.label) for _, rule in all_rules(document) if rule.detects}
    pairs |= {(path[1], path[2]) for reference in references if (path := reference.path)[0] in tuple(Measure)}
    detectors = sorted({detector for detector, _ in pairs})
    return {name: frozenset(label for detector, label in pairs if detector == name) for name in detectors}
