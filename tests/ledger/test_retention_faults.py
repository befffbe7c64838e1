"""Retention that is killed, held up or not let in: the ledger can be verified all the same, the next run finishes."""

import asyncio
import concurrent.futures
import contextlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.old_decisions import day, decided, exported, ids, retained, write
from tests.ledger.postgres_server import PostgresServer
from tests.ledger.stores import LedgerStore, PostgresStore, SqliteStore, verified
from tidegate.ledger.archive import LedgerUnreadableError
from tidegate.ledger.postgres_retention import KEYS_BY_DAY, PostgresDayRemover
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.ledger.retention import DayOutcome, Rule, retain
from tidegate.ledger.retention_anchors import Reason
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.ledger.verify import BreakKind
from tidegate.postgres.connection import PostgresTarget

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
RULE = Rule(Reason(3, "", "a test"), None)


@contextlib.contextmanager
def removing(store: LedgerStore) -> Iterator["subprocess.Popen[str]"]:
    """A process that removes days, killed at the end of the block. It has begun."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.removing_process", store.named, "3"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def lines(process: "subprocess.Popen[str]", count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


async def test_killed_within_a_day_it_goes_on_and_the_export_still_counts(ledger_path: Path, tmp_path: Path) -> None:
    """SQLite, which removes a day in several transactions: some of the day is gone, told by anchors."""
    store = SqliteStore(ledger_path)
    for _ in range(2):
        await write(store, [decided(days_ago) for days_ago in [0] * 5 + [5] * 30])
    exported(store, tmp_path / "out")
    for _ in range(2):
        with removing(store) as process:
            assert lines(process, 2) == ["batch\n"] * 2  # the first of them is committed
        report = verified(store.place)
        assert report.breaks == ()
        assert 0 < report.removed < 60
        assert report.records + report.removed == 70
    told = exported(store, tmp_path / "out")
    assert (told.records, told.removed_unexported) == (0, 0)
    assert [each.outcome for each in retained(store, keep_days=3, exported_to=tmp_path / "out")] == [DayOutcome.REMOVED]
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed) == ((), 10, 60)
    assert sum(each.records for each in report.removals) == 60


async def test_killed_within_the_transaction_that_drops_a_day_nothing_of_it_has_happened(
    target: PostgresTarget,
) -> None:
    """It waits for a lock: the server gives that up by itself, too."""
    store = PostgresStore(target)
    await write(store, [decided(days_ago) for days_ago in [0] * 5 + [5] * 30])
    with contextlib.closing(psycopg.connect(target.dsn)) as reader:
        reader.execute("LOCK TABLE tidegate_ledger.records IN ACCESS SHARE MODE")
        with removing(store):
            await_sessions(target, "AND wait_event_type = 'Lock'")
        await_sessions(target, "", there=False)
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed, report.removals) == ((), 35, 0, ())
    assert [each.records for each in retained(store, keep_days=3)] == [30]
    assert verified(store.place).intact


async def test_killed_between_days_it_goes_on_with_the_next(store: LedgerStore) -> None:
    await write(store, [decided(days_ago) for days_ago in (0, 5, 6, 7, 8)])
    with removing(store) as process:
        while not lines(process, 1)[0].startswith("REMOVED"):
            pass
    assert verified(store.place).breaks == ()
    retained(store, keep_days=3)
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed) == ((), 1, 4)
    assert [each.day for each in report.removals] == [day(8), day(7), day(6), day(5)]


SESSIONS: LiteralString = "FROM pg_stat_activity WHERE application_name ~ 'retention' "


def await_sessions(target: PostgresTarget, which: LiteralString, *, there: bool = True) -> None:
    """Until the server has such a session of retention, or none any more."""
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        while (outside.execute(f"SELECT {SESSIONS} {which}").fetchone() is None) is there:
            pass


async def test_who_reads_for_long_holds_up_retention_and_retention_holds_up_no_writer(target: PostgresTarget) -> None:
    """The holder is named. What is recorded meanwhile is recorded, and keys are looked for in all days."""
    store = PostgresStore(target)
    await write(store, [decided(days_ago) for days_ago in (0, 5)])
    ledger = store.ledger()
    connection = target.connected(name="tidegate ledger retention", timeout_s=None)
    with contextlib.closing(connection), store.place.opened() as archive:
        remover = PostgresDayRemover(connection, patience_s=2.0)
        with store.place.opened() as reader, reader.snapshot():
            assert reader.count() == 2
            reports = {report.day: report for report in retain(archive, remover, RULE)}
            assert reports[day(5)].outcome is DayOutcome.HELD
            assert "tidegate ledger archive" in reports[day(5)].detail
            record = decided(0, idempotency_key="k")
            assert await ledger.append(record) == record
            assert reader.count() == 2  # nothing was taken from under it
        assert [each.outcome for each in retain(archive, remover, RULE)] == [DayOutcome.REMOVED]
    assert await ledger.find_by_key("k") == record
    await ledger.close()
    assert verified(store.place).intact


async def test_idempotency_keys_of_a_removed_day_go_and_those_in_use_are_waited_for_by_nobody(
    target: PostgresTarget,
) -> None:
    store = PostgresStore(target)
    await write(store, [decided(days_ago, idempotency_key=f"{days_ago}-{n}") for days_ago in (0, 5) for n in range(3)])

    def keys() -> Counter[object]:
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
            return Counter(each for (each,) in outside.execute("SELECT day FROM tidegate_ledger.idempotency_keys"))

    with contextlib.closing(psycopg.connect(target.dsn)) as writer:
        writer.execute("SELECT FROM tidegate_ledger.idempotency_keys WHERE idempotency_key = '5-1' FOR UPDATE")
        assert [each.records for each in retained(store, keep_days=3)] == [3]
        assert keys() == {day(0): 3, day(5): 1}
    assert retained(store, keep_days=3) == []
    assert keys() == {day(0): 3}


async def test_keys_get_their_index_from_retention_and_who_records_meanwhile_waits_for_nothing(
    target: PostgresTarget,
) -> None:
    """No migration makes it: on a full ledger every append with a key would wait. One left half made is made anew."""
    store, ledger = PostgresStore(target), PostgresStore(target).ledger()
    await ledger.append(decided(0, idempotency_key="before"))

    def valid() -> list[object]:
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
            query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
            return [each for (each,) in outside.execute(query, (KEYS_BY_DAY,))]

    assert valid() == []
    with concurrent.futures.ThreadPoolExecutor(1) as pool, contextlib.closing(psycopg.connect(target.dsn)) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT FROM tidegate_ledger.heads")
        run = pool.submit(retained, store, keep_days=3)
        await asyncio.to_thread(await_sessions, target, "AND query ~ 'CREATE INDEX' AND wait_event_type = 'Lock'")
        assert valid() == [False]
        record = decided(0, idempotency_key="meanwhile")
        assert await ledger.append(record) == record
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:  # killed half-way
            outside.execute(f"SELECT pg_terminate_backend(pid, 5000) {SESSIONS}")
        with pytest.raises(LedgerUnreadableError):
            run.result()
    assert valid() == [False]
    await ledger.close()
    assert retained(store, keep_days=3) == []
    assert valid() == [True]


async def test_who_may_only_use_the_tables_is_told_and_removes_nothing(target: PostgresTarget) -> None:
    store = PostgresStore(target)
    await write(store, [decided(5)])
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("DROP ROLE IF EXISTS clerk")
        outside.execute("CREATE ROLE clerk LOGIN")
        outside.execute("GRANT USAGE ON SCHEMA tidegate_ledger TO clerk")
        outside.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA tidegate_ledger TO clerk")
    try:
        with pytest.raises(LedgerUnreadableError, match=r"permission denied|must be owner"):
            retained(PostgresStore(PostgresTarget(target.dsn.replace("tidegate@", "clerk@"))), keep_days=3)
    finally:
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
            outside.execute("DROP OWNED BY clerk")
            outside.execute("DROP ROLE clerk")
    assert len(ids(store)) == 1
    assert verified(store.place).removals == ()


async def test_a_table_that_was_dropped_by_hand_is_no_work_of_retention(target: PostgresTarget) -> None:
    store = PostgresStore(target)
    await write(store, [decided(5), decided(6), decided(0)], together=False)
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute(f"DROP TABLE tidegate_ledger.records_{day(5):%Y%m%d}")
    assert [each.day for each in retained(store, keep_days=3)] == [day(6)]
    report = verified(store.place)
    assert [(found.kind, found.sequence) for found in report.breaks] == [(BreakKind.GAP, 2)]
    assert report.removed == 1
    assert [each.day for each in report.removals] == [day(6)]


async def test_a_ledger_file_of_the_version_before_is_brought_up_to_date(
    ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tidegate.ledger import sqlite_schema  # noqa: PLC0415 - to set its versions back

    with monkeypatch.context() as before:
        before.setattr(sqlite_schema, "MIGRATIONS", sqlite_schema.MIGRATIONS[:1])
        sqlite_schema.open_ledger(ledger_path, timeout_s=30).close()
    place = SqlitePlace(ledger_path)
    with pytest.raises(LedgerUnreadableError, match="tidegate ledger migrate"):
        retained(SqliteStore(ledger_path), keep_days=3)
    place.migrate()
    await write(SqliteStore(ledger_path), [decided(5)])
    assert [each.records for each in retained(SqliteStore(ledger_path), keep_days=3)] == [1]


async def test_a_database_of_the_version_before_is_brought_up_to_date(target: PostgresTarget) -> None:
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute(LEDGER.migrations()[0].encode())
        outside.execute("INSERT INTO tidegate_ledger.migrations (version) VALUES (1)")
    store = PostgresStore(target)
    with pytest.raises(LedgerUnreadableError, match="tidegate ledger migrate"):
        retained(store, keep_days=3)
    store.place.migrate()
    await write(store, [decided(5)])
    assert [each.records for each in retained(store, keep_days=3)] == [1]


@pytest.mark.parametrize("cut", list(Cut))
async def test_a_connection_lost_while_a_day_goes_holds_up_nobody_and_the_next_run_finds_out(
    postgres: PostgresServer, target: PostgresTarget, cut: Cut
) -> None:
    """The server is not told that the client is gone, and waits for no word of it with all days locked."""
    store, proxy = PostgresStore(target), LossyProxy(postgres.port)
    await write(store, [decided(days_ago) for days_ago in (0, 5, 5)])
    distant = PostgresStore(PostgresTarget(target.dsn.replace(str(postgres.port), str(proxy.port))))
    proxy.cut_at(b"remove_day", cut)
    with pytest.raises(LedgerUnreadableError):
        retained(distant, keep_days=3)
    assert proxy.cuts == 1
    await write(store, [decided(0, idempotency_key="k")])
    report = verified(store.place)
    assert (report.breaks, report.removed) == ((), 0 if cut is Cut.BEFORE_IT_ARRIVES else 2)
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:  # as when the server notices
        outside.execute(f"SELECT pg_terminate_backend(pid, 5000) {SESSIONS}")
    proxy.close()
    retained(store, keep_days=3)
    report = verified(store.place)
    assert (report.breaks, report.removed, report.records) == ((), 2, 2)
