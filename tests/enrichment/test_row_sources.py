"""What each store's rows are, against Feast's own reads, and what a lookup costs the store."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from redis import Redis, RedisCluster
from redis.exceptions import ResponseError

from tests.enrichment.conftest import RedisServer, free_port
from tests.enrichment.stored_accounts import NUMBERED, fill, write_rows
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import signals_of
from tidegate.enrichment.provider_rows import ProviderRows
from tidegate.enrichment.row_source import AppliedView
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.online import CONFIGURATION, OnlineChoice, OnlineKind
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.repository import PROJECT, close_repository, open_repository

IDS = ["acct-trusted", "acct-partial", "acct-nobody", "Größe 🐢", *NUMBERED]
KEYS = EntityKeys(3)


@pytest.fixture
def redis_state(redis_server: RedisServer, tmp_path: Path, now: datetime) -> Path:
    """A filled repository on the test's Redis."""
    fill(tmp_path, OnlineChoice(OnlineKind.REDIS, redis_server.address), now=now)
    return tmp_path


@pytest.fixture
def reader(redis_state: Path) -> Iterator[FeastReader]:
    """Reads the test's Redis."""
    reader = FeastReader(redis_state, redis_timeout_ms=10_000)
    yield reader
    reader.close()


def by_feast(state: Path) -> Any:
    """The rows as Feast reads them, view by view."""
    store = open_repository(state)
    views = [AppliedView(view, store.get_feature_view(view.name)) for view in ACCOUNT_SIGNALS_V2.views]
    try:
        return ProviderRows(store, views).read(IDS)
    finally:
        close_repository(store)


def key(account_id: str) -> bytes:
    return KEYS.key(account_id) + PROJECT.encode()


@pytest.mark.integration
def test_rows_of_redis_are_those_that_feast_reads(redis_state: Path, reader: FeastReader) -> None:
    rows = reader.read(IDS)
    assert rows == by_feast(redis_state)
    assert sum(row.event_time is not None for account in rows for row in account) > len(NUMBERED)


CHOSEN = frozenset({"account_profile__verified", "account_activity__posts_1h", "account_activity__posts_24h"})


@pytest.mark.integration
@pytest.mark.parametrize("names", [CHOSEN, frozenset[str]()], ids=["three features of two views", "none"])
def test_of_some_features_each_store_tells_what_it_tells_of_all(
    redis_state: Path, seeded: Path, now: datetime, names: frozenset[str]
) -> None:
    """In particular whether the account is known, and how fresh the values are."""
    for state in (redis_state, seeded):
        some = FeastReader(state, service=ACCOUNT_SIGNALS_V2.reading(names), redis_timeout_ms=10_000)
        every = FeastReader(state, redis_timeout_ms=10_000)
        with closing(some), closing(every):
            for read, whole in zip(some.read(IDS), every.read(IDS), strict=True):
                ours, theirs = signals_of(read, now=now), signals_of(whole, now=now)
                assert ours.known == theirs.known
                assert ours.values == tuple(value for value in theirs.values if value.name in names)


@pytest.mark.integration
def test_exact_times_survive_in_both_stores(reader: FeastReader, seeded: Path) -> None:
    """Feast's SQLite store keeps whole seconds; the decision record and the training set need the instant."""
    sqlite = FeastReader(seeded)
    with closing(sqlite):
        rows = sqlite.read(IDS)
    times = {row.event_time for account in rows for row in account if row.event_time}
    assert len({time.microsecond for time in times}) > len(NUMBERED)
    for mine, theirs in zip(rows, reader.read(IDS), strict=True):
        assert [row.event_time for row in mine] == [row.event_time for row in theirs]
        assert [row.valid_until for row in mine] == [row.valid_until for row in theirs]


def test_an_exact_time_of_another_row_is_not_believed(sqlite_state: Path) -> None:
    """Feast's own materialisation writes a row and leaves what our writer had put beside it."""
    with closing(sqlite3.connect(sqlite_state / "online.db")) as online:
        table = f"{PROJECT}_{ACCOUNT_SIGNALS_V2.views[0].name}"
        online.execute(f"UPDATE {table} SET event_ts = event_ts + 7")
        online.commit()
    reader, old = FeastReader(sqlite_state), FeastReader(sqlite_state)
    with closing(reader), closing(old):
        times = [account[0].event_time for account in reader.read(NUMBERED)]
    assert {time.microsecond for time in times if time} == {0}


