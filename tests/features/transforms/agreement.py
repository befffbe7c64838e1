"""Asking the transforms, and comparing what they say with the oracle."""

from collections.abc import Iterator, Mapping, Sequence
from math import isclose
from typing import Any

from tests.features.transforms.histories import Question, Recorded, asked_columns, event_columns
from tests.features.transforms.oracle import SLIDING, oracle_signals
from tidegate.features.events.columns import microseconds
from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.transforms.account_signals import account_signals

Row = Mapping[str, Any]


def answered(history: Sequence[Recorded], questions: Sequence[Question]) -> dict[tuple[str, int], dict[str, Row]]:
    """What the transforms say: by account and instant, by view, the values."""
    rows: dict[tuple[str, int], dict[str, Row]] = {}
    for view, table in account_signals(event_columns(history), asked_columns(questions)).items():
        for row in table.to_pylist():
            account_id, at = row.pop("account_id"), microseconds(row.pop(EVENT_TIMESTAMP))
            rows.setdefault((account_id, at), {})[view] = row
    return rows


def disagreements(history: Sequence[Recorded], questions: Sequence[Question]) -> Iterator[str]:
    """Values in which the transforms and the oracle differ: exact, but for sums of powers of two (1e-12)."""
    rows = answered(history, questions)
    for each in questions:
        got = rows.pop((each.account_id, microseconds(each.at)), None)
        yield from differing(each, got, oracle_signals(history, each.account_id, each.at, each.known_at))
    yield from (f"nobody asked for {key}" for key in rows)


def differing(asked: Question, got: Mapping[str, Row] | None, expected: Mapping[str, Row] | None) -> Iterator[str]:
    """Values that differ, in words."""
    if got is None or expected is None:
        if got is not expected:
            yield f"{asked}: got {got}, expected {expected}"
        return
    for view, values in expected.items():
        if values.keys() != got[view].keys():
            yield f"{asked} {view}: names differ by {values.keys() ^ got[view].keys()}"
        for name, value in values.items():
            if not _same(name, got[view].get(name), value):
                yield f"{asked} {view}.{name}: got {got[view].get(name)!r}, expected {value!r}"


def _same(name: str, got: Any, expected: Any) -> bool:
    if name in SLIDING:
        return isclose(got, expected, rel_tol=1e-12, abs_tol=0.0)
    return type(got) is type(expected) and bool(got == expected)
