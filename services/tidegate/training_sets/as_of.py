"""Feature values as of instants, from the event log by the one definition: what training sets and skew stand on."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.transforms.account_signals import ASKED_SCHEMA, COMPUTED_VIEWS, account_signals
from tidegate.ledger.record_keys import microseconds
from tidegate.moderation.decision import DecisionRecord

FEATURES = tuple(f"{view.name}__{feature.name}" for view in COMPUTED_VIEWS for feature in view.features)
"""Full names of the features that are computed from events alone, in declaration order."""

Values = Mapping[str, Any]
"""Feature values by full name; None is no value."""

_NAMES = frozenset(FEATURES)


@dataclass(frozen=True, slots=True)
class Instant:
    """An account as of an instant, from what the log had recorded by another."""

    account_id: str
    """Whose values."""
    at_us: int
    """Events count that occurred up to then; microseconds since 1970 UTC."""
    known_at_us: int
    """Events count that were recorded up to then."""


def before(record: DecisionRecord) -> Instant:
    """The last instant that can have had a part in the decision."""
    last = microseconds(record.decided_at) - 1
    return Instant(record.account_id, last, last)


def values_as_of(events: pa.Table, instants: Iterable[Instant]) -> Mapping[Instant, Values]:
    """Values at each instant; one at which the account had no event yet is left out.

    Args:
        events: In `EVENT_SCHEMA`, of these accounts at least. What is later than an instant is left out of it here.
        instants: In any order.

    Raises:
        EventColumnsError: The events hold what no log can hold.
    """
    found: dict[Instant, dict[str, Any]] = {}
    for layer in _layers(instants):
        _answer(found, events, layer)
    return found


def _layers(instants: Iterable[Instant]) -> Iterable[Sequence[Instant]]:
    """Rows don't say what was known, so instants that differ in nothing else are asked about one after the other."""
    layers: dict[int, list[Instant]] = defaultdict(list)
    asked: Counter[tuple[str, int]] = Counter()
    for instant in dict.fromkeys(instants):
        key = instant.account_id, instant.at_us
        layers[asked[key]].append(instant)
        asked[key] += 1
    return layers.values()


def _answer(found: dict[Instant, dict[str, Any]], events: pa.Table, layer: Sequence[Instant]) -> None:
    asked = pa.table(
        {
            "account_id": [each.account_id for each in layer],
            "at_us": [each.at_us for each in layer],
            "known_at_us": [each.known_at_us for each in layer],
        },
        schema=ASKED_SCHEMA,
    )
    by_key = {(each.account_id, each.at_us): each for each in layer}
    for view, rows in account_signals(events, asked).items():
        for row in rows.to_pylist():
            instant = by_key[row["account_id"], microseconds(row[EVENT_TIMESTAMP])]
            values = {name: value for key, value in row.items() if (name := f"{view}__{key}") in _NAMES}
            found.setdefault(instant, {}).update(values)
