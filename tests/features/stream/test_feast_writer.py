import contextlib
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from redis import Redis

from tests.enrichment.conftest import RedisServer
from tests.features.stream.online_stores import Store, emptied, rows
from tidegate.features import feast_redis, feast_sqlite, feast_writer
from tidegate.features.feast_redis import LOCK, _Packed
from tidegate.features.feast_sqlite import EXACT_TIME
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import (
    ACCOUNT_ENFORCEMENT,
    ACCOUNT_PROFILE,
    ACCOUNT_RISK,
    ACCOUNT_SIGNALS_V2,
    Feature,
    ValueKind,
    View,
)
from tidegate.features.repository import close_repository, open_repository

NOW = datetime(2026, 11, 22, 12, 0, 0, 400_000, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_TOLD: Mapping[ValueKind, Sequence[Any]] = {
    ValueKind.BOOL: (True, False),
    ValueKind.INT: (0, 1, -1, 2**62),
    ValueKind.FLOAT: (0.0, 1.0, -0.5, 1e300),
    ValueKind.STRING: ("", "BLOCK", "Größe 🐢"),
}


def _picked(view: View, told: Mapping[ValueKind, Sequence[Any]], number: int) -> dict[str, Any]:
    return {each.name: told[each.kind][number % len(told[each.kind])] for each in view.stored()}


def as_feast_takes_them(view: View, table: pa.Table) -> list[Any]:
    """Entity key, values by name, event time: messages made one by one."""
    fields = {ValueKind.BOOL: "bool_val", ValueKind.INT: "int64_val"}
    fields |= {ValueKind.FLOAT: "double_val", ValueKind.STRING: "string_val"}

    def value(row: Mapping[str, Any], feature: Feature) -> Value:
        told = row[feature.name]
        return Value() if told is None else Value(**{fields[feature.kind]: told})

    return [
        (
            EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=row["account_id"])]),
            {feature.name: value(row, feature) for feature in view.stored()},
            row["event_timestamp"],
            None,
        )
        for row in table.to_pylist()
    ]


@pytest.mark.parametrize("view", ACCOUNT_SIGNALS_V2.views, ids=lambda view: view.name)
def test_a_written_row_is_what_the_router_reads(store: Store, view: View) -> None:
    store.writer.write(view, rows(view, NOW, "a", "b"))
    written = rows(view, NOW, "b").to_pylist()[0]
    assert store.values(view, "b") == {feature.name: written[feature.name] for feature in view.features}
    assert store.values(view, "c") is None


def test_feast_itself_reads_what_was_written(store: Store) -> None:
    """The exact time beside the values of a SQLite row must not disturb Feast's own way to read."""
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=7))
    repository = open_repository(store.state)
    found = repository.get_online_features(
        features=["account_enforcement:strikes_90d"], entity_rows=[{"account_id": "a"}]
    )
    close_repository(repository)
    assert found.to_dict() == {"account_id": ["a"], "strikes_90d": [7]}


def test_a_value_that_became_null_does_not_stay(store: Store) -> None:
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a"))
    store.writer.write(ACCOUNT_ENFORCEMENT, emptied(ACCOUNT_ENFORCEMENT, NOW + MICROSECOND, "a"))
    assert store.values(ACCOUNT_ENFORCEMENT, "a") == dict.fromkeys(
        (feature.name for feature in ACCOUNT_ENFORCEMENT.features), None
    )


@pytest.mark.parametrize("earlier", [MICROSECOND, timedelta(seconds=1), timedelta(days=3)])
def test_an_older_row_changes_nothing(store: Store, earlier: timedelta) -> None:
    """Also one of the same second, which Feast's SQLite store could not tell."""
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=2))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW - earlier, "a", "b", strikes_90d=1))
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 2
    assert (store.values(ACCOUNT_ENFORCEMENT, "b") or {})["strikes_90d"] == 1


def test_a_newer_row_of_the_same_second_replaces(store: Store) -> None:
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=1))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW + MICROSECOND, "a", strikes_90d=2))
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 2


def test_views_of_an_account_are_replaced_one_by_one(store: Store) -> None:
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a", followers=5))
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW - timedelta(days=1), "a", strikes_90d=1))
    assert (store.values(ACCOUNT_PROFILE, "a") or {})["followers"] == 5
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 1


