"""Which accounts a round takes: fresh ones first, hot ones at a pace, none forgotten."""

import itertools
from datetime import timedelta

import pytest

from tests.features.stream.account_events import HOUR, MILLISECOND, MINUTE, NOW, SECOND, Clock, comment
from tests.features.stream.keeping_writer import KeepingWriter
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream import processor as processor_module
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.processor import PACE, Applied, SignalProcessor


def test_fresh_accounts_go_before_a_backlog_of_refreshes(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    log.append([comment(f"old{n}", f"old{n}", NOW - HOUR) for n in range(40)], recorded_at=NOW - HOUR)
    log.append([comment("new", "new", NOW)], recorded_at=NOW)
    fresh = FreshlyTouched()
    fresh.add(["new"])
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, fresh=fresh)
    assert processor.apply_due(limit=8).more
    assert "new" in writer.rounds[0]


def test_fresh_accounts_leave_room_for_those_that_are_overdue(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    log.append([comment("old", "old", NOW - HOUR)], recorded_at=NOW - HOUR)
    log.append([comment(f"new{n}", f"new{n}", NOW) for n in range(40)], recorded_at=NOW)
    fresh = FreshlyTouched()
    fresh.add(f"new{n}" for n in range(40))
    SignalProcessor(log, writer, NoRiskModel(), clock=clock, fresh=fresh).apply_due(limit=8)
    assert "old" in writer.rounds[0]
    assert {f"new{n}" for n in range(6)} < set(writer.rounds[0])


def test_fresh_accounts_of_a_failed_round_keep_their_precedence(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    log.append([comment(f"old{n}", f"old{n}", NOW - HOUR) for n in range(40)], recorded_at=NOW - HOUR)
    log.append([comment("new", "new", NOW)], recorded_at=NOW)
    fresh = FreshlyTouched()
    fresh.add(["new"])
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, fresh=fresh)
    writer.away = True
    with pytest.raises(OnlineStoreUnavailableError):
        processor.apply_due(limit=8)
    writer.away = False
    processor.apply_due(limit=8)
    assert "new" in writer.rounds[0]


def test_a_round_reads_a_bounded_number_of_events(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_module, "MOST_EVENTS", 10)
    log.append([comment(f"{a}{n}", a, NOW) for a in "abcd" for n in range(4)], recorded_at=NOW)
    assert [processor.apply_due().accounts for _ in range(3)] == [2, 2, 0]


def test_a_hot_account_is_paced_and_loses_nothing(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round of 0.25 s: the account waits so many times as long."""
    monkeypatch.setattr(processor_module, "HOT_EVENTS", 50)
    elapsed = itertools.count(step=0.25)
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, monotonic=lambda: next(elapsed))
    log.append([comment(str(n), "hot", NOW - MINUTE) for n in range(100)], recorded_at=NOW)
    processor.apply_due()
    log.append([comment("new", "hot", NOW), comment("other", "b", NOW)], recorded_at=NOW)
    clock.forward(PACE * timedelta(seconds=0.25) - MILLISECOND)
    processor.apply_due()
    assert (writer.posts("hot"), writer.posts("b")) == (100, 1)
    clock.forward(2 * MILLISECOND)
    processor.apply_due()
    assert writer.posts("hot") == 101


def test_hot_accounts_wait_for_each_other_and_the_longest_overdue_is_next(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is as much as a round may read, so one has its turn at a time, whoever else is fresh."""
    monkeypatch.setattr(processor_module, "HOT_EVENTS", 10)
    monkeypatch.setattr(processor_module, "MOST_EVENTS", 20)
    elapsed, fresh = itertools.count(step=0.25), FreshlyTouched()
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, fresh=fresh, monotonic=lambda: next(elapsed))
    for number, name in enumerate(("x", "y", "z")):
        recorded_at = NOW - (3 - number) * SECOND
        log.append([comment(f"{name}{n}", name, NOW - MINUTE) for n in range(15)], recorded_at=recorded_at)
    seen = []
    for turn in range(6):
        log.append([comment(f"new{turn}", "small", NOW)], recorded_at=clock.now)
        fresh.add(["small", "z"])
        processor.apply_due()
        seen.append(writer.rounds[-1])
        clock.forward(PACE * timedelta(seconds=0.25) / 2)
    assert seen == [["x", "small"], ["small"], ["y", "small"], ["small"], ["z", "small"], ["small"]]


def test_waiting_hot_accounts_do_not_make_the_loop_spin(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor_module, "HOT_EVENTS", 5)
    elapsed, fresh = itertools.count(step=0.25), FreshlyTouched()
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, fresh=fresh, monotonic=lambda: next(elapsed))
    log.append([comment(str(n), "hot", NOW - MINUTE) for n in range(15)], recorded_at=NOW)
    processor.apply_due()
    log.append([comment("new", "hot", NOW)], recorded_at=NOW)
    fresh.add(["hot"])
    assert processor.apply_due() == Applied(0, 0, more=False)
    assert fresh.take(1) == []
    clock.forward(MINUTE)
    assert processor.apply_due().accounts == 1
    assert writer.posts("hot") == 16
