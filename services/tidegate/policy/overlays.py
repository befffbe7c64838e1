"""Which rules apply in a market: the policy's own as its overlays change them, then those that they add."""

from tidegate.policy.schema import Overlay, PolicyDocument, Rule, RuleOverride


def rules_in(document: PolicyDocument, market: str) -> tuple[Rule, ...]:
    """The rules as they apply in a market. `checks.py` has made sure that the overlays do not contradict each other."""
    overlays = [overlay for overlay in document.overlays if market in overlay.markets]
    rules = [resolved for rule in document.rules if (resolved := _resolved(rule, overlays)) is not None]
    return (*rules, *(rule for overlay in overlays for rule in overlay.add))


def overlaid_markets(document: PolicyDocument) -> tuple[str, ...]:
    """The markets in which something is different, sorted."""
    return tuple(sorted({market for overlay in document.overlays for market in overlay.markets}))


def _resolved(rule: Rule, overlays: list[Overlay]) -> Rule | None:
    for overlay in overlays:
        override = overlay.rules.get(rule.id)
        if override is None:
            continue
        return None if override.disabled else _changed(rule, override)
    return rule


def _changed(rule: Rule, override: RuleOverride) -> Rule:
    changes = {
        field: value for field in ("action", "message", "reporting") if (value := getattr(override, field)) is not None
    }
    if rule.detects is not None and (override.min_severity is not None or override.min_score is not None):
        thresholds = {"min_severity": override.min_severity, "min_score": override.min_score}
        changes["detects"] = rule.detects.model_copy(update=thresholds)
    return rule.model_copy(update=changes)
