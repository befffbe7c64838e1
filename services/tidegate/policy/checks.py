"""What a schema can't see: whether rules, overlays and conditions of one document fit together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tidegate.moderation.decision import Action
from tidegate.policy.condition import Condition, ConditionError, Kind, Reference, compile_condition
from tidegate.policy.problems import PolicyError, Problem, path_of
from tidegate.policy.schema import Overlay, PolicyDocument, Rule

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks have established about a document."""

    conditions: Mapping[str, Condition]
    """Compiled, by source."""
    kinds: Mapping[Reference, Kind]
    """Every signal that a condition reads, with its type."""


def check(document: PolicyDocument, *, file: str) -> Checked:
    """Checks a document.

    Raises:
        PolicyError: Something does not fit; every misfit is named.
    """
    data = document.model_dump(mode="json")
    conditions: dict[str, Condition] = {}
    kinds: dict[Reference, Kind] = {}
    found = [
        *_repeated(document),
        *_overlay_misfits(document),
        *_overlay_conflicts(document.overlays),
        *_compile(document, conditions, kinds),
    ]
    if found:
        raise PolicyError(Problem(file, path_of(location, data), message) for location, message in found)
    return Checked(conditions=conditions, kinds=kinds)


def all_rules(document: PolicyDocument) -> Iterator[tuple[Location, Rule]]:
    """Every rule with its place: the policy's own, then those that overlays add."""
    for index, rule in enumerate(document.rules):
        yield ("rules", index), rule
    for number, overlay in enumerate(document.overlays):
        for index, rule in enumerate(overlay.add):
            yield ("overlays", number, "add", index), rule


def _repeated(document: PolicyDocument) -> Iterator[tuple[Location, str]]:
    seen: set[str] = set()
    for location, rule in all_rules(document):
        if rule.id in seen:
            yield (*location, "id"), f"{rule.id!r} is used by another rule; every rule needs an id of its own"
        seen.add(rule.id)
    lists: list[tuple[str | int, Sequence[str] | None]] = [
        ("surfaces", document.surfaces),
        ("markets", document.markets),
    ]
    for key, values in lists:
        if values and len(set(values)) < len(values):
            yield (key,), "names something twice"


def _overlay_misfits(document: PolicyDocument) -> Iterator[tuple[Location, str]]:
    rules = {rule.id: rule for rule in document.rules}
    for number, overlay in enumerate(document.overlays):
        place: Location = ("overlays", number)
        outside = sorted(set(overlay.markets) - set(document.markets or overlay.markets))
        if outside:
            yield (*place, "markets"), f"names {', '.join(outside)}, where the policy does not apply"
        for rule_id, override in overlay.rules.items():
            rule = rules.get(rule_id)
            if rule is None:
                yield (*place, "rules", rule_id), f"is not a rule of this policy; allowed: {', '.join(sorted(rules))}"
            elif rule.detects is None and (override.min_severity or override.min_score):
                yield (*place, "rules", rule_id), "changes the threshold of a rule that has no detects"
            elif rule.settles and override.action not in (None, Action.BLOCK):
                yield (*place, "rules", rule_id), "changes the action of a rule that settles; it must stay BLOCK"


def _overlay_conflicts(overlays: Sequence[Overlay]) -> Iterator[tuple[Location, str]]:
    changed: dict[tuple[str, str], int] = {}
    for number, overlay in enumerate(overlays):
        for market in dict.fromkeys(overlay.markets):
            for rule_id in overlay.rules:
                other = changed.setdefault((market, rule_id), number)
                if other != number:
                    yield (
                        ("overlays", number, "rules", rule_id),
                        f"is already changed for {market} in overlays[{other}]; one overlay per rule and market",
                    )


def _compile(
    document: PolicyDocument, conditions: dict[str, Condition], kinds: dict[Reference, Kind]
) -> Iterator[tuple[Location, str]]:
    for location, rule in all_rules(document):
        if rule.when is None:
            continue
        try:
            condition = conditions[rule.when] = compile_condition(rule.when)
        except ConditionError as error:
            yield (*location, "when"), str(error)
            continue
        for reference, kind in condition.kinds.items():
            other = kinds.setdefault(reference, kind)
            if other is not kind:
                yield (*location, "when"), f"takes {reference} for a {kind}, another rule takes it for a {other}"
