"""The Feast adapter on a real Redis: equal to Feast's own answer, and honest while Redis is gone or hangs."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from redis import Redis

from tests.enrichment.conftest import RedisServer
from tests.enrichment.stored_accounts import fill
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.online import CONFIGURATION, OnlineChoice, OnlineKind
from tidegate.features.repository import PROJECT, open_repository
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorder import Recorder

pytestmark = pytest.mark.integration

UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)


@pytest.fixture
def state(redis_server: RedisServer, tmp_path: Path, now: datetime) -> Path:
    """A repository whose online store is the test's Redis, seeded."""
    online = OnlineChoice(OnlineKind.REDIS, redis_server.address)
    fill(tmp_path, online, now=now)
    return tmp_path


class Adapters:
    """Makes adapters, and closes them."""

    def __init__(self) -> None:
        self.made: list[FeastAccountFeatures] = []

    def __call__(
        self, state: Path, now: datetime, *, redis_timeout_ms: int = 10_000, concurrency: int = 4, waiting: int = 16
    ) -> FeastAccountFeatures:
        made = FeastAccountFeatures(
            FeastReader(state, redis_timeout_ms=redis_timeout_ms),
            tracer=Recorder(),
            clock=lambda: now,
            concurrency=concurrency,
            waiting=waiting,
        )
        self.made.append(made)
        return made


@pytest.fixture
async def adapter() -> AsyncIterator[Adapters]:
    adapters = Adapters()
    yield adapters
    for each in adapters.made:
        await each.close()


async def look_up(features: AccountFeatures, *account_ids: str, budget_ms: float = 60_000) -> Sequence[AccountSignals]:
    return await features.lookup([SignalsRequest(name, budget_ms, UNTRACED) for name in account_ids])


async def status(features: AccountFeatures, *, budget_ms: float = 60_000) -> LookupStatus:
    (signals,) = await look_up(features, "acct-new", budget_ms=budget_ms)
    return signals.status


async def test_values_and_times_are_those_of_feasts_own_answer(state: Path, now: datetime, adapter: Adapters) -> None:
    ids = [f"acct-{number:05d}" for number in range(1, 65)] + ["acct-trusted", "acct-partial", "acct-nobody"]
    store = open_repository(state)
    theirs = store.get_online_features(
        store.get_feature_service("account_signals_v2"), [{"account_id": name} for name in ids], full_feature_names=True
    ).to_dict(include_event_timestamps=True)
    for row, signals in enumerate(await look_up(adapter(state, now), *ids)):
        assert signals.status is LookupStatus.OK
        for value in signals.values:
            assert value.value == theirs[value.name][row]
            if value.event_time is not None:  # a null has none here, and its row's in Feast's answer
                assert int(value.event_time.timestamp()) == theirs[f"{value.name}__ts"][row]


async def test_redis_and_sqlite_give_the_same_signals(
    state: Path, seeded: Path, now: datetime, adapter: Adapters
) -> None:
    ids = ["acct-trusted", "acct-new", "acct-strikes", "acct-stale", "acct-partial", "acct-nobody", "acct-00064"]
    assert await look_up(adapter(state, now), *ids) == await look_up(adapter(seeded, now), *ids)


async def test_reading_again_and_again_gives_the_same_answer(state: Path, now: datetime, adapter: Adapters) -> None:
    """Feast 0.67 appends to the list of names that its Redis store is given."""
    features = adapter(state, now)
    first = await look_up(features, "acct-strikes")
    assert all([await look_up(features, "acct-strikes") == first for _ in range(5)])


async def test_an_absent_row_is_missing_and_not_from_1970(state: Path, now: datetime, adapter: Adapters) -> None:
    nobody, partial = await look_up(adapter(state, now), "acct-nobody", "acct-partial")
    assert not nobody.known
    assert {value.event_time for value in nobody.values} == {None}
    assert partial.known
    assert {value.freshness for value in partial.values} == {Freshness.FRESH, Freshness.MISSING}


