"""The event log in SQLite keeps the contract, shares its file, survives faults and forgets for good."""

import random
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.features.events.log_contract import EventLogContract, ids
from tests.features.events.sample_events import NOW, one_of_each, report, upload
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.writer_lock import exclusive


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "events.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteEventLog]:
    log = SqliteEventLog(path, timeout_s=5.0)
    yield log
    log.close()


class TestSqliteEventLog(EventLogContract):
    pass


def test_making_a_log_touches_no_file(path: Path) -> None:
    SqliteEventLog(path)
    assert not path.parent.exists()


def test_all_files_are_for_their_owner_only(log: SqliteEventLog, path: Path) -> None:
    log.append([upload()], recorded_at=NOW)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert {"events.db", "events.db-wal", "events.db-shm", "events.db-writer"} == set(modes)
    assert set(modes.values()) == {0o600}


def test_events_outlive_a_process_that_is_killed(path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from tests.features.events.sample_events import NOW, one_of_each;"
        "from tidegate.features.events.sqlite_log import SqliteEventLog;"
        "log = SqliteEventLog(Path(sys.argv[1])); log.append(one_of_each(), recorded_at=NOW); os.kill(os.getpid(), 9)"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    assert subprocess.run([sys.executable, "-c", program, path], env=environment, check=False).returncode == -9
    log = SqliteEventLog(path)
    assert log.history(["acct-1"]).num_rows == len(one_of_each())
    assert log.due(now=NOW, limit=1) == ["acct-1"]
    log.close()


def test_another_process_that_ends_takes_nothing_along(path: Path) -> None:
    """SQLite deletes the WAL with the last connection: what keeps it are locks, which must not get lost."""
    log = SqliteEventLog(path)
    log.append([upload("1", "acct-1")], recorded_at=NOW)
    assert log.accounts() == ["acct-1"]  # over the connection that reads, opened after the one that writes
    assert _accounts_in_another_process(path) == ["acct-1"]
    log.append([upload("2", "acct-2")], recorded_at=NOW)
    assert _accounts_in_another_process(path) == ["acct-1", "acct-2"]
    log.close()


def _accounts_in_another_process(path: Path) -> list[str]:
    program = (
        "import sys; from pathlib import Path; from tidegate.features.events.sqlite_log import SqliteEventLog;"
        "log = SqliteEventLog(Path(sys.argv[1]));"
        "print(*log.accounts()); log.close()"
    )
    environment = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program, path], env=environment, check=True, capture_output=True)
    return done.stdout.decode().split()


