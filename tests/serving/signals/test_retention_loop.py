"""Beside the writer of a real log: what is old goes by itself, what is told of the log is so, failures pass."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
            assert self.news.wait_for(holds, timeout=10)


@contextmanager
def looping(path: Path, told: Told, *, keep_days: int | None, turn: Callable[[], bool]) -> Iterator[RetentionLoop]:
    loop = RetentionLoop(
        path,
        SqliteEventRemover(path, clock=lambda: NOW),
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


def plays(count: int, *, days_ago: int) -> list[AccountEvent]:
    at = NOW - timedelta(days=days_ago)
    return [
        AccountEvent(f"e-{days_ago}-{number}", "ada", EventKind.PLAY, at + timedelta(seconds=number))
        for number in range(count)
    ]


def test_it_removes_what_becomes_old_and_tells_of_the_log(tmp_path: Path) -> None:
    path, told = tmp_path / "events.db", Told()
    log = SqliteEventLog(path)
    log.append(plays(700, days_ago=500), recorded_at=NOW)
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
    with looping(path, told, keep_days=KEEP, turn=lambda: True):
        time.sleep(0.05)
        path.unlink()
        told.wait_for(lambda: bool(told.facts))
