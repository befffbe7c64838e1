"""Ledgers among real processes: killed, short of disk, and several at once on one store."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import LedgerStore, SqliteStore
from tidegate.ledger.record_format import decode
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.verify import VerifyReport, verify

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
KILLS = 5


def start(named: str, *, callers: int, records: int, prefix: str = "", size_limit: int = 0) -> "subprocess.Popen[str]":
    arguments = [named, str(callers), str(records), prefix, str(size_limit)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.appending_process", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def acknowledged(output: str) -> list[tuple[str, str]]:
    """What the process printed whole: number and id."""
    lines = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return [(line[0], line[1]) for line in lines if len(line) == 2]


def read_back(store: LedgerStore) -> tuple[set[str], VerifyReport]:
    with store.place.opened() as archive:
        return {decode(payload).decision_id for payload in archive.payloads()}, verify(archive)


def test_no_acknowledged_record_is_lost_when_the_writer_is_killed(store: LedgerStore) -> None:
    """kill -9 at a random moment, several times on the same store, with eight callers writing."""
    seed = time.time_ns()
    moments = random.Random(seed)
    promised: list[str] = []
    for _ in range(KILLS):
        process = start(store.named, callers=8, records=0)
        assert process.stdout is not None
        assert process.stdout.readline() == "READY\n"
        time.sleep(moments.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        output, _ = process.communicate()
        promised += [decision_id for _, decision_id in acknowledged(output)]

    recorded, report = read_back(store)
    assert len(promised) > 100, f"too few records to show anything (seed {seed})"
    assert not set(promised) - recorded, f"lost (seed {seed})"
    assert report.breaks == ()
    assert report.writers == KILLS


def test_two_processes_write_one_file_and_agree_on_every_key(store: LedgerStore) -> None:
    processes = [start(store.named, callers=4, records=100, prefix="key") for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs

    by_number = defaultdict(set)
    for output, _ in outputs:
        assert "UNAVAILABLE" not in output
        for number, decision_id in acknowledged(output):
            by_number[number].add(decision_id)
    assert {len(ids) for ids in by_number.values()} == {1}
    assert len(by_number) == 100

    recorded, report = read_back(store)
    assert report.breaks == ()
    assert report.writers == 2
    assert report.records == len(recorded) == 100 + 2  # and the one that each process starts with
    assert {next(iter(ids)) for ids in by_number.values()} <= recorded


async def test_what_a_killed_process_recorded_is_found_by_its_key(store: LedgerStore) -> None:
    """As when a caller retries after an outage."""
    process = start(store.named, callers=1, records=0, prefix="key")
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(4)]
    process.kill()
    process.communicate()
    ledger = store.ledger()
    for number, decision_id in acknowledged("".join(lines)):
        found = await ledger.find_by_key(f"key-{number}")
        assert found is not None
        assert found.decision_id == decision_id
    await ledger.close()


def test_a_full_disk_refuses_loses_nothing_and_recovers(ledger_path: Path) -> None:
    """The process may not let any file grow over 400 kB; later it may again."""
    process = start(str(ledger_path), callers=8, records=0, size_limit=400_000)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert output.count("UNAVAILABLE") >= 8 * 20
    promised = [decision_id for _, decision_id in acknowledged(output)]
    assert promised[-1:] == [line.split()[1] for line in output.splitlines() if line.startswith("again ")]

    recorded, report = read_back(SqliteStore(ledger_path))
    assert len(promised) > 8
    assert not set(promised) - recorded
    assert report.breaks == ()
    assert report.writers == 1


def test_another_process_that_ends_takes_nothing_along(ledger_path: Path) -> None:
    """SQLite deletes the WAL with the last connection: what keeps it are locks, which opening again must not drop."""

    async def append_around_others() -> set[str]:
        ledger = SqliteLedger(ledger_path)
        first = await ledger.append(sample_record())
        assert await ledger.get(first.decision_id) == first  # over the connection that reads, opened after the writer's
        await asyncio.to_thread(_finish, start(str(ledger_path), callers=1, records=1))
        second = await ledger.append(sample_record())
        await asyncio.to_thread(_finish, start(str(ledger_path), callers=1, records=1))
        third = await ledger.append(sample_record())
        seen, _ = await asyncio.to_thread(read_back, SqliteStore(ledger_path))
        await ledger.close()
        return {first.decision_id, second.decision_id, third.decision_id} - seen

    assert asyncio.run(append_around_others()) == set()


def _finish(process: "subprocess.Popen[str]") -> None:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