def test_two_that_write_lose_nothing_and_agree_on_ids(path: Path) -> None:
    """Both send the same events, in different batches, at the same time."""
    events = [upload(f"e-{number}", f"acct-{number % 7}") for number in range(600)]
    answers: list[Appended] = []

    def send(batch: int) -> None:
        own = SqliteEventLog(path)
        for at in range(0, len(events), batch):
            answers.extend(own.append(events[at : at + batch], recorded_at=NOW))
        own.close()

    threads = [threading.Thread(target=send, args=(batch,)) for batch in (20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = SqliteEventLog(path)
    assert answers.count(Appended.NEW) == answers.count(Appended.REPEATED) == 600
    assert log.history(log.accounts()).num_rows == sum(log.versions(log.accounts()).values()) == 600
    log.close()


def test_reading_does_not_wait_for_whoever_writes(log: SqliteEventLog, path: Path) -> None:
    log.append([upload()], recorded_at=NOW)
    with exclusive(path, timeout_s=1.0):
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert ids(log, "acct-1") == ["e-1"]
        other.close()


def test_another_writer_that_does_not_let_go_is_an_outage_that_ends(path: Path) -> None:
    log = SqliteEventLog(path, timeout_s=0.05)
    log.append([upload("1")], recorded_at=NOW)
    with exclusive(path, timeout_s=1.0), pytest.raises(EventLogUnavailableError):
        log.append([upload("2")], recorded_at=NOW)
    assert list(log.append([upload("2")], recorded_at=NOW)) == [Appended.NEW]
    log.close()


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """Files of this process can't grow beyond: to SQLite it is a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_nothing_half_written_and_needs_no_restart(log: SqliteEventLog, path: Path) -> None:
    log.append([upload("before")], recorded_at=NOW)
    events = [upload(f"e-{number}", "acct-2") for number in range(2_000)]
    with file_size_limit(path.with_name("events.db-wal").stat().st_size + 10_000):
        with pytest.raises(EventLogUnavailableError):
            log.append(events, recorded_at=NOW)
        assert log.accounts() == ["acct-1"]
    assert set(log.append(events, recorded_at=NOW)) == {Appended.NEW}
    assert log.history(["acct-1", "acct-2"]).num_rows == 2_001


def test_a_broken_file_is_an_outage_and_one_put_in_its_place_works_at_once(log: SqliteEventLog, path: Path) -> None:
    log.append([upload()], recorded_at=NOW)
    for file in path.parent.glob("events.db*"):
        file.unlink()
    path.write_bytes(b"this is no database at all, but long enough to be looked at" * 100)
    with pytest.raises(EventLogUnavailableError):
        log.append([upload()], recorded_at=NOW)
    with pytest.raises(EventLogUnavailableError):
        log.history(["acct-1"])
    path.unlink()
    assert list(log.append([upload()], recorded_at=NOW)) == [Appended.NEW]
    assert ids(log, "acct-1") == ["e-1"]


def test_a_database_of_something_else_is_left_alone(log: SqliteEventLog, path: Path) -> None:
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE theirs (value)")
    foreign.commit()
    with pytest.raises(EventLogUnavailableError):
        log.append([upload()], recorded_at=NOW)
    assert foreign.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    foreign.close()


def test_a_place_that_can_not_be_written_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    log = SqliteEventLog(tmp_path / "file" / "events.db")
    with pytest.raises(EventLogUnavailableError):
        log.append([upload()], recorded_at=NOW)
    with pytest.raises(EventLogUnavailableError):
        log.due(now=NOW, limit=1)


def test_a_closed_log_says_so(log: SqliteEventLog) -> None:
    log.close()
    with pytest.raises(EventLogUnavailableError, match="closed"):
        log.append([upload()], recorded_at=NOW)


def test_an_event_that_can_not_be_stored_keeps_the_batch_out_and_the_log_well(log: SqliteEventLog) -> None:
    """Validation refuses it before; if it did not, nothing of its batch may be half recorded."""
    with pytest.raises(ValueError, match="surrogates"):
        log.append([upload("1"), upload("2", subject_id="\ud800")], recorded_at=NOW)
    assert log.accounts() == []
    assert list(log.append([upload("1")], recorded_at=NOW)) == [Appended.NEW]


def test_nothing_of_erased_accounts_is_left_in_any_file(log: SqliteEventLog, path: Path) -> None:
    """Pages are split, merged and reused in the meantime: none may keep a copy of what it once held."""
    generator = random.Random(7)
    names = [f"acct-{number:03d}-{'x' * generator.randrange(100)}" for number in range(80)]
    for batch in range(20):
        reports = [
            report(
                f"by-{name}-{batch}-{number}",
                name,
                reporter=generator.choice(names),
                occurred_at=NOW - timedelta(seconds=generator.randrange(10_000_000)),
            )
            for number, name in enumerate(generator.choices(names, k=100))
        ]
        log.append(reports, recorded_at=NOW)
    erased, kept = names[:3], names[3:]
    assert all(name.encode() in _bytes(path) for name in names)
    for name in erased:
        assert log.erase(name, at=NOW).events > 0
    left = _bytes(path)
    assert [name for name in erased if name[:9].encode() in left] == []
    assert [name for name in kept if name.encode() not in left] == []


def test_bytes_that_a_reader_holds_on_to_are_an_outage_until_erased_again(path: Path) -> None:
    log = SqliteEventLog(path, timeout_s=0.05)
    log.append([upload()], recorded_at=NOW)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM events").fetchall()
    with pytest.raises(EventLogUnavailableError):
        log.erase("acct-1", at=NOW)
    reader.close()
    assert log.accounts() == []
    log.erase("acct-1", at=NOW)
    assert b"acct-1" not in _bytes(path)
    log.close()


def _bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))
