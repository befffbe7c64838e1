"""The writer on a real Redis: what it holds beside what Feast would write, how compactly, and locks that were lost."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from redis import Redis

from tests.enrichment.conftest import RedisServer
from tests.features.stream.feast_takes import MICROSECOND, NOW, TOLD, as_feast_takes_them, picked
from tests.features.stream.online_stores import Store, rows
from tidegate.features import feast_redis
from tidegate.features.feast_redis import LOCK, _Packed
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import View
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_RISK, ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository


@pytest.mark.integration
@pytest.mark.parametrize("view", ACCOUNT_SIGNALS_V2.views, ids=lambda view: view.name)
def test_redis_holds_byte_for_byte_what_feast_would_write(
    redis_state: Path, redis_server: RedisServer, view: View
) -> None:
    """Numbers that repeat, that are missing, negative, large and not whole; times with and without microseconds."""
    numbers = {kind: [None, *values] for kind, values in TOLD.items()}
    table = pa.concat_tables(
        rows(view, NOW + n * timedelta(microseconds=1_234_567), f"Größe-{n}", **picked(view, numbers, n))
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
