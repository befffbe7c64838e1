import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from redis import Redis

from tests.enrichment.conftest import RedisServer
from tests.features.stream.online_stores import Store, emptied, rows
from tidegate.features import feast_writer
from tidegate.features.feast_redis import LOCK
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
