"""What conditions can see of an item: its signals by name, each looked up when a condition first reads it.

What is not known is None: a stale feature, a label that some part lacks, an empty language hint, and a value of another
type than the condition needs. The names of the inputs behind it say what is missing.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.moderation.decision import DecisionInputs, RuleValue
from tidegate.moderation.signals import FeatureScalar, Freshness, LookupStatus
from tidegate.policy.condition import Condition, Kind, Reference
from tidegate.policy.kleene import Known
from tidegate.policy.language import language_undetermined
from tidegate.policy.readings import LabelRef, Measure, Readings

_INT64_LIMIT = 2**63


class SignalContext:
    """The signals that a policy's conditions read, for one item."""

    def __init__(self, inputs: DecisionInputs, readings: Readings, wanted: Mapping[str, "_Wanted"]) -> None:
        """Looks nothing up yet."""
        self._known = _KnownSignals(inputs, readings, wanted)
        self._told: dict[str, RuleValue] = {}

    def value(self, condition: Condition) -> RuleValue:
        """What the condition comes to for the item. In a large policy many rules have the same one: told once."""
        value = self._told.get(condition.source)
        if value is None:
            value = self._told[condition.source] = condition.value(self._known)
        return value

    def missing(self, condition: Condition) -> list[str]:
        """Names of the inputs behind all of its signals that are absent."""
        return [name for reference in condition.kinds for name in self._known.missing(str(reference))]


class _KnownSignals(dict[str, Known]):
    """Those that were asked for, by name."""

    def __init__(self, inputs: DecisionInputs, readings: Readings, wanted: Mapping[str, "_Wanted"]) -> None:
        super().__init__()
        self._inputs = inputs
        self._readings = readings
        self._wanted = wanted
        self._features: Mapping[str, FeatureScalar | None] | None = None

    def __missing__(self, name: str) -> Known:
        wanted = self._wanted[name]
        value = self._value(wanted)
        value = self[name] = None if value is None or not _is(value, wanted.kind) else value
        return value

    def missing(self, name: str) -> tuple[str, ...]:
        """Names of the inputs behind a signal; empty if it is known."""
        if self[name] is not None:
            return ()
        wanted = self._wanted[name]
        return (self._readings.of(wanted.label).missing if wanted.label else ()) or wanted.missing

    def _value(self, wanted: "_Wanted") -> Known:
        if wanted.label is not None:
            return self._readings.of(wanted.label).settled
        if wanted.in_doubt:
            return language_undetermined(self._inputs.detectors)
        if wanted.item_field:
            return str(getattr(self._inputs, wanted.item_field)) or None
        if self._inputs.account.status is not LookupStatus.OK:
            return None
        if wanted.freshness_of:
            return wanted.freshness_of in self._fresh()
        return self._fresh().get(wanted.feature) if wanted.feature else self._inputs.account.known

    def _fresh(self) -> Mapping[str, FeatureScalar | None]:
        if self._features is None:
            fresh = Freshness.FRESH
            self._features = {
                name: value for name, value, freshness, _ in self._inputs.account.values if freshness is fresh
            }
        return self._features


class SignalReader:
    """Looks up the signals that a policy's conditions read. What follows from their names is worked out here, once."""

    def __init__(self, kinds: Mapping[Reference, Kind]) -> None:
        """Takes the signals, with the type that the conditions need."""
        self._wanted = {str(reference): _Wanted.of(reference, kind) for reference, kind in kinds.items()}

    def context(self, inputs: DecisionInputs, readings: Readings) -> SignalContext:
        """All of them for one item.

        Args:
            inputs: The item.
            readings: The item's scores.
        """
        return SignalContext(inputs, readings, self._wanted)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One signal: one of the five ways to it is set, or none for whether the account is known."""

    kind: Kind
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
        itself = (str(reference),)
        feature = reference.feature or ""
        match reference.path:
            case ("item", "language_undetermined"):
                return cls(kind, itself, in_doubt=True)
            case ("item", field):
                return cls(kind, itself, item_field=field)
            case ("account", _, _, _):
                return cls(kind, itself, freshness_of=feature)
            case ("account", _, _):
                return cls(kind, (feature,), feature=feature)
            case ("score" | "severity" as measure, detector, label):
                return cls(kind, itself, label=LabelRef(Measure(measure), detector, label))
            case _:
                return cls(kind, itself)


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
