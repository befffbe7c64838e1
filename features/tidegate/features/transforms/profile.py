"""The view `account_profile`: the newest snapshot of the account system, whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from tidegate.features.events.event import EventKind
from tidegate.features.feature import Feature, ValueKind
from tidegate.features.refs import ACCOUNT_PROFILE, PROFILE_HOLDS, VALID_UNTIL
from tidegate.features.transforms.answers import Answers, slices
from tidegate.features.transforms.columns import EventColumnsError
from tidegate.features.transforms.instants import DAY_US, EARLIEST_US, LATEST_US, MICROSECOND, Ints
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.seen import Seen

_HOLDS_US = PROFILE_HOLDS // MICROSECOND
_AGE, _VERIFIED = "account_age_days", "verified"
_VERIFIED_FEATURE = next(feature for feature in ACCOUNT_PROFILE.features if feature.name == _VERIFIED)
_PLAIN = {
    kind: [each for each in ACCOUNT_PROFILE.features if each.kind is kind and each.name not in {_AGE, _VERIFIED}]
    for kind in (ValueKind.BOOL, ValueKind.INT, ValueKind.STRING)
}
_ARROW_TYPES = {ValueKind.BOOL: pa.bool_(), ValueKind.INT: pa.int64(), ValueKind.STRING: pa.string()}
_TYPES: Mapping[ValueKind, type] = {ValueKind.BOOL: bool, ValueKind.INT: int, ValueKind.STRING: str}
_LARGEST = np.iinfo(np.int64).max
_NOTHING: Mapping[str, Any] = {}


def profile_answers(seen: Seen, events: OrderedEvents) -> Answers:
    """Values per question.

    Raises:
        EventColumnsError: A snapshot is no JSON object.
    """
    answers = Answers(seen.at)
    snapshot = _last_rows(seen.of(EventKind.PROFILE))
    facts = _facts(events, snapshot)
    for kind, features in _PLAIN.items():
        told = pa.array([_fact(each, feature) for feature in features for each in facts], _ARROW_TYPES[kind])
        for name, column in slices(told, [feature.name for feature in features], len(facts)).items():
            answers.put(name, column)
    ages = [_age_days(each, at) for each, at in zip(facts, seen.at.tolist(), strict=True)]
    answers.put(_AGE, pa.array(ages, pa.int64()))
    answers.put(_VERIFIED, pa.array(_verified(seen, events, snapshot, facts), pa.bool_()))
    holds_until = events.occurred[snapshot] + _HOLDS_US if events.occurred.size else snapshot
    answers.put(VALID_UNTIL, pa.array(holds_until, mask=snapshot < 0))
    return answers


def _last_rows(seen: Seen) -> Ints:
    """Per question: row of the last event that it sees, -1 if there is none."""
    rows = np.full(seen.at.size, -1)
    rows[seen.question] = seen.row  # the last one written stays
    return rows


def _facts(events: OrderedEvents, rows: Ints) -> Sequence[Mapping[str, Any]]:
    """Per question: its snapshot, read once however many questions see it; empty if it has none."""
    different = np.unique(rows[rows >= 0])
    read = dict(zip(different.tolist(), events.values("profile", different).to_pylist(), strict=True))
    parsed = {row: _parsed(document) for row, document in read.items()}
    return [parsed.get(row, _NOTHING) for row in rows.tolist()]


def _parsed(document: str | None) -> Mapping[str, Any]:
    try:
        facts = orjson.loads(document or "")
    except orjson.JSONDecodeError as error:
        raise EventColumnsError("profile", "must be a JSON object at a PROFILE event") from error
    if not isinstance(facts, dict):
        raise EventColumnsError("profile", "must be a JSON object at a PROFILE event")
    return facts


def _fact(facts: Mapping[str, Any], feature: Feature) -> Any:
    """The value if it is of the feature's type and can be stored; else the account system told us nothing usable."""
    value = facts.get(feature.name)
    if type(value) is not _TYPES[feature.kind] or (type(value) is int and abs(value) > _LARGEST):
        return None
    return value


def _age_days(facts: Mapping[str, Any], at: int) -> int | None:
    """Whole days since registration; None if that is unknown or lies ahead."""
    registered = facts.get("registered_at_us")
    if type(registered) is not int or not EARLIEST_US <= registered <= min(at, LATEST_US):
        return None
    return (at - registered) // DAY_US


def _verified(
    seen: Seen, events: OrderedEvents, snapshot: Ints, facts: Sequence[Mapping[str, Any]]
) -> Sequence[bool | None]:
    """The snapshot's word, unless a VERIFICATION came after it."""
    told: list[bool | None] = [_fact(each, _VERIFIED_FEATURE) for each in facts]
    verification = _last_rows(seen.of(EventKind.VERIFICATION))
    later = np.flatnonzero(verification > snapshot)
    values = events.values("verified", verification[later]).to_pylist() if later.size else []
    for question, value in zip(later.tolist(), values, strict=True):
        told[question] = value
    return told