def test_rows_of_all_views_are_written_together_and_the_newest_of_each_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views may have rows of other accounts, in another order, older and newer than what is stored."""
    monkeypatch.setattr(feast_writer, "CHUNK", 2)
    store.writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, NOW, "a", strikes_90d=1))
    earlier, later = NOW - MICROSECOND, NOW + MICROSECOND
    store.writer.write_views(
        {
            ACCOUNT_PROFILE: rows(ACCOUNT_PROFILE, earlier, "a", "b", "c", followers=5),
            ACCOUNT_ENFORCEMENT: rows(ACCOUNT_ENFORCEMENT, earlier, "b", "a", strikes_90d=2),
            ACCOUNT_RISK: emptied(ACCOUNT_RISK, NOW),
        }
    )
    told = {name: store.values(ACCOUNT_ENFORCEMENT, name) for name in "abc"}
    assert [row and row["strikes_90d"] for row in told.values()] == [1, 2, None]
    assert [(store.values(ACCOUNT_PROFILE, name) or {})["followers"] for name in "abc"] == [5, 5, 5]
    assert store.values(ACCOUNT_RISK, "a") is None
    store.writer.write_views({ACCOUNT_ENFORCEMENT: rows(ACCOUNT_ENFORCEMENT, later, "a", strikes_90d=3)})
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 3


def test_deleting_leaves_nothing_of_an_account_and_everything_of_others(store: Store) -> None:
    for view in ACCOUNT_SIGNALS_V2.views:
        store.writer.write(view, rows(view, NOW, "gone", "kept"))
    assert store.writer.delete(["gone", "never-there"]) == 1
    assert all(store.values(view, "gone") is None for view in ACCOUNT_SIGNALS_V2.views)
    assert all(store.values(view, "kept") is not None for view in ACCOUNT_SIGNALS_V2.views)
    assert store.writer.delete(["gone"]) == 0


def test_many_rows_are_written_in_chunks_and_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feast_writer, "CHUNK", 10)
    counted: list[int] = []
    accounts = [f"a{number}" for number in range(25)]
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, *accounts), progress=counted.append)
    assert counted == [10, 20, 25]
    assert all(store.values(ACCOUNT_PROFILE, account) for account in accounts)


def test_of_two_writers_at_once_the_newer_row_stays(store: Store) -> None:
    """A batch run and the stream write the same accounts at the same time."""
    accounts = [f"a{number}" for number in range(40)]
    other = FeastOnlineWriter(store.state)

    def write(writer: FeastOnlineWriter, first: int) -> None:
        for turn in range(first, 12, 2):
            at = NOW + timedelta(milliseconds=turn if first else 12 - turn)
            writer.write(ACCOUNT_ENFORCEMENT, rows(ACCOUNT_ENFORCEMENT, at, *accounts, strikes_90d=at.microsecond))

    threads = [
        threading.Thread(target=write, args=(writer, first)) for first, writer in enumerate([store.writer, other])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    newest = (NOW + timedelta(milliseconds=12)).microsecond
    assert {(store.values(ACCOUNT_ENFORCEMENT, account) or {})["strikes_90d"] for account in accounts} == {newest}


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


def test_a_repository_that_was_never_applied_is_an_outage(tmp_path: Path) -> None:
    with pytest.raises(OnlineStoreUnavailableError):
        FeastOnlineWriter(tmp_path).write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))


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
    told = {each.name: drawn.choice([None, *_TOLD[each.kind]]) for each in drawn.sample(view.stored(), 2)}
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


@pytest.mark.integration
@pytest.mark.parametrize("view", ACCOUNT_SIGNALS_V2.views, ids=lambda view: view.name)
def test_redis_holds_byte_for_byte_what_feast_would_write(
    redis_state: Path, redis_server: RedisServer, view: View
) -> None:
    """Numbers that repeat, that are missing, negative, large and not whole; times with and without microseconds."""
    numbers = {kind: [None, *values] for kind, values in _TOLD.items()}
    table = pa.concat_tables(
        rows(view, NOW + n * timedelta(microseconds=1_234_567), f"Größe-{n}", **_picked(view, numbers, n))
        for n in range(12)
    )
    writer, repository = FeastOnlineWriter(redis_state), open_repository(redis_state)
    with Redis(port=redis_server.port) as client:
        writer.write(view, table)
        ours = {key: client.hgetall(key) for key in client.scan_iter()}
        client.flushall()
        stored = repository.get_feature_view(view.name)
        repository.provider.online_write_batch(repository.config, stored, as_feast_takes_them(view, table), None)
        assert ours == {key: client.hgetall(key) for key in client.scan_iter()}
        assert len(ours) == table.num_rows
    close_repository(repository)
    writer.close()


@pytest.mark.integration
def test_an_account_with_the_longest_values_stays_in_redis_s_compact_encoding(
    redis_state: Path, redis_server: RedisServer
) -> None:
    """Otherwise it takes three times the memory: features/redis.md."""
    names = sorted((each.name for each in ACCOUNT_PROFILE.features), key=len)[-3:]
    longest: dict[str, dict[str, Any]] = {ACCOUNT_RISK.name: {"reasons": ",".join(names)}}
    store = Store(redis_state)
    full = {view: rows(view, NOW, "a", **longest.get(view.name, {})) for view in ACCOUNT_SIGNALS_V2.views}
    store.writer.write_views(full)
    with Redis(port=redis_server.port) as client:
        (key,) = client.scan_iter()
        assert client.object("ENCODING", key) == b"listpack"
        assert client.hlen(key) <= 128
    store.close()


@pytest.mark.integration
def test_a_redis_that_was_away_is_written_again(redis_state: Path, redis_server: RedisServer) -> None:
    store = Store(redis_state)
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    redis_server.kill()
    with pytest.raises(OnlineStoreUnavailableError):
        store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    redis_server.start()
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    assert store.values(ACCOUNT_PROFILE, "a") is not None
    store.close()


@pytest.mark.integration
def test_a_lock_whose_holder_was_killed_is_not_for_ever(redis_state: Path, redis_server: RedisServer) -> None:
    with Redis(port=redis_server.port) as client:
        client.set(LOCK, "somebody", px=300)
    store = Store(redis_state)
    store.writer.write(ACCOUNT_PROFILE, rows(ACCOUNT_PROFILE, NOW, "a"))
    assert store.values(ACCOUNT_PROFILE, "a") is not None
    store.close()


@contextlib.contextmanager
def _suspended_after(
    monkeypatch: pytest.MonkeyPatch, owner: object, function: str, meanwhile: Callable[[], None]
) -> Iterator[None]:
    """Whoever calls it next, holding the lock, comes back from it when the lock has expired and `meanwhile` is done."""
    original = getattr(owner, function)
    left = [meanwhile]

    def late(*arguments: Any) -> Any:
        found = original(*arguments)
        if left:
            monkeypatch.setattr(feast_redis, "LOCK_EXPIRES_S", 15.0)
            left.pop()()
        return found

    with monkeypatch.context() as patched:
        monkeypatch.setattr(feast_redis, "LOCK_EXPIRES_S", 0.1)
        patched.setattr(owner, function, late)
        yield
    assert not left, "nobody was suspended"


@pytest.mark.integration
def test_a_writer_that_lost_the_lock_while_it_was_suspended_writes_nothing(
    redis_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read what is stored, and another has taken over and written a newer row since."""
    store, other = Store(redis_state), FeastOnlineWriter(redis_state)
    newer = rows(ACCOUNT_ENFORCEMENT, NOW + MICROSECOND, "a", strikes_90d=2)
    older = rows(ACCOUNT_ENFORCEMENT, NOW, "a", "b", strikes_90d=1)
    with (
        _suspended_after(monkeypatch, _Packed, "held", lambda: other.write(ACCOUNT_ENFORCEMENT, newer)),
        pytest.raises(OnlineStoreUnavailableError, match="LockNotOwnedError"),
    ):
        store.writer.write(ACCOUNT_ENFORCEMENT, older)
    assert (store.values(ACCOUNT_ENFORCEMENT, "a") or {})["strikes_90d"] == 2
    assert store.values(ACCOUNT_ENFORCEMENT, "b") is None
    store.writer.write(ACCOUNT_ENFORCEMENT, older)
    told = [(store.values(ACCOUNT_ENFORCEMENT, account) or {})["strikes_90d"] for account in "ab"]
    assert told == [2, 1], "what was refused is written again, newest wins"
    other.close()
    store.close()


@pytest.mark.integration
def test_an_erasure_that_lost_the_lock_while_it_was_suspended_deletes_nothing(
    redis_state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, other = Store(redis_state), FeastOnlineWriter(redis_state)
    since = rows(ACCOUNT_PROFILE, NOW, "a")
    with (
        _suspended_after(monkeypatch, feast_redis, "key_bytes", lambda: other.write(ACCOUNT_PROFILE, since)),
        pytest.raises(OnlineStoreUnavailableError, match="LockNotOwnedError"),
    ):
        store.writer.delete(["a"])
    assert store.values(ACCOUNT_PROFILE, "a") is not None
    assert store.writer.delete(["a"]) == 1
    other.close()
    store.close()
