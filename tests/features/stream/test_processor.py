"""What rounds make of events: the values that the definition gives, when they are due, whatever fails."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from tests.features.stream.account_events import DAY, HOUR, MILLISECOND, MINUTE, NOW, SECOND, Clock, comment, strike
from tests.features.stream.keeping_writer import KeepingWriter
from tests.features.stream.online_stores import Store
from tests.features.transforms.histories import Question, asked_columns, drawn_history
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_RISK
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream.processor import RETRY, SPACING, Applied, SignalProcessor
from tidegate.features.transforms.account_signals import account_signals


@pytest.fixture
def sqlite_store(sqlite_state: Path) -> Iterator[Store]:
    opened = Store(sqlite_state)
    yield opened
    opened.close()


def test_what_was_recorded_is_what_the_router_reads(log: SqliteEventLog, sqlite_store: Store, clock: Clock) -> None:
    log.append([comment("1", "a", NOW - HOUR), strike("2", "a", NOW - DAY)], recorded_at=NOW)
    applied = SignalProcessor(log, sqlite_store.writer, NoRiskModel(), clock=clock).apply_due()
    assert applied == Applied(1, 0, more=False)
    assert (sqlite_store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_30d"] == 1
    assert (sqlite_store.values(ACCOUNT_ACTIVITY, "a") or {})["posts_24h"] == 1
    assert set((sqlite_store.values(ACCOUNT_RISK, "a") or {}).values()) == {None}


@pytest.mark.parametrize("seed", range(8))
def test_round_after_round_the_store_says_what_the_definition_says_of_all_events(
    log: SqliteEventLog, sqlite_store: Store, clock: Clock, seed: int
) -> None:
    """Though a round reads new events only, and writes what differs only."""
    drawn = Random(seed)
    processor = SignalProcessor(log, sqlite_store.writer, NoRiskModel(), clock=clock)
    lives = [each for account_id in "abcd" for each in drawn_history(drawn, account_id, most=40)]
    lives.sort(key=lambda each: each.recorded_at)
    clock.now = lives[0].recorded_at - MILLISECOND
    while lives:
        together = [lives.pop(0) for _ in range(min(len(lives), drawn.choice([1, 1, 2, 8])))]
        clock.now = max(clock.now + MILLISECOND, together[-1].recorded_at)
        log.append([each.event for each in together], recorded_at=clock.now)
        processor.apply_due()
        touched = sorted({each.event.account_id for each in together})
        expected = account_signals(log.history(touched), asked_columns([Question(each, clock.now) for each in touched]))
        for view in (ACCOUNT_PROFILE, ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT):
            told = {row["account_id"]: row for row in expected[view.name].to_pylist()}
            for account_id in touched:
                row = told.get(account_id)
                values = row and {feature.name: row[feature.name] for feature in view.features}
                assert sqlite_store.values(view, account_id) == values


def test_nothing_is_due_twice(log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter) -> None:
    log.append([comment("1", "a", NOW)], recorded_at=NOW)
    assert processor.apply_due().accounts == 1
    assert processor.apply_due().accounts == 0
    assert writer.rounds == [["a"]]


def test_a_window_that_slides_is_computed_again_without_any_event(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter, clock: Clock
) -> None:
    log.append([comment("1", "a", NOW - HOUR + 10 * MINUTE)], recorded_at=NOW)
    processor.apply_due()
    assert writer.rows[ACCOUNT_ACTIVITY.name, "a"]["posts_1h"] == 1
    clock.forward(10 * MINUTE - SECOND)
    assert processor.apply_due().accounts == 0
    clock.forward(2 * SECOND)
    assert processor.apply_due().accounts == 1
    assert writer.rows[ACCOUNT_ACTIVITY.name, "a"]["posts_1h"] == 0


def test_an_account_of_which_nobody_hears_is_computed_daily(
    log: SqliteEventLog, processor: SignalProcessor, clock: Clock
) -> None:
    log.append([comment("1", "a", NOW - 400 * DAY)], recorded_at=NOW)
    processor.apply_due()
    clock.forward(DAY - SECOND)
    assert processor.apply_due().accounts == 0
    clock.forward(SECOND)
    assert processor.apply_due().accounts == 1


def test_windows_that_slide_all_the_time_do_not_make_it_spin(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter, clock: Clock
) -> None:
    """A hundred comments leave the hour one by one, a second apart."""
    log.append([comment(str(n), "a", NOW - HOUR + n * SECOND) for n in range(1, 101)], recorded_at=NOW)
    for _ in range(100):
        processor.apply_due()
        clock.forward(SECOND)
    assert len(writer.rounds) == -(-100 * SECOND // SPACING)


def test_an_event_of_a_clock_ahead_takes_effect_when_its_time_has_come(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter, clock: Clock
) -> None:
    log.append([comment("1", "a", NOW - MINUTE), comment("2", "a", NOW + 2 * SECOND)], recorded_at=NOW)
    log.append([comment("3", "b", NOW + 2 * SECOND)], recorded_at=NOW)
    processor.apply_due()
    assert writer.posts("a") == 1
    assert (ACCOUNT_ACTIVITY.name, "b") not in writer.rows
    clock.forward(2 * SECOND)
    processor.apply_due()
    assert (writer.posts("a"), writer.posts("b")) == (2, 1)


def test_accounts_stay_due_while_the_store_is_gone(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter
) -> None:
    log.append([comment("1", "a", NOW)], recorded_at=NOW)
    writer.away = True
    with pytest.raises(OnlineStoreUnavailableError):
        processor.apply_due()
    writer.away = False
    assert processor.apply_due().accounts == 1
    assert writer.posts("a") == 1


def test_an_event_that_comes_during_the_computation_is_not_forgotten(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    def late(events: pa.Table, asked: pa.Table) -> Mapping[str, pa.Table]:
        log.append([comment("2", "a", NOW)], recorded_at=NOW)  # after the history was read
        return account_signals(events, asked)

    log.append([comment("1", "a", NOW)], recorded_at=NOW)
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, transforms=late)
    processor.apply_due()
    assert writer.posts("a") == 1
    assert processor.apply_due().accounts == 1
    assert writer.posts("a") == 2


def test_an_account_that_can_not_be_computed_does_not_block_the_others(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    asked_together: list[list[str]] = []

    def poisoned(events: pa.Table, asked: pa.Table) -> Mapping[str, pa.Table]:
        asked_together.append(asked["account_id"].to_pylist())
        if "bad" in events["account_id"].to_pylist():
            raise ValueError("bad")
        return account_signals(events, asked)

    names = ["a", "b", "bad", "c", "d"]
    log.append([comment(name, name, NOW) for name in names], recorded_at=NOW)
    processor = SignalProcessor(log, writer, NoRiskModel(), clock=clock, transforms=poisoned)
    assert processor.apply_due() == Applied(4, 1, more=False)
    assert {writer.posts(name) for name in names if name != "bad"} == {1}
    assert processor.apply_due() == Applied(0, 0, more=False)
    assert [record.message for record in caplog.records].count("signals.not_computed") == 1
    assert "bad" not in caplog.text.replace("ValueError", "")

    asked_together.clear()
    clock.forward(RETRY)
    assert processor.apply_due() == Applied(0, 1, more=False)
    assert asked_together == [["bad"]]
    assert [record.message for record in caplog.records].count("signals.not_computed") == 1


def test_a_risk_model_that_breaks_costs_its_own_view_only(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    class Broken:
        def score(self, profiles: pa.Table) -> pa.Table:
            raise ValueError(profiles.num_rows)

    log.append([comment("1", "a", NOW)], recorded_at=NOW)
    SignalProcessor(log, writer, Broken(), clock=clock).apply_due()
    assert writer.posts("a") == 1
    assert writer.rows[ACCOUNT_RISK.name, "a"]["automated"] is None


def test_an_account_erased_during_the_computation_is_taken_out_again(
    log: SqliteEventLog, writer: KeepingWriter, clock: Clock
) -> None:
    def meanwhile(events: pa.Table, asked: pa.Table) -> Mapping[str, pa.Table]:
        log.erase("a", at=NOW)
        return account_signals(events, asked)

    log.append([comment("1", "a", NOW - HOUR), comment("2", "b", NOW - HOUR)], recorded_at=NOW)
    SignalProcessor(log, writer, NoRiskModel(), clock=clock, transforms=meanwhile).apply_due()
    assert writer.deleted == ["a"]
    assert list(log.accounts()) == ["b"]


def test_rows_are_never_older_than_rows_before_them(
    log: SqliteEventLog, processor: SignalProcessor, writer: KeepingWriter, clock: Clock
) -> None:
    """A clock that stands still, or is set back, must not keep a new row out of the store."""
    times: list[object] = []
    for turn in range(3):
        log.append([comment(str(turn), "a", NOW - HOUR)], recorded_at=NOW - HOUR)
        processor.apply_due()
        times.append(writer.rows[ACCOUNT_ACTIVITY.name, "a"]["event_timestamp"])
        clock.forward(-SECOND * turn)
    assert times == [NOW, NOW + timedelta(microseconds=1), NOW + timedelta(microseconds=2)]
    assert writer.posts("a") == 3
