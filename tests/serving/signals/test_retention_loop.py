"""Beside the writer of a real log: what is old goes by itself, what is told of the log is so, failures pass."""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.retention.sqlite_remover import SqliteEventRemover
from tidegate.serving.signals.retention_loop import RetentionLoop
from tidegate.telemetry.measures import EventLogFacts, NullEventMetrics

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEEP = 402


class Told(NullEventMetrics):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events = 0
        self.facts: list[EventLogFacts] = []
        self.news = threading.Condition()

    def removed(self, events: int) -> None:
        self.events += events

    def measured(self, facts: EventLogFacts) -> None:
        with self.news:
            self.facts.append(facts)
            self.news.notify_all()

    def wait_for(self, holds: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(holds, timeout=60)


@contextmanager
def looping(path: Path, told: Told, *, keep_days: int | None, turn: Callable[[], bool]) -> Iterator[RetentionLoop]:
    loop = RetentionLoop(
        path,
        SqliteEventRemover(path, timeout_s=0.05, clock=lambda: NOW),
        keep_days=keep_days,
        turn=turn,
        metrics=told,
        pause_s=0.01,
        runs_apart_s=0.01,
    )
    loop.start()
    try:
        yield loop
    finally:
        loop.close()


class Heard(logging.Handler):
    """Tells when the loop has logged a message."""

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message
        self.there = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self.message:
            self.there.set()


@contextmanager
def hearing(message: str) -> Iterator[threading.Event]:
    logger, handler = logging.getLogger("tidegate.serving.signals.retention_loop"), Heard(message)
    logger.addHandler(handler)
    try:
        yield handler.there
    finally:
        logger.removeHandler(handler)


def follow(account_id: str = "bea") -> AccountEvent:
    """Somebody else's, of today: it bears out the clock."""
    return AccountEvent(f"f-{account_id}", account_id, EventKind.FOLLOW, NOW, counterpart_id="cy")


def plays(count: int, *, days_ago: int) -> list[AccountEvent]:
    at = NOW - timedelta(days=days_ago)
    return [
        AccountEvent(f"e-{days_ago}-{number}", "ada", EventKind.PLAY, at + timedelta(seconds=number))
        for number in range(count)
    ]


def test_it_removes_what_becomes_old_and_tells_of_the_log(tmp_path: Path) -> None:
    path, told = tmp_path / "events.db", Told()
    log = SqliteEventLog(path)
    log.append([*plays(700, days_ago=500), follow()], recorded_at=NOW)
    with looping(path, told, keep_days=KEEP, turn=lambda: True):
        told.wait_for(lambda: told.events == 699)
        log.append(plays(5, days_ago=90), recorded_at=NOW)
        told.wait_for(lambda: told.events == 704)
        told.wait_for(lambda: told.facts[-1].reusable_bytes > 0)
    facts = told.facts[-1]
    assert log.held(["ada"]) == {"ada": 1}
    assert (facts.oldest, facts.cleaned_at) == (NOW - timedelta(days=500), NOW)
    assert facts.size_bytes > facts.reusable_bytes > 0
    assert facts.volume_bytes > facts.volume_free_bytes > 0
    log.close()


def test_without_the_setting_it_only_measures(tmp_path: Path) -> None:
    path, told = tmp_path / "events.db", Told()
    log = SqliteEventLog(path)
    log.append(plays(9, days_ago=500), recorded_at=NOW)
    with looping(path, told, keep_days=None, turn=lambda: True):
        told.wait_for(lambda: len(told.facts) >= 3)
    assert log.held(["ada"]) == {"ada": 9}
    assert told.facts[-1].cleaned_at is None
    log.close()


def test_one_whose_turn_it_is_not_touches_no_file(tmp_path: Path) -> None:
    path, told, asked = tmp_path / "events.db", Told(), threading.Event()
    answers = iter([False] * 5)

    def turn() -> bool:
        mine = next(answers, None)
        if mine is None:
            asked.set()
        return False

    with looping(path, told, keep_days=KEEP, turn=turn):
        assert asked.wait(60)
    assert not told.facts
    assert not path.exists()


def test_a_log_that_can_not_be_read_is_tried_again(tmp_path: Path) -> None:
    path, told = tmp_path / "events.db", Told()
    path.write_bytes(b"no database at all, and longer than a header has to be" * 9)
    with hearing("event_retention.waits") as waits, looping(path, told, keep_days=KEEP, turn=lambda: True):
        assert waits.wait(60)
        assert not told.facts
        path.unlink()
        told.wait_for(lambda: bool(told.facts))


def test_what_can_not_be_removed_is_measured_all_the_same_and_ages_from_the_start(tmp_path: Path) -> None:
    path, told, began = tmp_path / "events.db", Told(), datetime.now(UTC)
    log = SqliteEventLog(path)
    log.append([*plays(9, days_ago=500), follow()], recorded_at=NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with hearing("event_retention.waits") as waits, looping(path, told, keep_days=KEEP, turn=lambda: True):
            assert waits.wait(60)
            seen = len(told.facts)
            told.wait_for(lambda: len(told.facts) >= seen + 3)
            since = told.facts[-1].cleaned_at
            assert since is not None
            assert began <= since <= datetime.now(UTC)
            assert {each.cleaned_at for each in told.facts} == {since}
            other.execute("ROLLBACK")
            told.wait_for(lambda: told.facts[-1].cleaned_at == NOW)
    assert log.held(["ada"]) == {"ada": 1}
    log.close()


def test_a_clock_that_no_event_bears_out_removes_nothing(tmp_path: Path) -> None:
    path, told = tmp_path / "events.db", Told()
    log = SqliteEventLog(path)
    log.append(plays(9, days_ago=500), recorded_at=NOW - timedelta(days=400))
    with hearing("event_retention.clock_doubted") as doubted, looping(path, told, keep_days=KEEP, turn=lambda: True):
        assert doubted.wait(60)
        told.wait_for(lambda: len(told.facts) >= 3)
        assert log.held(["ada"]) == {"ada": 9}
        log.append([follow()], recorded_at=NOW)
        told.wait_for(lambda: told.events == 8)
    log.close()
