import contextlib
import hashlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.ledger.old_decisions import decided, retained
from tests.ledger.sample_records import sample_inputs, sample_record
from tests.ledger.stores import SqliteStore
from tidegate.features.events.columns import events_of
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import DEFAULT_LIMITS
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.ledger.record_format import encode
from tidegate.ledger.record_outline import outline
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.ledger.sqlite_follower import CURSOR
from tidegate.ledger.sqlite_place import SqlitePlace
from tidegate.moderation.decision import Action, DecisionRecord
from tidegate.moderation.item import PartFacts, PartKind
from tidegate.serving.signals import ledger_tail
from tidegate.serving.signals.ledger_tail import PAUSE_S, LedgerTail, decision_event

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)


def now() -> datetime:
    return NOW


async def keep(path: Path, *records: DecisionRecord) -> None:
    ledger = SqliteLedger(path)
    for record in records:
        await ledger.append(record)
    await ledger.close()


class Following:
    """A tail over real files, with the log that it fills."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.db"
        self.seconds = 0.0
        self.fresh = FreshlyTouched()
        self.log = SqliteEventLog(folder / "events.db")
        self.intake = LocalSignalIntake(self.log, clock=now, limits=DEFAULT_LIMITS, fresh=self.fresh)
        self.tail = self.restarted()

    def restarted(self) -> LedgerTail:
        place = SqlitePlace(self.ledger)
        return LedgerTail(place, log=self.log, intake=self.intake, clock=now, monotonic=lambda: self.seconds)

    def events(self, account_id: str = "account-1") -> list[AccountEvent]:
        return list(events_of(self.log.history([account_id])))

    async def close(self) -> None:
        self.tail.close()
        await self.intake.close()
        self.log.close()


@pytest.fixture
async def following(tmp_path: Path) -> AsyncIterator[Following]:
    opened = Following(tmp_path)
    yield opened
    await opened.close()


async def test_a_decision_becomes_an_event_of_its_account(following: Following) -> None:
    record = sample_record(action=Action.BLOCK, decided_at=NOW)
    await keep(following.ledger, record)
    assert following.tail.read_on() == 1
    assert following.events() == [
        AccountEvent(
            event_id=f"decision:{record.decision_id}",
            account_id="account-1",
            kind=EventKind.DECISION,
            occurred_at=NOW,
            subject_id=record.decision_id,
            action="BLOCK",
            content_digest=hashlib.sha256(b"12" * 32).hexdigest(),
        )
    ]
    assert following.fresh.take(10) == ["account-1"]


def test_the_digest_is_that_of_the_parts_in_their_order() -> None:
    one, other = (PartFacts(name, PartKind.TEXT, name * 32, 1) for name in ("12", "34"))
    digests = [
        decision_event(outline(encode(sample_record(inputs=replace(sample_inputs(), parts=parts))))).content_digest
        for parts in ((one, other), (other, one))
    ]
    assert digests == [hashlib.sha256(text).hexdigest() for text in (b"12" * 32 + b"34" * 32, b"34" * 32 + b"12" * 32)]


async def test_a_ledger_that_is_not_there_yet_is_waited_for(following: Following) -> None:
    assert following.tail.read_on() == 0
    await keep(following.ledger, sample_record(decided_at=NOW))
    assert following.tail.read_on() == 1


async def test_reading_goes_on_where_it_stopped_before_a_restart(following: Following) -> None:
    await keep(following.ledger, sample_record(decided_at=NOW))
    following.tail.read_on()
    await keep(following.ledger, sample_record(decided_at=NOW))
    assert following.restarted().read_on() == 1
    assert following.restarted().read_on() == 0
    assert len(following.events()) == 2


async def test_a_long_ledger_is_read_in_chunks(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_tail, "CHUNK", 2)
    await keep(following.ledger, *(sample_record(decided_at=NOW) for _ in range(5)))
    assert [following.tail.read_on() for _ in range(4)] == [2, 2, 1, 0]
    assert len(following.events()) == 5


async def test_records_read_twice_count_once(following: Following) -> None:
    """As after a kill between recording the events and noting the place."""
    await keep(following.ledger, sample_record(decided_at=NOW), sample_record(decided_at=NOW))
    following.tail.read_on()
    following.log.move_cursor(CURSOR, "")
    assert following.restarted().read_on() == 2
    assert len(following.events()) == 2


async def test_a_ledger_that_was_started_anew_is_read_from_its_start(following: Following) -> None:
    await keep(following.ledger, sample_record(decided_at=NOW), sample_record(decided_at=NOW))
    following.tail.read_on()
    for file in following.ledger.parent.glob("ledger.db*"):
        file.unlink()
    await keep(following.ledger, *(sample_record(decided_at=NOW) for _ in range(3)))
    assert following.tail.read_on() == 3
    assert len(following.events()) == 5


async def test_an_old_backlog_is_taken_without_precedence(following: Following) -> None:
    records = [
        sample_record(account_id="old", decided_at=NOW - timedelta(days=30)),
        sample_record(account_id="new", decided_at=NOW),
    ]
    await keep(following.ledger, *records)
    following.tail.read_on()
    assert len(following.events("old")) == 1
    assert following.fresh.take(10) == ["new"]


async def test_decisions_on_an_erased_account_do_not_hold_up_the_others(following: Following) -> None:
    following.log.erase("gone", at=NOW)
    await keep(
        following.ledger,
        sample_record(account_id="gone", decided_at=NOW - timedelta(seconds=1)),
        sample_record(account_id="kept", decided_at=NOW),
    )
    assert following.tail.read_on() == 2
    assert not following.events("gone")
    assert len(following.events("kept")) == 1


async def test_records_are_read_again_if_they_could_not_be_recorded(following: Following) -> None:
    class Broken:
        def record_blocking(
            self, events: Sequence[AccountEvent], *, backfill: bool = False
        ) -> Sequence[RecordedEvent | RefusedEvent]:
            raise EventLogUnavailableError(f"{len(events)} {backfill}")

    await keep(following.ledger, sample_record(decided_at=NOW))
    broken = LedgerTail(SqlitePlace(following.ledger), log=following.log, intake=Broken(), clock=now)
    with pytest.raises(EventLogUnavailableError):
        broken.read_on()
    broken.close()
    assert following.tail.read_on() == 1


async def test_a_step_tells_whether_there_is_more_at_once(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_tail, "CHUNK", 2)
    await keep(following.ledger, *(sample_record(decided_at=NOW) for _ in range(3)))
    assert [following.tail.step() for _ in range(3)] == [True, False, False]
    assert len(following.events()) == 3


async def test_a_ledger_that_can_not_be_read_is_left_alone_for_a_while(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    following.ledger.write_bytes(b"no database" * 500)
    following.tail.step()
    following.seconds += PAUSE_S
    following.tail.step()
    following.ledger.unlink()
    await keep(following.ledger, sample_record(decided_at=NOW))
    following.seconds += PAUSE_S / 2
    following.tail.step()
    assert not following.events()
    following.seconds += PAUSE_S
    following.tail.step()
    assert len(following.events()) == 1
    assert [record.message for record in caplog.records] == ["ledger_tail.behind", "ledger_tail.reads_again"]


async def test_a_record_that_can_not_be_read_does_not_hold_up_the_others(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    await keep(following.ledger, *(sample_record(decided_at=NOW) for _ in range(3)))
    with contextlib.closing(sqlite3.connect(following.ledger)) as connection, connection:
        connection.execute("DROP TRIGGER records_refuse_update")
        connection.execute("UPDATE records SET record = ? WHERE position = 3", (b"{}",))
    assert following.tail.read_on() == 3
    assert len(following.events()) == 2
    assert following.restarted().read_on() == 0
    assert "ledger_tail.unreadable_record" in caplog.messages


async def test_decisions_that_retention_removed_before_they_were_read_are_counted_and_told(
    following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    store = SqliteStore(following.ledger)
    await keep(following.ledger, decided(9), decided(9), decided(0))
    retained(store, keep_days=3)
    assert following.tail.read_on() == 1
    [told] = [each for each in caplog.records if each.message == "ledger_tail.removed_before_read"]
    assert vars(told)["records"] == 2
    assert following.restarted().read_on() == 0
