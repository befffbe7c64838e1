"""A log is rewritten beside writers, readers, removal and erasures, and killed: no byte stays, and nothing is lost."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.events.sample_events import NOW, report, upload
from tidegate.features.events import sqlite_rewriter
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import EVERYTHING, Appended, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.sqlite_rewriter import PAUSE_S, SqliteEventRewriter
from tidegate.features.events.sqlite_schema import APPLICATION_ID, MIGRATIONS
from tidegate.features.events.writer_lock import exclusive
from tidegate.features.retention.period import LEAST_DAYS
from tidegate.features.retention.sqlite_remover import SqliteEventRemover

DAY = timedelta(days=1)
GONE = "zq-gone-7f3a91"
REWRITING = Path(__file__).with_name("rewriting_process.py")
APPENDING = Path(__file__).with_name("appending_process.py")
ENVIRONMENT = {"PYTHONPATH": ":".join(sys.path)}


class Killed(Exception):
    pass


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def log(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SqliteEventLog]:
    monkeypatch.setattr(sqlite_rewriter, "CHUNK", 20)
    opened = SqliteEventLog(path)
    fill(opened)
    empty_wal(path)
    yield opened
    opened.close()


def events() -> list[AccountEvent]:
    generator = random.Random(3)
    names = [GONE, *(f"acct-{number:02}" for number in range(30))]
    return [
        report(
            f"{generator.getrandbits(64):016x}",
            generator.choice(names),
            reporter=generator.choice(names),
            occurred_at=NOW - timedelta(seconds=generator.randrange(10_000)),
        )
        for _ in range(300)
    ]


def empty_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0


def fill(log: SqliteEventLog) -> None:
    for number, event in enumerate(events()):
        log.append([event], recorded_at=NOW + timedelta(seconds=number % 7))
    log.computed({f"acct-{n:02}": NOW + n % 5 * DAY for n in range(30)}, seen=log.versions(log.accounts()))


def rewrite(path: Path, number: int, rest: Callable[[], object] = lambda: None, *, timeout_s: float = 5.0) -> None:
    """Calls `rest` after each transaction."""
    with closing(SqliteEventRewriter(path, timeout_s=timeout_s, rest=lambda _: rest())) as rewriter:
        rewriter.run(number)


def reads(log: SqliteEventLog) -> list[object]:
    """What a log gives out, and what it says of events that it has."""
    names = log.accounts()
    turned = names[::-1]
    after = {name: microseconds(NOW - timedelta(seconds=1_000 * at)) for at, name in enumerate(turned)}
    return [
        names,
        log.accounts(after=names[4], limit=9),
        log.history(names),
        log.history(turned[:9], known_at=NOW + timedelta(seconds=3)),
        log.later({**after, "nobody": EVERYTHING, names[7]: EVERYTHING}),
        log.versions([*turned, "nobody"]),
        log.held([*turned, "nobody"]),
        log.due(now=NOW + 9 * DAY, limit=1_000),
        log.due(now=NOW + 2 * DAY, limit=11),
        log.append(events()[:50], recorded_at=NOW),
    ]


def bytes_of(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob("events.db*")))


def begun(path: Path) -> tuple[int, int]:
    """How many rewritings have begun, and have ended."""
    with closing(SqliteEventRewriter(path)) as rewriter:
        progress = rewriter.progress()
    return progress.begun, progress.ended


def check_whole(path: Path) -> None:
    """There is one part of each table, and the log agrees with itself."""
    with closing(sqlite3.connect(path)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert {name for name in tables if name.startswith(("events", "event_ids", "accounts"))} == {
            "events",
            "event_ids",
            "accounts",
        }
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ids = "SELECT event_id, account_id, occurred_at_us FROM"
        for one, other in (("events", "event_ids"), ("event_ids", "events")):
            assert connection.execute(f"{ids} {one} EXCEPT {ids} {other}").fetchall() == []
        wrong = "SELECT account_id FROM accounts a WHERE version - removed <> (SELECT count(*) FROM events e WHERE"
        assert connection.execute(f"{wrong} e.account_id = a.account_id)").fetchall() == []


def test_answers_are_the_same_before_during_and_after(path: Path, log: SqliteEventLog) -> None:
    _, number = log.delete(GONE, at=NOW)
    before, steps = reads(log), 0

    def look() -> None:
        nonlocal steps
        steps += 1
        assert reads(log) == before

    rewrite(path, number, look)
    assert steps > 300 * 2 // 20
    assert reads(log) == before
    assert GONE.encode() not in bytes_of(path)
    check_whole(path)


def test_reading_two_parts_goes_by_ranges_and_sorts_no_history(
    path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, number = log.delete(GONE, at=NOW)
    with pytest.raises(Killed):
        rewrite(path, number, failing_at(9))
    asked: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **named: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, **named)  # type: ignore[call-overload]
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    other = SqliteEventLog(path)
    reads(other)
    other.delete("acct-07", at=NOW)
    other.close()
    monkeypatch.undo()
    divided = {each for each in asked if "_former" in each and "EXPLAIN" not in each}
    assert len(divided) > 9
    with closing(sqlite3.connect(path)) as connection:
        for statement in divided:
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
            scans = [step for step in plan if step.startswith(("SCAN events", "SCAN event_ids", "SCAN accounts"))]
            assert (scans, [step for step in plan if "TEMP B-TREE" in step]) == ([], []), statement


def failing_at(step: int) -> Callable[[], None]:
    """Raises after so many transactions."""
    left = step

    def rest() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    return rest


def test_interrupted_after_any_transaction_it_goes_on(path: Path, log: SqliteEventLog) -> None:
    _, number = log.delete(GONE, at=NOW)
    before, interrupted = reads(log), 0
    while begun(path)[1] < number:
        with pytest.raises(Killed):
            rewrite(path, number, failing_at(1))
        interrupted += 1
        assert reads(log) == before
    assert interrupted > 300 * 2 // 20
    assert begun(path) == (1, 1), "asked for again, it was not begun again"
    assert GONE.encode() not in bytes_of(path)
    check_whole(path)


def test_killed_at_any_moment_it_goes_on(path: Path, log: SqliteEventLog) -> None:
    _, number = log.delete(GONE, at=NOW)
    before, generator = reads(log), random.Random(5)
    for _ in range(4):
        command = [sys.executable, str(REWRITING), str(path), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
            assert process.stdout is not None
            for _ in range(generator.randrange(1, 6)):
                assert process.stdout.readline() == "moved\n"
            process.kill()  # in the middle of the next transaction, or wherever it is by then
        assert reads(log) == before
    erasure = log.erase(GONE, at=NOW)
    assert erasure.events == 0
    assert begun(path) == (2, 2), "what was erased again is of the next one"
    assert reads(log)[:4] == before[:4]
    assert GONE.encode() not in bytes_of(path)
    check_whole(path)


def test_an_account_that_is_named_again_and_erased_again_waits_for_the_next_one(
    path: Path, log: SqliteEventLog
) -> None:
    """Somebody's event names it anew and goes: copies may be in the part that the rewriting under way has filled."""
    _, number = log.delete(GONE, at=NOW)
    with pytest.raises(Killed):
        rewrite(path, number, failing_at(3))
    assert begun(path)[0] == number
    log.append([report("r-new", "acct-new", reporter=GONE, occurred_at=NOW + DAY)], recorded_at=NOW + DAY)
    log.delete("acct-new", at=NOW + 2 * DAY)
    erasure, later = log.delete(GONE, at=NOW + 2 * DAY)
    assert (erasure.events, later) == (0, number + 1)


