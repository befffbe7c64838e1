"""Banks whose tables a newer release has changed: this one goes on where they let it. `tests/ledger` has the rest."""

import contextlib
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.detectors.bank_pictures import picture, random_hash
from tests.detectors.bank_stores import PostgresBankStore
from tests.ledger.next_release import BANKS_STEP, after
from tests.ledger.postgres_server import PostgresServer
from tidegate.cli.main import main
from tidegate.detectors.banks import postgres_schema
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, Entry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.port import Added
from tidegate.detectors.banks.postgres_schema import BANKS
from tidegate.moderation.detection import DetectorStatus

pytestmark = pytest.mark.integration

BANK = DEFAULT_BANK.id
KNOWN = picture(1)
NEXT = BANKS.newest + 1


def migrate_to_next(store: PostgresBankStore, folder: Path, *, compatible_from: int) -> list[str]:
    """As the next release does. Returns what it warned of."""
    told: list[str] = []
    with contextlib.closing(store.target.connected(name="a test", timeout_s=None)) as connection:
        after(BANKS, folder, BANKS_STEP, compatible_from=compatible_from).migrate(connection, warned=told.append)
    return told


async def test_banks_are_changed_and_matched_under_newer_tables_after_a_restart(
    postgres_banks: PostgresBankStore, postgres: PostgresServer, tmp_path: Path
) -> None:
    banks = postgres_banks.banks()
    banks.add(BANK, [Entry("old", (random_hash(1),))])
    assert migrate_to_next(postgres_banks, tmp_path, compatible_from=BANKS.newest) == []
    postgres.restart_at_once()
    assert banks.add(BANK, [Entry("k", (pdq(KNOWN).hash,))]) == Added(1, 0)
    assert banks.create(Bank("covers")).bank == Bank("covers")
    assert banks.remove(BANK, ["old"]) == 1
    matcher = BankMatcher(postgres_banks.banks())  # an image stage that starts only now
    await matcher.refresh()
    assert [match.entry for match in matcher.match(KNOWN)] == ["k"]


async def test_banks_that_break_this_release_are_an_outage(postgres_banks: PostgresBankStore, tmp_path: Path) -> None:
    [told] = migrate_to_next(postgres_banks, tmp_path, compatible_from=NEXT)
    assert f"The store of hash banks goes from schema version {BANKS.newest} to {NEXT}" in told
    banks = postgres_banks.banks()
    with pytest.raises(BanksUnavailable) as refused:
        banks.add(BANK, [Entry("k", (pdq(KNOWN).hash,))])
    assert f"needs one that knows version {NEXT} at least" in str(refused.value.__cause__)
    matcher = BankMatcher(banks)
    assert not await matcher.ready()
    assert matcher.answer(KNOWN).status is DetectorStatus.FAILED


def test_the_command_warns_before_it_breaks_older_releases(
    postgres_banks: PostgresBankStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_BANKS__STORE", "postgres")
    monkeypatch.setenv("TIDEGATE_BANKS_DSN", postgres_banks.target.dsn)
    with monkeypatch.context() as newer:
        newer.setattr(postgres_schema, "BANKS", after(BANKS, tmp_path, BANKS_STEP, compatible_from=NEXT))
        result = CliRunner().invoke(main, ["banks", "migrate"])
    assert result.exit_code == 0
    assert f"know version {BANKS.newest} at most are refused" in " ".join(result.stderr.split())
    result = CliRunner().invoke(main, ["banks", "migrate"])  # of this release
    assert result.exit_code == 1
    assert f"needs one that knows version {NEXT} at least" in " ".join(result.stderr.split())
