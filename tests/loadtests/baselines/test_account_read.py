"""The baselines' read of an account, held to Tidegate's own on a real store."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests.baselines.account_read import AccountReader
from tests.enrichment.stored_accounts import NUMBERED, fill
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.online import OnlineChoice
from tidegate.moderation.signals import AccountSignals, Freshness
from tidegate.telemetry.propagation import UNTRACED
from tidegate.telemetry.recorder import Recorder

ACCOUNTS = ("acct-trusted", "acct-strikes", "acct-stale", "acct-partial", "nobody", *NUMBERED)
STRIKES = "account_enforcement__strikes_90d"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = tmp_path_factory.mktemp("store")
    fill(state, OnlineChoice(), now=datetime.now(UTC))
    return state


def seen(signals: AccountSignals) -> tuple[object, ...]:
    """Event times left out: Feast gives them in whole seconds."""
    return signals.status, signals.known, {each.name: (each.value, each.freshness) for each in signals.values}


async def test_all_features_are_those_that_tidegate_reads(store: Path) -> None:
    tidegate = FeastAccountFeatures(FeastReader(store), tracer=Recorder())
    reader = AccountReader(store, features=(), everything=True)
    try:
        ours = await tidegate.lookup([SignalsRequest(each, 60_000, UNTRACED) for each in ACCOUNTS])
        for account_id, signals in zip(ACCOUNTS, ours, strict=True):
            assert seen(reader.read(account_id).signals) == seen(signals), account_id
    finally:
        await tidegate.close()


def test_only_what_policies_name_is_read_and_the_account_is_known_all_the_same(store: Path) -> None:
    reader = AccountReader(store, features=(STRIKES,), everything=False)
    found = reader.read("acct-partial")
    assert [(each.name, each.freshness) for each in found.signals.values] == [(STRIKES, Freshness.MISSING)]
    assert found.signals.known
    assert not reader.read("nobody").signals.known


def test_a_row_that_is_out_of_date_is_told(store: Path) -> None:
    reader = AccountReader(store, features=(STRIKES,), everything=False)
    assert reader.read("acct-stale").stale
    assert reader.read("acct-stale").signals.values[0].freshness is Freshness.STALE
    assert not reader.read("acct-strikes").stale
