"""The SQLite ledger keeps the contract, and several of them share one file."""

import asyncio
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.ledger.ledger_contract import LedgerContract
from tests.ledger.sample_records import sample_record
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.ledger.verify import verify


def writer_connection(ledger: SqliteLedger) -> sqlite3.Connection:
    """What the writer says to SQLite can be seen nowhere else."""
    connection = ledger._writer._transactions._connection  # type: ignore[attr-defined]
    assert isinstance(connection, sqlite3.Connection)
    return connection


class TestSqliteLedger(LedgerContract):
    """The `ledger` fixture is conftest's."""


def test_making_a_ledger_touches_no_file(ledger_path: Path) -> None:
    SqliteLedger(ledger_path)
    assert not ledger_path.parent.exists()


async def test_records_outlive_the_process_that_wrote_them(ledger_path: Path) -> None:
    record = sample_record(idempotency_key="k")
    for _ in range(2):
        ledger = SqliteLedger(ledger_path)
        assert await ledger.append(record) == record
        await ledger.close()


async def test_each_start_begins_a_chain_of_its_own(ledger_path: Path) -> None:
    for _ in range(3):
        ledger = SqliteLedger(ledger_path)
        await asyncio.gather(*(ledger.append(sample_record()) for _ in range(4)))
        await ledger.close()
    archive = SqliteArchive(ledger_path)
    report = verify(archive)
    archive.close()
    assert (report.records, report.writers, report.breaks) == (12, 3, ())


async def test_concurrent_appends_share_commits(ledger: SqliteLedger) -> None:
    await ledger.append(sample_record())
    statements: list[str] = []
    writer_connection(ledger).set_trace_callback(statements.append)
    await asyncio.gather(*(ledger.append(sample_record()) for _ in range(500)))
    assert 1 <= statements.count("COMMIT") < 50


async def test_two_ledgers_on_one_file_agree_on_a_key(ledger_path: Path) -> None:
    one, other = SqliteLedger(ledger_path), SqliteLedger(ledger_path)
    for number in range(50):
        answers = await asyncio.gather(
            one.append(sample_record(idempotency_key=str(number))),
            other.append(sample_record(idempotency_key=str(number))),
        )
        assert answers[0] == answers[1]
    await one.close()
    await other.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET fingerprint = ''",
        "DELETE FROM records",
        "INSERT OR REPLACE INTO policies VALUES ('ab', 'changed')",
        "UPDATE policies SET document = 'changed'",
        "DELETE FROM policies",
        "UPDATE heads SET sequence = 0",
        "DELETE FROM heads",
    ],
)
async def test_the_file_itself_refuses_changes(ledger: SqliteLedger, ledger_path: Path, statement: str) -> None:
    record = await ledger.append(sample_record())
    await ledger.keep_policies({"ab": "kept"})
    outside = sqlite3.connect(ledger_path)
    outside.execute("PRAGMA recursive_triggers = ON")
    with pytest.raises(sqlite3.IntegrityError, match=r"append-only|only grows"):
        outside.execute(statement)
    outside.close()
    assert await ledger.get(record.decision_id) == record
    assert await ledger.policy_document("ab") == "kept"


async def test_the_file_is_the_services_own(ledger: SqliteLedger, ledger_path: Path) -> None:
    """It holds account ids."""
    await ledger.append(sample_record())
    files = list(ledger_path.parent.iterdir())
    assert len(files) == 4
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_commits_reach_the_disk_before_they_return(ledger: SqliteLedger) -> None:
    await ledger.append(sample_record())
    connection = writer_connection(ledger)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_readiness_of_an_idle_ledger_is_probed_and_of_a_busy_one_is_known(ledger_path: Path) -> None:
    now = 0.0
    ledger = SqliteLedger(ledger_path, clock=lambda: now)

    def probes() -> int:
        outside = sqlite3.connect(ledger_path)
        count: int = outside.execute("SELECT probes FROM readiness").fetchone()[0]
        outside.close()
        return count

    await ledger.append(sample_record())
    assert await ledger.ready()
    assert probes() == 0
    now = 2.0
    assert await ledger.ready()
    assert probes() == 1
    await ledger.close()
