import asyncio
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.features.stream.account_events import Clock, comment
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import DEFAULT_LIMITS
from tidegate.features.stream import local_intake
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, Refusal, RefusedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


class HeldLog(SqliteEventLog):
    """A log whose appends wait until they are let through, and that notes how many events came together."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.together: list[int] = []
        self.broken = False

    def append(self, events: Sequence[AccountEvent], *, recorded_at: datetime) -> Sequence[Appended]:
        self.entered.release()
        self.gate.wait(20)
        if self.broken:
            raise EventLogUnavailableError("disk full")
        self.together.append(len(events))
        return super().append(events, recorded_at=recorded_at)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[HeldLog]:
    opened = HeldLog(tmp_path / "events.db")
    yield opened
    opened.gate.set()
    opened.close()


@pytest.fixture
def fresh() -> FreshlyTouched:
    return FreshlyTouched()


@pytest.fixture
def intake(log: HeldLog, fresh: FreshlyTouched) -> LocalSignalIntake:
    return LocalSignalIntake(log, clock=Clock(NOW), limits=DEFAULT_LIMITS, fresh=fresh)


async def test_each_event_gets_its_own_answer_in_order(intake: LocalSignalIntake, log: HeldLog) -> None:
    log.append([comment("old", "a", NOW), comment("taken", "a", NOW)], recorded_at=NOW)
    answers = await intake.record(
        [
            comment("1", "a", NOW),
            comment("", "a", NOW),
            comment("old", "a", NOW),
            comment("taken", "b", NOW),
            comment("2", "a", NOW - timedelta(days=8)),
            comment("3", "a", NOW + timedelta(hours=6)),
            comment("4", "b", NOW),
        ]
    )
    told = [answer.reason if isinstance(answer, RefusedEvent) else answer.appended for answer in answers]
    assert told == [
        Appended.NEW,
        Refusal.INVALID,
        Appended.REPEATED,
        Refusal.CONFLICT,
        Refusal.TOO_LATE,
        Refusal.IN_FUTURE,
        Appended.NEW,
    ]
    await intake.close()


async def test_what_an_erased_account_did_before_is_refused(intake: LocalSignalIntake, log: HeldLog) -> None:
    log.erase("a", at=NOW)
    (answer,) = await intake.record([comment("1", "a", NOW - timedelta(seconds=1))])
    assert isinstance(answer, RefusedEvent)
    assert (answer.reason, answer.field) == (Refusal.ERASED, "occurred_at")
    await intake.close()


async def test_a_backfill_takes_what_is_long_past_and_gives_it_no_precedence(
    intake: LocalSignalIntake, fresh: FreshlyTouched
) -> None:
    (answer,) = await intake.record([comment("1", "a", NOW - timedelta(days=400))], backfill=True)
    assert answer == RecordedEvent(Appended.NEW)
    assert fresh.take(10) == []
    await intake.close()


async def test_accounts_with_something_new_are_touched_and_repeats_touch_none(
    intake: LocalSignalIntake, fresh: FreshlyTouched
) -> None:
    await intake.record([comment("1", "a", NOW), comment("2", "b", NOW)])
    assert fresh.take(10) == ["a", "b"]
    await intake.record([comment("1", "a", NOW)])
    assert fresh.take(10) == []
    await intake.close()


async def test_calls_that_come_during_a_commit_go_into_the_next_one_together(
    intake: LocalSignalIntake, log: HeldLog
) -> None:
    log.gate.clear()
    first = asyncio.create_task(intake.record([comment("first", "a", NOW)]))
    await asyncio.to_thread(log.entered.acquire, timeout=20)
    others = [asyncio.create_task(intake.record([comment(str(n), "a", NOW)])) for n in range(20)]
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(first, *others)
    assert log.together == [1, 20]
    await intake.close()


async def test_a_log_that_is_gone_is_told_to_every_caller_and_later_ones_succeed(
    intake: LocalSignalIntake, log: HeldLog
) -> None:
    log.broken = True
    answers = await asyncio.gather(
        *(intake.record([comment(str(n), "a", NOW)]) for n in range(5)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {EventLogUnavailableError}
    log.broken = False
    assert await intake.record([comment("0", "a", NOW)]) == [RecordedEvent(Appended.NEW)]
    await intake.close()


async def test_closing_writes_out_what_was_accepted(intake: LocalSignalIntake, log: HeldLog) -> None:
    log.gate.clear()
    waiting = [asyncio.create_task(intake.record([comment(str(n), "a", NOW)])) for n in range(3)]
    await asyncio.to_thread(log.entered.acquire, timeout=20)
    closing = asyncio.create_task(intake.close())
    await asyncio.sleep(0)
    log.gate.set()
    await closing
    assert await asyncio.gather(*waiting) == [[RecordedEvent(Appended.NEW)]] * 3
    assert log.versions(["a"]) == {"a": 3}
    with pytest.raises(EventLogUnavailableError):
        await intake.record([comment("late", "a", NOW)])
    assert not await intake.ready()


async def test_more_than_can_wait_is_refused_as_an_outage(
    intake: LocalSignalIntake, log: HeldLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_intake, "MOST_WAITING", 3)
    log.gate.clear()
    under_way = asyncio.create_task(intake.record([comment("0", "a", NOW)]))
    await asyncio.to_thread(log.entered.acquire, timeout=20)
    waiting = asyncio.create_task(intake.record([comment(str(n), "a", NOW) for n in range(1, 4)]))
    await asyncio.sleep(0)
    with pytest.raises(EventLogUnavailableError):
        await intake.record([comment("4", "a", NOW)])
    log.gate.set()
    await asyncio.gather(under_way, waiting)
    await intake.close()


async def test_it_is_ready_only_if_the_log_can_be_written(tmp_path: Path, fresh: FreshlyTouched) -> None:
    (tmp_path / "file").write_text("")
    log = SqliteEventLog(tmp_path / "file" / "events.db")  # a folder that can't be made
    intake = LocalSignalIntake(log, clock=Clock(NOW), limits=DEFAULT_LIMITS, fresh=fresh)
    assert not await intake.ready()
    (tmp_path / "file").unlink()
    assert await intake.ready()
    log.close()
