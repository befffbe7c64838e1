"""Decisions with given signals in a real ledger, and the command on its state directory."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from tests.ledger.sample_records import sample_inputs, sample_record
from tidegate.cli.main import main
from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import AccountSignals, FeatureScalar, FeatureValue, Freshness, LookupStatus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
POSTS, PLAN = "account_activity__posts_24h", "account_profile__plan"
Signals = Mapping[str, FeatureScalar | None]


def account(signals: Signals, *, freshness: Freshness = Freshness.FRESH, known: bool = True) -> AccountSignals:
    """Signals of an account; a value of None is MISSING."""
    assert set(signals) <= set(ACCOUNT_FEATURES)
    values = tuple(
        FeatureValue(name, value, Freshness.MISSING if value is None else freshness, None if value is None else NOW)
        for name, value in signals.items()
    )
    return AccountSignals(LookupStatus.OK, known=known, values=values)


def decision(
    signals: Signals,
    *,
    at: datetime = NOW - timedelta(hours=1),
    freshness: Freshness = Freshness.FRESH,
    known: bool = True,
) -> DecisionRecord:
    """A decision that was made from them."""
    inputs = replace(sample_inputs(), account=account(signals, freshness=freshness, known=known))
    return sample_record(decided_at=at, inputs=inputs)


async def ledger_of(state: Path, records: Iterable[DecisionRecord]) -> None:
    """Puts decisions into the state directory's ledger."""
    ledger = SqliteLedger(state / "ledger.db", timeout_s=60)
    await asyncio.gather(*map(ledger.append, records))  # in few commits
    await ledger.close()


def run(state: Path, *arguments: str) -> Result:
    """A command of `tidegate features`."""
    return CliRunner(env={"COLUMNS": "160"}).invoke(main, ["--state-dir", str(state), "features", *arguments])


def answer(state: Path, *arguments: str) -> Mapping[str, Any]:
    """What it says to machines."""
    done = run(state, *arguments, "--json")
    assert done.stdout, done.output
    document: Mapping[str, Any] = json.loads(done.stdout)
    return document
