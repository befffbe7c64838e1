"""A SQLite ledger that can't be written says so, and is well again by itself once its file is."""

import asyncio
import logging
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_schema import MIGRATIONS
from tidegate.ledger.writer_lock import WriterLock
from tidegate.moderation.errors import LedgerUnavailable


@pytest.fixture
async def ledger(ledger_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(ledger_path, timeout_s=PATIENT_S)
    yield opened
    await opened.close()


@pytest.fixture
async def brief(ledger_path: Path) -> AsyncIterator[SqliteLedger]:
    """One for locks that nobody lets go of: it waits its whole time for them."""
    opened = SqliteLedger(ledger_path, timeout_s=1.0)
    yield opened
    await opened.close()


def put(path: Path, content: str) -> None:
    """Something where the ledger, or its folder, should be."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)


def damage(path: Path) -> bytes:
    """Overwrites an open ledger and its log in place; returns what was there."""
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.write(b"\xff" * len(whole))
    path.with_name(path.name + "-wal").write_bytes(b"")
    return whole


def mend(path: Path, whole: bytes) -> None:
    with path.open("r+b") as file:
        file.write(whole)


def remove(path: Path) -> None:
    path.unlink()


def content(path: Path) -> bytes:
    return path.read_bytes()


async def assert_unavailable(ledger: SqliteLedger) -> None:
    with pytest.raises(LedgerUnavailable):
        await ledger.append(sample_record())
    assert not await ledger.ready()


async def assert_well(ledger: SqliteLedger) -> None:
    record = sample_record()
    assert await ledger.append(record) == record
    assert await ledger.get(record.decision_id) == record
    assert await ledger.ready()


async def test_a_file_locked_by_somebody_else(ledger: SqliteLedger, brief: SqliteLedger, ledger_path: Path) -> None:
    """As by a person at a SQLite prompt."""
    earlier = await ledger.append(sample_record())
    outside = sqlite3.connect(ledger_path, isolation_level=None)
    outside.execute("BEGIN IMMEDIATE")
    await assert_unavailable(brief)
    assert await ledger.get(earlier.decision_id) == earlier  # readers are not held up
    outside.execute("ROLLBACK")
    outside.close()
    await assert_well(brief)


async def test_another_writer_that_hangs(ledger: SqliteLedger, brief: SqliteLedger, ledger_path: Path) -> None:
    await ledger.append(sample_record())
    hanging = WriterLock(ledger_path)
    assert hanging.try_acquire()
    await assert_unavailable(brief)
    hanging.close()
    await assert_well(brief)


async def test_a_short_lock_is_waited_for(ledger: SqliteLedger, ledger_path: Path) -> None:
    await ledger.append(sample_record())
    short = WriterLock(ledger_path)
    assert short.try_acquire()
    waiting = asyncio.create_task(ledger.append(sample_record()))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    short.close()
    await waiting


async def test_a_folder_that_can_not_be_made(ledger: SqliteLedger, ledger_path: Path) -> None:
    put(ledger_path.parent, "a file in the folder's place")
    await assert_unavailable(ledger)
    with pytest.raises(LedgerUnavailable):
        await ledger.get("d")
    remove(ledger_path.parent)
    await assert_well(ledger)


async def test_a_file_that_is_no_database(ledger: SqliteLedger, ledger_path: Path) -> None:
    put(ledger_path, "not a database, " * 1000)
    await assert_unavailable(ledger)
    with pytest.raises(LedgerUnavailable):
        await ledger.find_by_key("k")
    assert content(ledger_path).startswith(b"not a database")
    remove(ledger_path)
    await assert_well(ledger)


async def test_somebody_elses_database_is_left_alone(ledger: SqliteLedger, ledger_path: Path) -> None:
    put(ledger_path, "")
    outside = sqlite3.connect(ledger_path)
    outside.execute("CREATE TABLE theirs (a)")
    outside.close()
    before = content(ledger_path)
    await assert_unavailable(ledger)
    assert content(ledger_path) == before


async def test_a_ledger_of_a_newer_version_is_left_alone(ledger_path: Path) -> None:
    ledger = SqliteLedger(ledger_path)
    await ledger.append(sample_record())
    await ledger.close()
    outside = sqlite3.connect(ledger_path)
    outside.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    outside.close()
    old = SqliteLedger(ledger_path)
    await assert_unavailable(old)
    await old.close()


async def test_a_file_damaged_while_open(ledger: SqliteLedger, ledger_path: Path) -> None:
    kept = await ledger.append(sample_record(idempotency_key="k"))
    await ledger.close()
    damaged = SqliteLedger(ledger_path, timeout_s=PATIENT_S)
    await damaged.ready()
    whole = damage(ledger_path)
    with pytest.raises(LedgerUnavailable):
        await damaged.append(sample_record(idempotency_key="other"))
    mend(ledger_path, whole)
    assert await damaged.find_by_key("k") == kept
    await assert_well(damaged)
    await damaged.close()


async def test_a_file_moved_away_is_not_written_any_more(ledger: SqliteLedger, ledger_path: Path) -> None:
    """What goes into a file that has no name any more could never be found."""
    await ledger.append(sample_record())
    shutil.move(ledger_path.parent, ledger_path.parent.with_name("moved"))
    await assert_well(ledger)
    assert content(ledger_path).startswith(b"SQLite format 3")


async def test_a_file_that_takes_the_ledgers_place_gets_the_policies_too(
    ledger: SqliteLedger, ledger_path: Path
) -> None:
    """No decision without the document that replays it, whatever happened to the file."""
    await ledger.keep_policies({"d" * 64: "{}"})
    shutil.move(ledger_path.parent, ledger_path.parent.with_name("moved"))
    await assert_well(ledger)
    assert await ledger.policy_document("d" * 64) == "{}"


async def test_the_cause_goes_to_the_log_and_not_to_the_caller(
    ledger: SqliteLedger, ledger_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(ledger_path.parent, "in the way")
    with caplog.at_level(logging.ERROR), pytest.raises(LedgerUnavailable) as refused:
        await ledger.append(sample_record())
    assert str(ledger_path.parent) not in str(refused.value)
    [logged] = [record for record in caplog.records if record.message == "ledger.commit_failed"]
    assert "NotADirectoryError" in logged.__dict__["cause"] or "FileExistsError" in logged.__dict__["cause"]
