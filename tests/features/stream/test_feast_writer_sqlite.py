"""The writer on SQLite: what the file holds beside what Feast would write; files that are missing, full, replaced."""

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.features.stream.feast_takes import MICROSECOND, NOW, TOLD, as_feast_takes_them
from tests.features.stream.online_stores import Store, rows
from tidegate.features import feast_sqlite
from tidegate.features.feast_sqlite import EXACT_TIME
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import View
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_PROFILE, ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository


def test_erased_bytes_are_gone_from_the_sqlite_file(sqlite_state: Path) -> None:
    store = Store(sqlite_state)
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "acct-erase-me"))
    store.writer.delete(["acct-erase-me"])
    store.close()
    assert not [path.name for path in sqlite_state.glob("online.db*") if b"acct-erase-me" in path.read_bytes()]


def test_a_missing_sqlite_file_is_an_outage_and_not_an_empty_store(sqlite_state: Path) -> None:
    (sqlite_state / "online.db").unlink()
    writer = FeastOnlineWriter(sqlite_state)
    with pytest.raises(OnlineStoreUnavailableError):
        writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    assert not (sqlite_state / "online.db").exists()


def test_a_replaced_sqlite_file_is_written_and_not_the_old_one(sqlite_state: Path, applied_sqlite: Path) -> None:
    store = Store(sqlite_state)
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    fresh = sqlite_state / "fresh.db"
    fresh.write_bytes((applied_sqlite / "online.db").read_bytes())
    for leftover in sqlite_state.glob("online.db-*"):
        leftover.unlink()
    fresh.replace(sqlite_state / "online.db")
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "b"))
    assert store.values(ACCOUNT_PROFILE, "a") is None
    assert store.values(ACCOUNT_PROFILE, "b") is not None
    store.close()


def test_a_write_that_failed_midway_leaves_the_sqlite_store_usable(sqlite_state: Path) -> None:
    store = Store(sqlite_state)
    with sqlite3.connect(sqlite_state / "online.db") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON tidegate_account_profile BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(OnlineStoreUnavailableError):
        store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    connection.execute("DROP TRIGGER full")
    connection.close()
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    assert store.values(ACCOUNT_PROFILE, "a") is not None
    store.close()


def _lines(state: Path, view: View) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(state / "online.db")) as connection:
        return connection.execute(
            "SELECT entity_key, feature_name, value, value_text, CAST(event_ts AS INTEGER)"
            f" FROM tidegate_{view.name} WHERE feature_name <> '{EXACT_TIME}' ORDER BY 1, 2"
        ).fetchall()


def _like_feast(state: Path, view: View, table: pa.Table) -> None:
    repository = open_repository(state)
    stored = repository.get_feature_view(view.name)
    repository.provider.online_write_batch(repository.config, stored, as_feast_takes_them(view, table), None)
    close_repository(repository)


def _drawn_row(drawn: Random, view: View, at: datetime, account_id: str) -> pa.Table:
    """A row in which few values change from time to time, and some are missing."""
    told = {each.name: drawn.choice([None, *TOLD[each.kind]]) for each in drawn.sample(view.stored(), 2)}
    return rows(view, at, account_id, **{**dict.fromkeys((each.name for each in view.stored()), None), **told})


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("view", ACCOUNT_SIGNALS_V2.views, ids=lambda view: view.name)
def test_sqlite_holds_line_for_line_what_feast_would_write(
    sqlite_state: Path, tmp_path: Path, view: View, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wrote before: this writer, another process's, Feast itself; after deletions, and after a failure."""
    monkeypatch.setattr(feast_sqlite, "SAME_FOR_US", 0)
    drawn, other_state = Random(seed), shutil.copytree(sqlite_state, tmp_path / "by-feast")
    writers = [FeastOnlineWriter(sqlite_state), FeastOnlineWriter(sqlite_state)]
    at, newest = NOW, dict.fromkeys("abc", NOW - timedelta(days=1))
    for _ in range(40):
        at += drawn.choice([MICROSECOND, timedelta(milliseconds=300), timedelta(seconds=7), timedelta(minutes=2)])
        account_ids = drawn.sample("abc", drawn.randint(1, 3))
        moment = at - drawn.choice([timedelta(), timedelta(), timedelta(seconds=5)])
        table = pa.concat_tables(_drawn_row(drawn, view, moment, each) for each in account_ids)
        match drawn.choice(["first", "first", "first", "second", "feast", "delete", "fail"]):
            case "feast":
                table = table.set_column(1, "event_timestamp", pa.array([at] * len(account_ids), table.schema.types[1]))
                _like_feast(sqlite_state, view, table)
                _like_feast(other_state, view, table)
                second = at.replace(microsecond=0)  # all that it keeps of the time, beside what is there of that second
                newest |= {each: max(second, newest[each]) for each in account_ids}
                continue
            case "delete":
                for state in (sqlite_state, other_state):
                    writer = FeastOnlineWriter(state)
                    writer.delete(account_ids)
                    writer.close()
                newest |= dict.fromkeys(account_ids, NOW - timedelta(days=1))
                continue
            case "fail":
                with _failing(sqlite_state, view), contextlib.suppress(OnlineStoreUnavailableError):
                    writers[0].write(view, table)
                continue
            case "first":
                writers[0].write(view, table)
            case "second":
                writers[1].write(view, table)
        accepted = [each for each in account_ids if moment >= newest[each]]
        newest |= dict.fromkeys(accepted, moment)
        _like_feast(other_state, view, table.filter(pc.is_in(table["account_id"], pa.array(accepted, pa.string()))))
        assert _lines(sqlite_state, view) == _lines(other_state, view)
    for each in writers:
        each.close()


@contextlib.contextmanager
def _failing(state: Path, view: View) -> Iterator[None]:
    """As if the disk were full."""
    with contextlib.closing(sqlite3.connect(state / "online.db", isolation_level=None)) as connection:
        for change in ("INSERT", "UPDATE"):
            connection.execute(
                f"CREATE TRIGGER full_{change} AFTER {change} ON tidegate_{view.name} WHEN NEW.feature_name ="
                f" '{EXACT_TIME}' BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            )
        try:
            yield
        finally:
            for change in ("INSERT", "UPDATE"):
                connection.execute(f"DROP TRIGGER full_{change}")


def test_a_row_that_says_the_same_stands_for_a_minute(sqlite_state: Path) -> None:
    """Its event time is that of the row written, and grows no older than that."""
    store = Store(sqlite_state)
    times = []
    for seconds in (0, 1, 59, 61, 62):
        at = NOW + timedelta(seconds=seconds)
        store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, at, "a", followers=5))
        times.append(store.reader.read(["a"])[0][0].event_time)
    minute = timedelta(seconds=61)
    assert times == [NOW, NOW, NOW, NOW + minute, NOW + minute]
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW + minute + MICROSECOND, "a", followers=6))
    assert store.reader.read(["a"])[0][0].event_time == NOW + minute + MICROSECOND
    assert (store.values(ACCOUNT_PROFILE, "a") or {})["followers"] == 6
    store.close()