@pytest.mark.integration
def test_a_batch_is_one_round_trip_with_one_command_per_account(redis_server: RedisServer, reader: FeastReader) -> None:
    reader.read(IDS)  # connects
    with Redis(port=redis_server.port) as watching:
        watching.config_resetstat()
        reader.read(["acct-trusted", "acct-nobody", "acct-partial"])
        stats = watching.info("commandstats")
        reads = watching.info("stats")["total_reads_processed"]
    assert stats["cmdstat_hmget"]["calls"] == 3
    assert {name for name in stats if name != "cmdstat_config|resetstat"} == {"cmdstat_hmget"}
    assert reads == 3, "ours, and the two that ask"


@pytest.mark.integration
def test_an_error_in_a_batch_leaves_no_reply_for_the_next_one(
    redis_server: RedisServer, redis_state: Path, reader: FeastReader
) -> None:
    """Left on the connection, one account's values would be taken for another's."""
    before = reader.read(IDS)
    with Redis(port=redis_server.port) as other:
        other.set(key("acct-broken"), "no hash")
    for _ in range(3):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            reader.read(["acct-trusted", "acct-broken", *NUMBERED])
        assert reader.read(IDS) == before
    assert before == by_feast(redis_state)


@pytest.mark.integration
def test_a_damaged_value_is_missing_and_the_rest_of_the_batch_is_not(
    redis_server: RedisServer, reader: FeastReader
) -> None:
    before = reader.read(IDS)
    with Redis(port=redis_server.port) as other:
        fields = other.hkeys(key(NUMBERED[0]))
        values = [field for field in fields if not field.startswith(b"_ts:")]
        other.hset(key(NUMBERED[0]), mapping=dict.fromkeys(values, b"\x12\xff"))
        other.hset(key(NUMBERED[1]), mapping={field: b"\x08" for field in fields if field.startswith(b"_ts:")})
    damaged = IDS.index(NUMBERED[0])
    after = reader.read(IDS)
    assert {value for row in after[damaged] for value in row.values.values()} == {None}
    assert [row.event_time for row in after[damaged]] == [row.event_time for row in before[damaged]]
    assert [row.event_time for row in after[damaged + 1]] == [None] * len(ACCOUNT_SIGNALS_V2.views)
    assert after[damaged + 2 :] == before[damaged + 2 :]


def test_one_statement_reads_all_views_of_sqlite(seeded: Path) -> None:
    reader = FeastReader(seeded)
    statements: list[str] = []
    with closing(reader):
        reader.read(IDS)
        assert reader._session is not None
        reader._session.store.provider.online_store._conn.set_trace_callback(statements.append)  # type: ignore[attr-defined]
        reader.read(IDS)
    assert len(statements) == 1


def own_all_slots(server: RedisServer) -> None:
    """Makes the node a cluster of its own, which it is from its third second on: Redis refuses writes until then."""
    with Redis(port=server.port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383)
        deadline = time.monotonic() + 20
        while b"cluster_state:ok" not in node.execute_command("CLUSTER", "INFO"):
            assert time.monotonic() < deadline, "the cluster did not become ready"
            time.sleep(0.05)


@pytest.mark.integration
def test_a_redis_cluster_answers_too(tmp_path: Path, now: datetime, seeded: Path) -> None:
    cluster = ["--cluster-enabled", "yes", "--cluster-config-file", str(tmp_path / "nodes.conf")]
    # By default the port of the cluster's own bus is 10,000 higher, which there may be none of.
    server = RedisServer(*cluster, "--cluster-port", str(free_port()))
    server.start()
    try:
        own_all_slots(server)
        state = tmp_path / "state"
        apply(state, OnlineChoice(OnlineKind.REDIS, server.address), progress=lambda _: None)
        configured = yaml.safe_load((state / CONFIGURATION).read_text())
        configured["online_store"]["redis_type"] = "redis_cluster"
        (state / CONFIGURATION).write_text(yaml.safe_dump(configured))
        write_rows(state, now=now)
        clustered, single = FeastReader(state, redis_timeout_ms=10_000), FeastReader(seeded)
        with closing(clustered), closing(single):
            assert clustered.read(IDS) == single.read(IDS)
            assert isinstance(clustered._session.store.provider.online_store._client, RedisCluster)  # type: ignore[union-attr]
    finally:
        server.kill()
