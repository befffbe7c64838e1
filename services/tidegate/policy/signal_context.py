"""What conditions can see of an item: the CEL context, and the names of what is absent from it.

Only what is known is in the context. A stale feature, a label that some part lacks, an empty language hint and a value
of another type than the condition needs are all absent, and reading what is absent leaves a condition unknown.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cel

from tidegate.moderation.decision import DecisionInputs, RuleValue
from tidegate.moderation.signals import FeatureScalar, Freshness, LookupStatus
from tidegate.policy.account_reference import FRESH, evaluated
from tidegate.policy.condition import Condition, Kind, Reference
from tidegate.policy.language import language_undetermined
from tidegate.policy.readings import LabelRef, Measure, Readings

_INT64_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class SignalContext:
    """All signals that a policy's conditions read, for one item."""

    context: cel.Context
    """The known ones."""
    absent: Mapping[Reference, tuple[str, ...]]
    """The others, each with the names of the missing inputs behind it."""
    told: dict[str, RuleValue] = field(default_factory=dict)
    """What came out of each condition, as written: in a large policy many rules have the same one."""

    def value(self, condition: Condition) -> RuleValue:
        """What the condition comes to for the item."""
        value = self.told.get(condition.source)
        if value is None:
            value = self.told[condition.source] = condition.value(self.context)
        return value


class SignalReader:
    """Looks up the signals that a policy's conditions read. What follows from their names is worked out here, once."""

    def __init__(self, kinds: Mapping[Reference, Kind]) -> None:
        """Takes the signals, with the type that the conditions need."""
        self._wanted = tuple(_Wanted.of(reference, kind) for reference, kind in kinds.items())

    def context(self, inputs: DecisionInputs, readings: Readings) -> SignalContext:
        """All of them for one item.

        Args:
            inputs: The item.
            readings: The item's scores.
        """
        account = inputs.account
        looked_up, fresh = account.status is LookupStatus.OK, Freshness.FRESH
        features = {name: value for name, value, freshness, _ in account.values if freshness is fresh}
        known: dict[str, dict[str, Any]] = {"item": {}, "score": {}, "severity": {}, "account": {}, FRESH: {}}
        absent: dict[Reference, tuple[str, ...]] = {}
        for wanted in self._wanted:
            missing = wanted.missing
            value: FeatureScalar | None = None
            if wanted.label is not None:
                reading = readings.of(wanted.label)
                value, missing = reading.settled, reading.missing or missing
            elif wanted.in_doubt:
                value = language_undetermined(inputs.detectors)
            elif wanted.item_field:
                value = getattr(inputs, wanted.item_field) or None
            elif looked_up and wanted.freshness_of:
                value = wanted.freshness_of in features
            elif looked_up:
                value = features.get(wanted.feature) if wanted.feature else account.known
            if value is None or not _is(value, wanted.kind):
                absent[wanted.reference] = missing
            else:
                _put(known, wanted.path, value)
        return SignalContext(context=cel.Context(known), absent=absent)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One signal: one of the five ways to it is set, or none for whether the account is known."""

    reference: Reference
    kind: Kind
    path: tuple[str, ...]
    """Where the evaluation finds it."""
    missing: tuple[str, ...]
    """Names of the inputs behind it if it is absent."""
    item_field: str = ""
    feature: str = ""
    freshness_of: str = ""
    label: LabelRef | None = None
    in_doubt: bool = False
    """True for whether the language could not be told."""

    @classmethod
    def of(cls, reference: Reference, kind: Kind) -> "_Wanted":
        """From its name. The parser lets no other names through."""
        path, itself = evaluated(reference.path), (str(reference),)
        feature = reference.feature or ""
        match reference.path:
            case ("item", "language_undetermined"):
                return cls(reference, kind, path, itself, in_doubt=True)
            case ("item", field):
                return cls(reference, kind, path, itself, item_field=field)
            case ("account", _, _, _):
                return cls(reference, kind, path, itself, freshness_of=feature)
            case ("account", _, _):
                return cls(reference, kind, path, (feature,), feature=feature)
            case ("score" | "severity" as measure, detector, label):
                return cls(reference, kind, path, itself, label=LabelRef(Measure(measure), detector, label))
            case _:
                return cls(reference, kind, path, itself)


def _put(tree: dict[str, dict[str, Any]], path: tuple[str, ...], value: FeatureScalar) -> None:
    node: dict[str, Any] = tree
    for step in path[:-1]:
        node = node.setdefault(step, {})
    node[path[-1]] = value


def _is(value: FeatureScalar, kind: Kind) -> bool:
    match value:
        case bool():
            return kind is Kind.BOOL
        case int():
            return kind is Kind.NUMBER and -_INT64_LIMIT <= value < _INT64_LIMIT
        case float():
            return kind is Kind.NUMBER and math.isfinite(value)
        case _:
            return kind is Kind.STRING
