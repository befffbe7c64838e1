"""Whatever comes in whatever order, what is read by way of the kept events is what the log holds."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from tests.features.events.sample_events import report
from tests.features.stream.account_events import comment
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import EventLog
from tidegate.features.events.memory_log import MemoryEventLog
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.stream import histories as histories_module
from tidegate.features.stream.histories import UNUSED_S, Histories

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ACCOUNTS = ("a", "b", "c", "ü", "quiet")


class Watched:
    """A log that counts the events read from it."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.read = 0

    def later(self, after_us: dict[str, int]) -> object:
        reading = self.log.later(after_us)
        self.read += reading.events.num_rows
        return reading


def made(log: EventLog, monotonic: Callable[[], float] = lambda: 0.0) -> tuple[Histories, Watched]:
    watched = Watched(log)
    return Histories(watched, monotonic=monotonic), watched  # type: ignore[arg-type]  # reads by `later` alone


def expected(log: EventLog, account_ids: list[str]) -> pa.Table:
    return pa.concat_tables([log.history([each]) for each in account_ids])


def drawn_event(drawn: Random, number: int, at: datetime) -> AccountEvent:
    """Mostly of right now, some late by seconds or days, some ahead, some at one instant with others."""
    late_s = drawn.choice([0, 0, 0, 0.5, 0.5, 1, 3, 30, 86_400, -2, -200])
    account_id, occurred_at = drawn.choice(ACCOUNTS[:4]), at - timedelta(seconds=late_s)
    if drawn.random() < 0.3:
        return report(str(number), account_id, reporter=drawn.choice(["r1", "r2", *ACCOUNTS]), occurred_at=occurred_at)
    return comment(str(number), account_id, occurred_at)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["sqlite", "memory"])
def test_what_is_read_is_what_the_log_holds(kind: str, seed: int, tmp_path: Path) -> None:
    drawn = Random(seed)
    log: EventLog = SqliteEventLog(tmp_path / "events.db") if kind == "sqlite" else MemoryEventLog()
    seconds = [0.0]
    histories, _ = made(log, lambda: seconds[0])
    number, at = 0, NOW
    for _ in range(60):
        at += timedelta(seconds=drawn.choice([0.1, 0.5, 0.5, 3]))
        seconds[0] += drawn.choice([0.5, 0.5, 0.5, UNUSED_S / 2])
        events = [drawn_event(drawn, number + each, at) for each in range(drawn.choice([0, 1, 5, 40]))]
        number += len(events)
        log.append(events, recorded_at=at)
        if drawn.random() < 0.05:
            log.erase(drawn.choice(ACCOUNTS), at=at)
        asked = drawn.sample(ACCOUNTS, drawn.randint(1, len(ACCOUNTS)))
        events_read, versions = histories.read(asked)
        assert events_read.equals(expected(log, asked))
        assert versions == log.versions(asked)
    log.close()


def test_only_what_is_new_is_read() -> None:
    log = MemoryEventLog()
    histories, watched = made(log)
    log.append([comment(f"old{n}", "a", NOW - timedelta(hours=1)) for n in range(500)], recorded_at=NOW)
    for second in range(50):
        at = NOW + timedelta(seconds=second)
        log.append([comment(str(second), "a", at)], recorded_at=at)
        assert histories.read(["a"])[0].num_rows == 501 + second
    assert watched.read < 501 + 50 * 10


def test_a_late_event_is_not_missed_though_as_many_came_as_were_told_of() -> None:
    log = MemoryEventLog()
    histories, _ = made(log)
    log.append([comment(str(n), "a", NOW - timedelta(minutes=n)) for n in range(20)], recorded_at=NOW)
    histories.read(["a"])
    log.append([comment("late", "a", NOW - timedelta(seconds=90))], recorded_at=NOW)
    assert "late" in histories.read(["a"])[0]["event_id"].to_pylist()


def test_an_account_that_came_back_has_no_events_of_before_its_erasure() -> None:
    """As many later events as were erased: counting alone would not tell."""
    log = MemoryEventLog()
    histories, _ = made(log)
    log.append([comment(str(n), "a", NOW - timedelta(minutes=n)) for n in range(20)], recorded_at=NOW)
    histories.read(["a"])
    log.erase("a", at=NOW)
    later = NOW + timedelta(minutes=1)
    log.append([comment("anew", "a", later)], recorded_at=later)
    assert histories.read(["a"])[0]["event_id"].to_pylist() == ["anew"]
    assert histories.read(["a"])[0]["event_id"].to_pylist() == ["anew"]


def test_a_log_that_was_replaced_is_read_from_its_start(tmp_path: Path) -> None:
    """With as many events, later ones at the same instants."""
    path = tmp_path / "events.db"
    log = SqliteEventLog(path)
    histories, _ = made(log)
    log.append([comment(str(n), "a", NOW - timedelta(minutes=n)) for n in range(20)], recorded_at=NOW)
    assert histories.read(["a"])[0].num_rows == 20
    for file in tmp_path.glob("events.db*"):
        file.unlink()
    other = SqliteEventLog(path)
    other.append([comment(f"other{n}", "a", NOW - timedelta(minutes=n)) for n in range(20)], recorded_at=NOW)
    assert set(histories.read(["a"])[0]["event_id"].to_pylist()) == {f"other{n}" for n in range(20)}
    other.close()
    log.close()


def test_what_is_kept_is_bounded_and_given_up_when_it_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    log, seconds = MemoryEventLog(), [0.0]
    histories, watched = made(log, lambda: seconds[0])
    for name in ("a", "b", "c"):
        log.append([comment(f"{name}{n}", name, NOW - timedelta(minutes=n)) for n in range(20)], recorded_at=NOW)

    def newly_read(*account_ids: str) -> int:
        before = watched.read
        assert histories.read(account_ids)[0].num_rows == 20 * len(account_ids)
        return watched.read - before

    assert newly_read("a", "b") == 40
    assert newly_read("a", "b") == 2, "the newest of each"
    seconds[0] = UNUSED_S
    assert newly_read("a") == 1
    seconds[0] += 1
    assert newly_read("a", "b") == 1 + 20
    monkeypatch.setattr(histories_module, "MOST_EVENTS", 45)
    assert newly_read("c") == 20
    assert newly_read("c", "b") == 2, "the one used longest ago went"
    assert newly_read("a") == 20
