"""An erasure whose command is gone is completed by the process that is there anyway."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.features.events.sample_events import NOW, upload
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.sqlite_rewriter import SqliteEventRewriter
from tidegate.serving.signals.rewriting_loop import RewritingLoop

GONE = "zq-gone-7f3a91"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def number(path: Path) -> int:
    """A log in which an account was erased, and its bytes were left: the number of the rewriting that it waits for."""
    with closing(SqliteEventLog(path)) as log:
        names = [*(f"acct-{number}" for number in range(50)), GONE]
        log.append([upload(f"e-{number}", names[number % 51]) for number in range(2_000)], recorded_at=NOW)
        erasure, number = log.delete(GONE, at=NOW)
    assert erasure.events
    return number


@contextmanager
def looping(path: Path, *, turn: bool = True) -> Iterator[threading.Event]:
    """The loop, and an event that is set once it has looked whose turn it is a third time."""
    looked, looks = threading.Event(), 0

    def ours() -> bool:
        nonlocal looks
        looks += 1
        if looks >= 3:
            looked.set()
        return turn

    loop = RewritingLoop(SqliteEventRewriter(path, timeout_s=0.05), turn=ours, pause_s=0.01)
    loop.start()
    try:
        yield looked
    finally:
        loop.close(60)


def ended(path: Path) -> int:
    with closing(SqliteEventRewriter(path)) as rewriter:
        return rewriter.progress().ended


def wait_until_ended(path: Path, number: int) -> None:
    for _ in range(6_000):
        if ended(path) >= number:
            return
        threading.Event().wait(0.01)
    pytest.fail("the log was not rewritten")


def test_an_erasure_that_was_left_is_completed(path: Path, number: int) -> None:
    with looping(path):
        wait_until_ended(path, number)
    assert not [each for each in path.parent.glob("events.db*") if GONE.encode() in each.read_bytes()]


def test_whose_turn_it_is_not_leaves_it(path: Path, number: int) -> None:
    with looping(path, turn=False) as looked:
        assert looked.wait(60)
    assert ended(path) < number


def test_a_log_that_nobody_waits_for_is_left_as_it_is(path: Path, number: int) -> None:
    with looping(path):
        wait_until_ended(path, number)
    with looping(path) as looked:
        assert looked.wait(60)
    assert ended(path) == number


def test_a_reader_that_is_in_the_way_is_told_and_outwaited(
    path: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with looping(path), closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM accounts").fetchone()
        for _ in range(6_000):
            if any(record.getMessage() == "event_rewriting.waits" for record in caplog.records):
                break
            threading.Event().wait(0.01)
        assert ended(path) < number
        reader.execute("COMMIT")
        wait_until_ended(path, number)
