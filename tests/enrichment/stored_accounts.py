"""Accounts in an online store, written as the stream writes them: each named one is there to show one thing."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import ValueKind, View
from tidegate.features.history import history_schema
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_SIGNALS_V2, VALID_UNTIL

AGE = timedelta(hours=1)
"""How old the named accounts' rows are."""
LONG_AGO = ACCOUNT_ENFORCEMENT.ttl + timedelta(days=1)
"""How old `acct-stale`'s enforcement row is."""
NUMBERED = tuple(f"acct-{number:05d}" for number in range(1, 65))
"""Accounts with all views, random values and times, and gaps among them."""

_STRIKES: Mapping[str, Any] = {"strikes_90d": 3, "strike_points": 7.0, "last_action": "BLOCK"}


def fill(state: Path, online: OnlineChoice, *, now: datetime) -> None:
    """Applies the definitions and writes the accounts' rows. Repeating it is harmless."""
    apply(state, online, progress=lambda _: None)
    write_rows(state, now=now)


def write_rows(state: Path, *, now: datetime) -> None:
    """The rows alone, into whatever store the configuration in `state` names."""
    writer = FeastOnlineWriter(state)
    try:
        for view in ACCOUNT_SIGNALS_V2.views:
            rows = [*_named(view, now), *_numbered(view, now)]
            writer.write(view, pa.Table.from_pylist(rows, schema=history_schema(view)))
    finally:
        writer.close()


def row(view: View, account_id: str, at: datetime, **values: Any) -> dict[str, Any]:
    """A row whose other values are null."""
    absent = dict.fromkeys((feature.name for feature in view.stored()), None)
    return {"account_id": account_id, "event_timestamp": at} | absent | values


def _named(view: View, now: datetime) -> Sequence[Mapping[str, Any]]:
    at = now - AGE
    if view is ACCOUNT_PROFILE:
        profile = {"account_age_days": 410, "verified": False, "email_confirmed": True, "plan": "free"}
        names = ("acct-trusted", "acct-new", "acct-strikes", "acct-stale", "acct-partial")
        return [row(view, name, at, followers=len(name), **profile) for name in names]
    if view is ACCOUNT_ENFORCEMENT:
        return [
            row(view, "acct-trusted", at, strikes_90d=0, last_action="NONE"),
            row(view, "acct-new", at, strikes_90d=0, last_action="NONE"),
            row(view, "acct-strikes", at, **_STRIKES),
            row(view, "acct-stale", now - LONG_AGO, **_STRIKES),
        ]
    return []


def _numbered(view: View, now: datetime) -> Sequence[Mapping[str, Any]]:
    drawn = random.Random(view.name)
    return [
        row(view, name, now - timedelta(microseconds=drawn.randrange(10**11)), **_values(view, now, drawn))
        for name in NUMBERED
    ]


def _values(view: View, now: datetime, drawn: random.Random) -> Mapping[str, Any]:
    samples: Mapping[ValueKind, Callable[[], Any]] = {
        ValueKind.BOOL: lambda: drawn.random() < 0.5,
        ValueKind.INT: lambda: int(drawn.paretovariate(0.3)) - 1,
        ValueKind.FLOAT: lambda: drawn.choice([0.0, drawn.random(), drawn.gauss(0, 1e6)]),
        ValueKind.STRING: lambda: drawn.choice(["", "free", "Größe", "x" * 200]),
    }
    values = {each.name: samples[each.kind]() if drawn.random() < 0.9 else None for each in view.features}
    return values | {VALID_UNTIL: int(now.timestamp() * 1e6) + drawn.randrange(-(10**10), 10**11)}
