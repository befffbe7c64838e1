"""Old events go from a real log while it is written to, read, erased from and killed; signals stay as they were."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pytest

from tests.features.events.sample_events import NOW
from tests.features.transforms.histories import NOON, Question, asked_columns, drawn_history
from tidegate.features.events import sqlite_schema
from tidegate.features.events.columns import microseconds
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import Appended
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.retention import sqlite_remover
from tidegate.features.retention.period import LEAST_DAYS, TRAINING_DAYS, KeptTooShortError
from tidegate.features.retention.sqlite_remover import SqliteEventRemover
from tidegate.features.stream.histories import Histories
from tidegate.features.transforms.account_signals import account_signals

LATER = NOON + timedelta(days=TRAINING_DAYS)
"""When events are removed: signals since noon stay."""
DAY = timedelta(days=1)
PROCESS = Path(__file__).with_name("removing_process.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteEventLog]:
    opened = SqliteEventLog(path)
    yield opened
    opened.close()


@pytest.fixture
def remover(path: Path, log: SqliteEventLog) -> Iterator[SqliteEventRemover]:
    log.held([])  # makes the file
    made = SqliteEventRemover(path, clock=lambda: LATER, rest=lambda _: None)
    yield made
    made.close()


def run(remover: SqliteEventRemover) -> int:
    removed, step = 0, remover.step(LEAST_DAYS)
    while not step.finished:
        removed, step = removed + step.events, remover.step(LEAST_DAYS)
    return removed + step.events


def plays(account_id: str, count: int, *, days_ago: float) -> list[AccountEvent]:
    at = NOON - timedelta(days=days_ago)
    return [
        AccountEvent(f"{account_id}-{days_ago}-{number:06}", account_id, EventKind.PLAY, at + timedelta(seconds=number))
        for number in range(count)
    ]


def filled(log: SqliteEventLog, *, accounts: int) -> list[str]:
    """Drawn histories, recorded as late as they were drawn."""
    generator = random.Random(7)
    names = [f"acct-{number:04}" for number in range(accounts)]
    drawn = [each for name in names for each in drawn_history(generator, name, most=30)]
    there = sorted((each for each in drawn if each.recorded_at <= LATER), key=lambda each: each.recorded_at)
    for _, month in groupby(there, key=lambda each: (each.recorded_at.year, each.recorded_at.month)):
        batch = list(month)
        log.append([each.event for each in batch], recorded_at=batch[-1].recorded_at)
    return names


def signals(log: SqliteEventLog, names: Sequence[str]) -> dict[str, pa.Table]:
    instants = [NOON, NOON + timedelta(hours=1), NOON + 7 * DAY, NOON + 200 * DAY]
    asked = [Question(name, at, at) for name in names for at in instants]
    return dict(account_signals(log.history(names), asked_columns(asked)))


def check_whole(path: Path) -> int:
    """The log agrees with itself; how many events were removed."""
    with sqlite3.connect(path) as connection:
        (told,) = connection.execute("PRAGMA integrity_check").fetchone()
        ids = "SELECT event_id, account_id, occurred_at_us FROM"
        lost = connection.execute(f"SELECT count(*) FROM ({ids} events EXCEPT {ids} event_ids)").fetchone()[0]
        left = connection.execute(f"SELECT count(*) FROM ({ids} event_ids EXCEPT {ids} events)").fetchone()[0]
        wrong = connection.execute(
            "SELECT count(*) FROM accounts WHERE version - removed <>"
            " (SELECT count(*) FROM events WHERE events.account_id = accounts.account_id)"
        ).fetchone()[0]
        counted, removed = connection.execute(
            "SELECT (SELECT sum(removed) FROM accounts), (SELECT removed FROM retention)"
        ).fetchone()
    assert (told, lost, left, wrong) == ("ok", 0, 0, 0)
    assert counted == removed
    return int(removed)


def test_what_is_left_gives_the_same_signals(path: Path, log: SqliteEventLog, remover: SqliteEventRemover) -> None:
    names = filled(log, accounts=220)  # more than a step looks at
    before, held = signals(log, names), log.history(names).num_rows
    would, _ = remover.preview(LEAST_DAYS)
    removed = run(remover)
    assert removed == would == check_whole(path) > held // 5
    assert log.history(names).num_rows == held - removed
    assert signals(log, names) == before
    assert run(remover) == 0
    state = remover.state()
    assert (state.removed, state.finished_at, state.signals_since) == (removed, LATER, NOON)
    first = min(log.history(names)["occurred_at_us"].to_pylist())
    assert state.oldest is not None
    assert microseconds(state.oldest) == first


def test_a_log_from_which_nothing_went_says_so(log: SqliteEventLog, remover: SqliteEventRemover) -> None:
    log.append(plays("ada", 2, days_ago=1), recorded_at=NOON)
    assert run(remover) == 0
    assert log.signals_since() is None
    assert remover.state().oldest == NOON - DAY


def test_fewer_days_than_signals_need_are_refused_before_anything_goes(
    log: SqliteEventLog, remover: SqliteEventRemover
) -> None:
    log.append(plays("ada", 9, days_ago=700), recorded_at=NOON - 700 * DAY)
    with pytest.raises(KeptTooShortError, match="at least 402 days"):
        remover.step(LEAST_DAYS - 1)
    assert log.held(["ada"]) == {"ada": 9}


def test_events_are_recorded_between_any_two_transactions(path: Path, log: SqliteEventLog) -> None:
    log.append(plays("ada", 1_700, days_ago=500), recorded_at=NOON - 500 * DAY)
    answers: list[Appended] = []

    def record(spent_s: float) -> None:
        del spent_s
        answers.extend(log.append(plays("ada", 1, days_ago=len(answers) / 10), recorded_at=LATER))

    remover = SqliteEventRemover(path, clock=lambda: LATER, rest=record)
    assert run(remover) == 1_699  # all but the first
    remover.close()
    assert answers == [Appended.NEW] * 4  # 500 a transaction
    assert log.held(["ada"]) == {"ada": 5}
    check_whole(path)


def test_a_step_that_finds_more_than_it_takes_goes_on_where_it_was(
    path: Path, log: SqliteEventLog, remover: SqliteEventRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_remover, "FOUND_AT_ONCE", 40)
    log.append([*plays("a", 100, days_ago=500), *plays("b", 30, days_ago=500)], recorded_at=NOON - 500 * DAY)
    first = remover.step(LEAST_DAYS)
    assert (first.events, first.accounts, first.finished) == (40, 0, False)
    assert run(remover) == 99 + 29 - 40
    check_whole(path)


def test_killed_at_any_moment_it_goes_on_and_nothing_is_half_removed(path: Path, log: SqliteEventLog) -> None:
    names = filled(log, accounts=20)
    for number in range(5):
        log.append(plays(f"busy-{number}", 4_000, days_ago=450), recorded_at=NOON - 450 * DAY)
    before, generator, removed = signals(log, names), random.Random(3), 0
    for _ in range(3):
        command = [sys.executable, str(PROCESS), str(path), LATER.isoformat()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(generator.randrange(1, 6)):
                assert process.stdout.readline() == "removed\n"
            process.kill()  # in the middle of the next transaction, or wherever it is by then
        now = check_whole(path)
        assert now > removed
        removed = now
        assert signals(log, names) == before
        assert log.signals_since() == NOON
    assert removed < 5 * 3_999  # the last one was killed before it was done
    remover = SqliteEventRemover(path, clock=lambda: LATER, rest=lambda _: None)
    run(remover)
    remover.close()
    assert log.held([f"busy-{number}" for number in range(5)]) == {f"busy-{number}": 1 for number in range(5)}
    check_whole(path)
    assert signals(log, names) == before


def test_two_that_remove_at_once_take_each_event_once(path: Path, log: SqliteEventLog) -> None:
    log.append(plays("ada", 1_501, days_ago=500), recorded_at=NOON - 500 * DAY)
    inner = SqliteEventRemover(path, clock=lambda: LATER, rest=lambda _: None)
    rests: list[int] = []
    outer = SqliteEventRemover(path, clock=lambda: LATER, rest=lambda _: rests.append(run(inner)))
    assert run(outer) == 500  # by its first transaction; the other took the rest
    assert sum(rests) == 1_000
    assert check_whole(path) == 1_500
    inner.close()
    outer.close()


def test_an_event_that_comes_again_after_it_went_changes_no_signal(
    path: Path, log: SqliteEventLog, remover: SqliteEventRemover
) -> None:
    old = plays("ada", 3, days_ago=500)
    log.append(old, recorded_at=NOON - 500 * DAY)
    before = signals(log, ["ada"])
    run(remover)
    assert list(log.append(old, recorded_at=LATER)) == [Appended.REPEATED, Appended.NEW, Appended.NEW]
    assert signals(log, ["ada"]) == before
    assert run(remover) == 2
    check_whole(path)


def test_the_stream_reads_again_what_lost_events(log: SqliteEventLog, remover: SqliteEventRemover) -> None:
    log.append([*plays("ada", 9, days_ago=500), *plays("ada", 9, days_ago=1)], recorded_at=NOON)
    histories = Histories(log)
    assert histories.read(["ada"])[0].num_rows == 18
    run(remover)
    # As many as went come in among those that it kept: only counting all would not tell.
    log.append(plays("ada", 8, days_ago=2), recorded_at=LATER)
    events, versions = histories.read(["ada"])
    assert events == log.history(["ada"])
    assert versions == log.versions(["ada"]) == {"ada": 26}
    assert histories.read(["ada"])[0] == events


def test_an_account_stays_due_that_nobody_has_computed_yet(log: SqliteEventLog, remover: SqliteEventRemover) -> None:
    log.append(plays("ada", 9, days_ago=500), recorded_at=NOON)
    run(remover)
    assert log.due(now=LATER, limit=9) == ["ada"]


def test_an_erased_account_is_named_nowhere_though_removal_had_come_to_it(
    path: Path, log: SqliteEventLog, remover: SqliteEventRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_remover, "ACCOUNTS_AT_ONCE", 1)
    for name in ("a-gone-away", "b"):
        log.append(plays(name, 3, days_ago=500), recorded_at=NOON)
    assert not remover.step(LEAST_DAYS).finished
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT after FROM retention").fetchone() == ("a-gone-away",)
    log.erase("a-gone-away", at=LATER)
    assert b"a-gone-away" not in b"".join(each.read_bytes() for each in path.parent.glob("events.db*"))
    assert run(remover) == 2
    assert log.held(["b"]) == {"b": 1}


def test_what_goes_makes_room_for_what_comes(path: Path, log: SqliteEventLog, remover: SqliteEventRemover) -> None:
    log.append(plays("ada", 5_000, days_ago=500), recorded_at=NOON)
    size = remover.state().size_bytes
    run(remover)
    assert remover.state().reusable_bytes > size // 2
    log.append(plays("ada", 4_900, days_ago=1), recorded_at=LATER)
    state = remover.state()
    assert state.size_bytes == size
    assert state.reusable_bytes < size // 10


def test_a_log_of_the_version_before_is_taken_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", sqlite_schema.MIGRATIONS[:1])
    connection = sqlite_schema.open_event_log(path, timeout_s=1.0)
    connection.execute("INSERT INTO accounts (account_id, version, due_at_us) VALUES ('ada', 3, 0)")
    connection.close()
    monkeypatch.undo()
    log = SqliteEventLog(path)
    assert log.held(["ada"]) == {"ada": 3}
    assert log.append(plays("ada", 1, days_ago=0), recorded_at=NOW) == [Appended.NEW]
    assert log.signals_since() is None
    log.close()


def test_a_read_ends_with_the_account_that_it_is_at(
    path: Path, log: SqliteEventLog, remover: SqliteEventRemover, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_remover, "READ_AT_ONCE", 25)
    for name in "abcd":
        log.append(plays(name, 10, days_ago=500), recorded_at=NOON - 500 * DAY)
    assert remover.preview(LEAST_DAYS)[0] == 36
    steps = [remover.step(LEAST_DAYS) for _ in range(2)]
    assert [(each.events, each.accounts, each.finished) for each in steps] == [(27, 3, False), (9, 1, True)]
    check_whole(path)


@pytest.mark.parametrize(
    ("kind", "days_ahead", "borne_out"),
    [
        (EventKind.PLAY, 0.0, True),
        (EventKind.PLAY, 0.9, True),
        (EventKind.PLAY, -0.9, True),
        (EventKind.PLAY, -1.1, False),
        (EventKind.PLAY, 1.1, False),
        (EventKind.DECISION, 0.0, False),  # its time is our own
    ],
)
def test_the_clock_is_borne_out_by_what_somebody_else_tells_of(
    log: SqliteEventLog, remover: SqliteEventRemover, kind: EventKind, days_ahead: float, borne_out: bool
) -> None:
    log.append([each for n in range(450) for each in plays(f"a{n:03}", 1, days_ago=500)], recorded_at=NOON)
    assert not remover.clock_borne_out()
    at, action = LATER + days_ahead * DAY, "BLOCK" if kind is EventKind.DECISION else ""
    log.append([AccountEvent("x", "b", kind, at, subject_id="i", action=action)], recorded_at=LATER)
    assert remover.clock_borne_out() is borne_out
