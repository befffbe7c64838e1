"""What conditions can see of an item: the CEL context, and the names of what is absent from it.

Only what is known is in the context. A stale feature, a label that some part lacks, an empty language hint and a value
of another type than the condition needs are all absent, and reading what is absent leaves a condition unknown.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cel

from tidegate.moderation.decision import DecisionInputs
from tidegate.moderation.signals import FeatureScalar, Freshness, LookupStatus
from tidegate.policy.account_reference import FRESH, evaluated
from tidegate.policy.condition import Kind, Reference
from tidegate.policy.readings import LabelRef, Measure, Readings

_INT64_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class SignalContext:
    """All signals that a policy's conditions read, for one item."""

    context: cel.Context
    """The known ones."""
    absent: Mapping[Reference, tuple[str, ...]]
    """The others, each with the names of the missing inputs behind it."""


def signal_context(inputs: DecisionInputs, readings: Readings, kinds: Mapping[Reference, Kind]) -> SignalContext:
    """Looks up each signal that a policy's conditions read.

    Args:
        inputs: The item.
        readings: The item's scores.
        kinds: The signals, with the type that the conditions need.
    """
    account = inputs.account
    looked_up, fresh = account.status is LookupStatus.OK, Freshness.FRESH
    features = {name: value for name, value, freshness, _ in account.values if freshness is fresh} if looked_up else {}
    known: dict[str, dict[str, Any]] = {"item": {}, "score": {}, "severity": {}, "account": {}, FRESH: {}}
    absent: dict[Reference, tuple[str, ...]] = {}
    for reference, kind in kinds.items():
        missing: tuple[str, ...] = ()
        value: FeatureScalar | None
        match reference.path:
            case ("item", field):
                value = getattr(inputs, field) or None
            case ("account", "known"):
                value = account.known if looked_up else None
            case ("account", _, _, _):
                value = (reference.feature in features) if looked_up else None
            case ("account", _, _):
                value = features.get(reference.feature or "")
                missing = (reference.feature or "",)
            case (measure, detector, label):
                reading = readings.of(LabelRef(Measure(measure), detector, label))
                value = reading.settled
                missing = reading.missing
            case _:  # the parser lets no other reference through
                value = None
        if value is None or not _is(value, kind):
            absent[reference] = missing or (str(reference),)
        else:
            _put(known, evaluated(reference.path), value)
    return SignalContext(context=cel.Context(known), absent=absent)


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