def test_code_that_knows_of_no_parts_and_has_the_file_open_records_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "older.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as older:
        older.execute("PRAGMA journal_mode = WAL")
        for statement in (*MIGRATIONS[0], *MIGRATIONS[1]):
            older.execute(statement)
        older.execute("PRAGMA user_version = 2")
        older.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        before_recording = "SELECT key FROM tombstone_key"  # what its every append begins with
        assert older.execute(before_recording).fetchone()
        with closing(SqliteEventLog(path)) as log:
            log.append([upload("e-1")], recorded_at=NOW)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            older.execute(before_recording)


def test_who_comes_to_the_turn_after_the_end_begins_nothing(path: Path, log: SqliteEventLog) -> None:
    _, number = log.delete(GONE, at=NOW)

    def another(_: object) -> None:
        rewrite(path, number)

    with closing(SqliteEventRewriter(path, rest=lambda _: None)) as rewriter:
        rewriter.run(number, told=another)
    assert begun(path) == (number, number)


def test_what_another_process_records_meanwhile_is_there_once(
    path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_rewriter, "CHUNK", 100)
    count = 20
    held = sum(log.held(log.accounts()).values())
    command = [sys.executable, str(APPENDING), str(path), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        number = 0
        while process.stdout.readline():  # a rewriting at least between each two
            number = log.delete("nobody", at=NOW)[1]
            rewrite(path, number)
    assert process.returncode == 0
    assert number > 1
    names = log.accounts()
    assert sum(log.held(names).values()) == log.history(names).num_rows == held + count
    check_whole(path)


def test_no_byte_is_left_of_who_is_erased_while_others_write_erase_and_clean(path: Path, log: SqliteEventLog) -> None:
    """Whatever falls between two transactions: a second erasure waits for a second rewriting."""
    old = [
        AccountEvent(f"old-{name}-{at}", name, EventKind.PLAY, NOW - 600 * DAY + timedelta(seconds=at))
        for name in ("acct-03", "acct-29", "zq-next-aa11")
        for at in range(40)
    ]
    log.append(old, recorded_at=NOW)
    remover = SqliteEventRemover(path, clock=lambda: NOW, rest=lambda _: None)
    second, steps = 0, 0

    def meanwhile() -> None:
        nonlocal second, steps
        steps += 1
        log.append([report(f"late-{steps}", "acct-05", reporter="zq-next-aa11")], recorded_at=NOW)
        log.append([upload(f"own-{steps}", "zq-next-aa11", occurred_at=NOW - DAY)], recorded_at=NOW)
        if steps == 5:
            remover.step(LEAST_DAYS)
        if steps == 20:
            erasure, second = log.delete("zq-next-aa11", at=NOW + DAY)
            assert erasure.events >= 20

    _, first = log.delete(GONE, at=NOW)
    rewrite(path, first, meanwhile)
    assert steps > 30
    assert GONE.encode() not in bytes_of(path)
    assert remover.state().removed == 3 * 39
    remover.close()
    assert (first, second, begun(path)) == (1, 2, (1, 1))
    rewrite(path, second)
    assert b"zq-next" not in bytes_of(path)
    assert log.held(["acct-03", "zq-next-aa11"])["zq-next-aa11"] == 0
    check_whole(path)


def test_erasures_that_fall_into_a_rewriting_share_the_next_one(path: Path, log: SqliteEventLog) -> None:
    names, numbers = [f"acct-{number:02}" for number in range(8)], set[int]()

    def meanwhile() -> None:
        if names:
            numbers.add(log.delete(names.pop(), at=NOW)[1])

    rewrite(path, log.delete(GONE, at=NOW)[1], meanwhile)
    assert (names, numbers) == ([], {2})
    rewrite(path, 2)
    assert begun(path) == (2, 2)
    left = bytes_of(path)
    assert [number for number in range(8) if f"acct-{number:02}".encode() in left] == []
    check_whole(path)


def test_a_file_grows_by_little(path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is moved at once, and by what pages are filled less than they were: measured 3 % of 300,000 events."""
    monkeypatch.setattr(sqlite_rewriter, "CHUNK", 200)
    generator = random.Random(1)
    for batch in range(20):
        drawn = [f"{generator.getrandbits(96):024x}" for _ in range(500)]
        log.append(
            [report(each, f"a-{each[:2]}", reporter=f"a-{each[2:4]}", occurred_at=NOW + batch * DAY) for each in drawn],
            recorded_at=NOW,
        )
    empty_wal(path)
    sizes = [path.stat().st_size]
    for _ in range(3):
        number = log.delete("nobody", at=NOW)[1]
        rewrite(path, number, lambda: sizes.append(path.stat().st_size))
    first = sizes[0]
    assert first > 2_000_000
    assert max(sizes) < 1.15 * first


def test_a_reader_that_stays_keeps_the_wal_from_growing_and_is_an_outage(
    path: Path, log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_rewriter, "MOST_WAL_BYTES", 400_000)
    number = log.delete(GONE, at=NOW)[1]
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM events").fetchall()
    with pytest.raises(EventLogUnavailableError):
        rewrite(path, number, timeout_s=0.1)
    assert path.with_name("events.db-wal").stat().st_size < 800_000
    assert begun(path) == (1, 0)
    assert log.append([upload("still")], recorded_at=NOW) == [Appended.NEW]
    reader.close()
    log.erase(GONE, at=NOW)
    assert begun(path) == (2, 2)
    assert GONE.encode() not in bytes_of(path)
    check_whole(path)


def test_one_process_rewrites_and_others_wait_for_it(path: Path, log: SqliteEventLog) -> None:
    number, waited = log.delete(GONE, at=NOW)[1], list[float]()
    with exclusive(path, timeout_s=1.0, role="rewriter"):

        def rest(seconds: float) -> None:
            waited.append(seconds)
            assert begun(path) == (0, 0)
            if len(waited) == 3:
                raise Killed

        with closing(SqliteEventRewriter(path, rest=rest)) as rewriter, pytest.raises(Killed):
            rewriter.run(number)
    assert waited == [PAUSE_S] * 3
    rewrite(path, number)
    assert begun(path) == (1, 1)


def test_erasing_again_what_was_rewritten_begins_anew(path: Path, log: SqliteEventLog) -> None:
    """Its name may have come and gone meanwhile, by removal of old events."""
    assert log.delete(GONE, at=NOW)[1] == log.delete(GONE, at=NOW)[1] == 1
    rewrite(path, 1)
    assert log.delete(GONE, at=NOW)[1] == 2