async def test_a_killed_redis_fails_and_a_restarted_one_works_by_itself(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    features = adapter(state, now)
    assert await status(features) is LookupStatus.OK
    redis_server.kill()
    assert await status(features) is LookupStatus.FAILED
    assert not await features.ready()
    redis_server.start()
    assert await features.ready()
    assert [answer.known for answer in await look_up(features, "acct-new")] == [False], "it came back empty"
    fill(state, OnlineChoice(OnlineKind.REDIS, redis_server.address), now=now)
    assert [answer.known for answer in await look_up(features, "acct-new")] == [True]


async def test_a_redis_that_is_not_there_at_first_is_found_later(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    redis_server.kill()
    features = adapter(state, now)
    assert not await features.ready()
    assert await status(features) is LookupStatus.FAILED
    redis_server.start()
    assert await features.ready()


async def test_a_paused_redis_is_timed_out_by_the_budget_and_works_once_resumed(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    features = adapter(state, now)
    assert await status(features) is LookupStatus.OK
    redis_server.pause()
    assert await status(features, budget_ms=20) is LookupStatus.TIMED_OUT
    redis_server.resume()
    assert await status(features) is LookupStatus.OK


async def test_a_paused_redis_is_timed_out_by_the_socket_where_the_budget_is_longer(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    features = adapter(state, now, redis_timeout_ms=50)
    assert await status(features) is LookupStatus.OK
    redis_server.pause()
    assert await status(features) is LookupStatus.TIMED_OUT
    assert not await features.ready()
    redis_server.resume()
    assert await status(features) is LookupStatus.OK
    assert await features.ready()


async def test_a_paused_redis_holds_a_bounded_number_of_reads_no_thread_and_never_the_event_loop(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    features = adapter(state, now, redis_timeout_ms=60_000, concurrency=2, waiting=3)
    assert await status(features) is LookupStatus.OK
    before = threading.active_count()
    redis_server.pause()
    hanging = [asyncio.create_task(look_up(features, f"acct-{number:05d}")) for number in range(1, 41)]
    answered, waiting = await asyncio.wait(hanging, timeout=0.5)  # the loop runs on: else nothing would be answered
    assert {task.result()[0].status for task in answered} == {LookupStatus.FAILED}
    assert len(waiting) == 5
    assert threading.active_count() == before
    redis_server.resume()
    assert {answer[0].status for answer in await asyncio.gather(*waiting)} == {LookupStatus.OK}
    assert await status(features) is LookupStatus.OK


async def test_an_older_row_does_not_replace_a_newer_one(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    online = OnlineChoice(OnlineKind.REDIS, redis_server.address)
    earlier = now - timedelta(days=1)
    fill(state, online, now=earlier)
    (signals,) = await look_up(adapter(state, now), "acct-trusted")
    assert {value.event_time for value in signals.values} == {None, now - timedelta(hours=1)}


async def test_a_batch_is_one_exchange_and_connections_stay_open(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    features = adapter(state, now, concurrency=2)
    assert await status(features) is LookupStatus.OK
    with Redis(port=redis_server.port) as watching:
        watching.config_resetstat()
        await look_up(features, "acct-trusted", "acct-nobody", "acct-partial")
        await look_up(features, "acct-trusted")
        calls, stats = watching.info("commandstats"), watching.info("stats")
    assert calls["cmdstat_hmget"]["calls"] == 4
    assert {name for name in calls if name != "cmdstat_config|resetstat"} == {"cmdstat_hmget"}
    assert stats["total_reads_processed"] == 4, "two of ours, and the two that ask"
    assert stats["total_connections_received"] == 0


async def test_answers_that_nobody_waited_for_are_not_taken_for_others(
    state: Path, now: datetime, redis_server: RedisServer, adapter: Adapters
) -> None:
    """Left on the connection, one account's values would be taken for another's."""
    features = adapter(state, now, concurrency=1)
    (before,) = await look_up(features, "acct-strikes")
    redis_server.pause()
    assert await status(features, budget_ms=20) is LookupStatus.TIMED_OUT
    given_up = asyncio.create_task(look_up(features, "acct-new"))
    await asyncio.sleep(0.02)
    given_up.cancel()
    redis_server.resume()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    with Redis(port=redis_server.port) as other:
        other.set(EntityKeys(3).key("acct-broken") + PROJECT.encode(), "no hash")
    for _ in range(3):
        assert {each.status for each in await look_up(features, "acct-new", "acct-broken", "acct-trusted")} == {
            LookupStatus.FAILED
        }
        assert await look_up(features, "acct-strikes") == [before]


@pytest.mark.parametrize("password", ["", "of the store"])
async def test_the_connection_string_is_feasts(
    redis_server: RedisServer, tmp_path: Path, now: datetime, adapter: Adapters, password: str
) -> None:
    """A server that asks for a password refuses without, and a wrong one is an outage."""
    online = OnlineChoice(OnlineKind.REDIS, redis_server.address)
    fill(tmp_path, online, now=now)
    with Redis(port=redis_server.port) as other:
        other.config_set("requirepass", "of the store")
    configured = yaml.safe_load((tmp_path / CONFIGURATION).read_text())
    configured["online_store"]["connection_string"] += f",password={password}" if password else ""
    (tmp_path / CONFIGURATION).write_text(yaml.safe_dump(configured))
    expected = LookupStatus.OK if password else LookupStatus.FAILED
    assert await status(adapter(tmp_path, now)) is expected
