"""A ledger comes out as Parquet whole and once, whatever ended the exports before."""

import asyncio
import fcntl
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.ledger.sample_records import SAMPLE_TIME, sample_record
from tests.ledger.stores import LedgerStore, SqliteStore
from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.export import (
    DamagedExportError,
    Exported,
    ExportGapError,
    ExportUnderWayError,
    ForeignExportError,
    LeftOut,
    export,
)
from tidegate.ledger.record_format import encode
from tidegate.moderation.decision import Action, DecisionRecord

ROOT = Path(__file__).parents[2]
POLICY = ("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "{}")


async def write(store: LedgerStore, records: Sequence[DecisionRecord]) -> None:
    ledger = store.ledger()
    await ledger.keep_policies(dict([POLICY]))
    await asyncio.gather(*(ledger.append(record) for record in records))
    await ledger.close()


def exported(
    store: LedgerStore, out: Path, *, rows_per_file: int = 100, since: date | None = None, until: date | None = None
) -> Exported:
    with store.place.opened() as archive:
        return export(archive, out, rows_per_file=rows_per_file, since=since, until=until)


def files(out: Path) -> list[str]:
    return sorted(str(path.relative_to(out)) for path in out.rglob("*.parquet"))


def payloads(out: Path) -> list[bytes]:
    parts = sorted(out.glob("decisions/*/*.parquet"))
    return [record for part in parts for record in pq.read_table(part)["record"].to_pylist()]


def decided(*, days: int = 0, **changes: object) -> DecisionRecord:
    return sample_record(decided_at=SAMPLE_TIME + timedelta(days=days), **changes)


async def test_every_record_comes_out_once_in_the_folder_of_its_day(store: LedgerStore, tmp_path: Path) -> None:
    records = [decided(days=number % 3) for number in range(30)]
    await write(store, records)
    told = exported(store, tmp_path / "out", rows_per_file=4)
    assert (told.records, told.files, told.days, told.records_in_all) == (30, 9, 3, 30)
    assert sorted(payloads(tmp_path / "out")) == sorted(encode(record) for record in records)
    folders = {file.split("/")[1] for file in files(tmp_path / "out") if file.startswith("decisions/")}
    assert folders == {"day=2026-11-22", "day=2026-11-23", "day=2026-11-24"}
    policies = pq.read_table(tmp_path / "out/policies.parquet")
    assert policies.to_pylist() == [{"digest": POLICY[0], "document": POLICY[1]}]


async def test_nothing_is_written_twice_and_what_came_since_is_added(store: LedgerStore, tmp_path: Path) -> None:
    """To the day that was exported already, too: a clock may be late."""
    await write(store, [decided(), decided(days=1)])
    exported(store, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/decisions").rglob("*.parquet")}
    assert exported(store, tmp_path / "out").files == 0
    await write(store, [decided(days=1), decided(), decided()])
    told = exported(store, tmp_path / "out")
    assert (told.records, told.files, told.records_in_all) == (3, 2, 5)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(set(payloads(tmp_path / "out"))) == len(payloads(tmp_path / "out")) == 5


def killed_export(store: LedgerStore, out: Path, *, after_chunks: int) -> bool:
    """kill -9 after some chunks; whether it had to be killed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.exporting_process", store.named, str(out), "40"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after_chunks)]
    process.kill()
    process.communicate()
    return bool(lines[-1])


async def test_a_killed_export_is_gone_on_with(store: LedgerStore, tmp_path: Path) -> None:
    records = [decided(days=number % 2) for number in range(300)]
    await write(store, records)
    out = tmp_path / "out"
    for _ in range(2):
        assert await asyncio.to_thread(killed_export, store, out, after_chunks=7)
        assert 0 < len(payloads(out)) < 300
    assert exported(store, out).records_in_all == 300
    assert sorted(payloads(out)) == sorted(encode(record) for record in records)
    assert not list(out.rglob("*.partial"))


async def test_a_day_without_a_clean_edge_finds_its_folder(store: LedgerStore, tmp_path: Path) -> None:
    """The last microsecond of a day, and the first of the next."""
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    records = [sample_record(decided_at=at) for at in (midnight - timedelta(microseconds=1), midnight)]
    await write(store, records)
    exported(store, tmp_path / "out")
    for day, record in zip(("2026-11-22", "2026-11-23"), records, strict=True):
        [file] = (tmp_path / f"out/decisions/day={day}").iterdir()
        assert pq.read_table(file)["record"].to_pylist() == [encode(record)]


async def test_days_can_be_chosen(store: LedgerStore, tmp_path: Path) -> None:
    await write(store, [decided(days=day) for day in range(4)])
    exported(store, tmp_path / "out", since=date(2026, 11, 23), until=date(2026, 11, 25))
    found = [file for file in files(tmp_path / "out") if file.startswith("decisions/")]
    assert [file.split("/")[1] for file in found] == ["day=2026-11-23", "day=2026-11-24"]


async def test_an_exported_chain_can_be_verified(store: LedgerStore, tmp_path: Path) -> None:
    await write(store, [decided() for _ in range(10)])
    exported(store, tmp_path / "out")
    [file] = (tmp_path / "out/decisions/day=2026-11-22").iterdir()
    end = None
    for row in pq.read_table(file).to_pylist():
        end = end or Head(row["writer_id"], 0, GENESIS)
        assert (row["previous_hash"], row["sequence"]) == (end.hash, end.sequence + 1)
        end = end.next(row["record"])
        assert row["hash"] == end.hash


async def test_it_answers_questions_without_the_ledger(store: LedgerStore, tmp_path: Path) -> None:
    await write(store, [decided(action=Action.BLOCK), decided(), decided(days=1)])
    exported(store, tmp_path / "out")
    query = (
        f"SELECT day::VARCHAR, action, count(*) FROM read_parquet('{tmp_path}/out/decisions/*/*.parquet',"
        " hive_partitioning = true) GROUP BY ALL ORDER BY ALL"
    )
    with duckdb.connect() as database:
        found = database.execute(query).fetchall()
    assert found == [("2026-11-22", "BLOCK", 1), ("2026-11-22", "REVIEW", 1), ("2026-11-23", "REVIEW", 1)]


async def test_a_folder_of_another_ledger_is_left_alone(store: LedgerStore, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.db")
    await write(other, [decided() for _ in range(3)])
    exported(other, tmp_path / "out")
    await write(store, [decided()])
    with pytest.raises(ForeignExportError, match="another ledger"):
        exported(store, tmp_path / "out")


async def test_a_file_that_was_moved_away_is_missed_and_no_other_is_overwritten(
    store: LedgerStore, tmp_path: Path
) -> None:
    await write(store, [decided() for _ in range(4)])
    exported(store, tmp_path / "out", rows_per_file=2)
    first, second = sorted((tmp_path / "out").glob("decisions/*/*.parquet"))
    kept = second.read_bytes()
    first.unlink()
    await write(store, [decided()])
    with pytest.raises(ExportGapError, match="3 of 5 records"):
        exported(store, tmp_path / "out", rows_per_file=2)
    assert second.read_bytes() == kept


@pytest.mark.parametrize("damage", ["cut", "empty", "another", "footer"])
async def test_a_damaged_file_is_named_other_days_are_exported_and_without_it_the_day_is_whole(
    tmp_path: Path, damage: str
) -> None:
    store, out = SqliteStore(tmp_path / "ledger.db"), tmp_path / "out"
    await write(store, [decided() for _ in range(4)])
    exported(store, out, rows_per_file=2)
    await write(store, [decided(days=1)])
    first, last = sorted(out.glob("decisions/*/*.parquet"))
    for part, goes in ((last, last), (first, first.parent)):
        harm(part, damage)
        with pytest.raises(DamagedExportError) as error:
            exported(store, out, rows_per_file=2)
        assert str(part) in str(error.value)
        assert f"Move {goes} out" in str(error.value)
        assert (out / "decisions/day=2026-11-23/part-00000.parquet").exists()
        goes.rename(tmp_path / goes.name)
        assert exported(store, out, rows_per_file=2).records_in_all == 5
        assert len(set(payloads(out))) == len(payloads(out)) == 5


def harm(part: Path, damage: str) -> None:
    whole = part.read_bytes()
    harmed = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "footer": whole[:-200] + bytes(192) + whole[-8:],
    }
    if damage == "another":
        pq.write_table(pq.read_table(part, columns=["sequence"]).replace_schema_metadata(), part)
    else:
        part.write_bytes(harmed[damage])


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE records SET record = x'00' WHERE decision_id = 'd1'",
        (
            "UPDATE records SET record = CAST(replace(CAST(record AS TEXT), 'REVIEW', 'ALLOW') AS BLOB)"
            " WHERE decision_id = 'd1'"
        ),
    ],
    ids=["overwritten", "altered"],
)
async def test_an_altered_record_gets_no_row_and_every_export_tells_of_it(
    store: LedgerStore, tmp_path: Path, statement: str
) -> None:
    await write(store, [decided(decision_id=f"d{number}") for number in range(3)])
    store.tamper(statement)
    for written in (2, 0):
        told = exported(store, tmp_path / "out")
        assert (told.records, told.records_in_all, told.lost) == (written, 2, 0)
        [left] = told.left_out
        assert (left.decision_id, type(left)) == ("d1", LeftOut)
    await write(store, [decided(decision_id="d3")])
    assert exported(store, tmp_path / "out").records_in_all == 3
    rows = [row for part in (tmp_path / "out/decisions").rglob("*.parquet") for row in pq.read_table(part).to_pylist()]
    assert {row["decision_id"]: row["action"] for row in rows} == dict.fromkeys(("d0", "d2", "d3"), "REVIEW")


async def test_a_day_of_altered_records_alone_can_be_exported_again(tmp_path: Path) -> None:
    """A file without a row is a file still."""
    store = SqliteStore(tmp_path / "ledger.db")
    await write(store, [decided()])
    store.tamper("UPDATE records SET record = x'00'")
    for _ in range(2):
        told = exported(store, tmp_path / "out")
        assert (told.records_in_all, len(told.left_out)) == (0, 1)


async def test_two_exports_into_one_folder_do_not_meet(store: LedgerStore, tmp_path: Path) -> None:
    await write(store, [decided()])
    (tmp_path / "out").mkdir()
    with (tmp_path / "out/.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExportUnderWayError):
            exported(store, tmp_path / "out")
