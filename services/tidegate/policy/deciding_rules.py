"""The rules of a policy in one market, arranged so that deciding looks only at those that may be more than false.

A policy may have a thousand rules and an item fires one or two. Rules that read the same label stand together, by
rising threshold: one reading tells how many of them are met. Rules that are nothing but a condition stand together by
it: where it is false for one, it is for all. Whoever wants to know how each rule came out evaluates all.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tidegate.moderation.decision import RuleValue
from tidegate.policy.compiled_rule import CompiledRule, Threshold
from tidegate.policy.condition import Condition
from tidegate.policy.readings import LabelRef, Readings
from tidegate.policy.signal_context import SignalContext


@dataclass(frozen=True, slots=True)
class _SameLabel:
    """Rules on one label."""

    label: LabelRef
    thresholds: tuple[float, ...]
    """Rising."""
    places: tuple[int, ...]
    """In the policy's order, rule by rule as the thresholds."""


class DecidingRules:
    """Made once per policy and market."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        """Arranges rules, given in the policy's order."""
        self._rules = tuple(rules)
        self._always = tuple(
            place for place, rule in enumerate(rules) if rule.threshold is None and rule.condition is None
        )
        conditions: dict[str, tuple[Condition, list[int]]] = {}
        for place, rule in enumerate(rules):
            if rule.threshold is None and rule.condition is not None:
                conditions.setdefault(rule.condition.source, (rule.condition, []))[1].append(place)
        self._conditions = tuple(conditions.values())
        self._settling = _lowest(rule.threshold for rule in rules if rule.settles and rule.threshold)
        by_label: dict[str, list[tuple[float, int, LabelRef]]] = {}
        for place, rule in enumerate(rules):
            if rule.threshold is not None:
                one = (rule.threshold.at_least, place, rule.threshold.label)
                by_label.setdefault(rule.threshold.label.key, []).append(one)
        self._labels = tuple(_same_label(each) for each in by_label.values())

    def settle(self, readings: Readings) -> None:
        """Tells the readings if a settling rule has fired."""
        if self.has_settled(readings):
            readings.settle()

    def has_settled(self, readings: Readings) -> bool:
        """Whether a settling rule has fired: if any of a label has, the one with the lowest threshold has."""
        return any(threshold.value(readings.of(threshold.label)) is RuleValue.TRUE for threshold in self._settling)

    def candidates(self, readings: Readings, signals: SignalContext) -> list[CompiledRule]:
        """The rules that may be more than false, in the policy's order: all others are false.

        Args:
            readings: The item's scores.
            signals: The item's signals; only read if a rule has nothing but a condition.
        """
        places = list(self._always)
        for condition, same_condition in self._conditions:
            if signals.value(condition) is not RuleValue.FALSE:
                places += same_condition
        for same in self._labels:
            reading = readings.of(same.label)
            if reading.missing:
                places += same.places
            elif reading.value is not None:
                places += same.places[: bisect_right(same.thresholds, reading.value)]
        places.sort()
        return [self._rules[place] for place in places]


def _lowest(thresholds: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """Of each label."""
    lowest: dict[str, Threshold] = {}
    for threshold in thresholds:
        known = lowest.setdefault(threshold.label.key, threshold)
        if threshold.at_least < known.at_least:
            lowest[threshold.label.key] = threshold
    return tuple(lowest.values())


def _same_label(found: Sequence[tuple[float, int, LabelRef]]) -> _SameLabel:
    rising = sorted(found, key=lambda one: one[:2])
    return _SameLabel(
        rising[0][2], tuple(threshold for threshold, _, _ in rising), tuple(place for _, place, _ in rising)
    )
