"""The Feast adapter on a real Redis: equal to Feast's own answer, and honest while Redis is gone or hangs."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from opentelemetry.trace import NoOpTracer

from tests.enrichment.conftest import RedisServer
from tests.enrichment.stored_accounts import fill
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.port import AccountFeatures, SignalsRequest
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.repository import open_repository
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.moderation.tracing import TraceContext

pytestmark = pytest.mark.integration

UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)


@pytest.fixture
def state(redis_server: RedisServer, tmp_path: Path, now: datetime) -> Path:
    """A repository whose online store is the test's Redis, seeded."""
    online = OnlineChoice(OnlineKind.REDIS, redis_server.address)
    fill(tmp_path, online, now=now)
    return tmp_path


def adapter(
    state: Path, now: datetime, *, redis_timeout_ms: int = 10_000, threads: int = 4, waiting: int = 16
) -> FeastAccountFeatures:
    return FeastAccountFeatures(
        FeastReader(state, redis_timeout_ms=redis_timeout_ms),
        tracer=NoOpTracer(),
        clock=lambda: now,
        threads=threads,
        waiting=waiting,
    )


async def look_up(features: AccountFeatures, *account_ids: str, budget_ms: float = 60_000) -> Sequence[AccountSignals]:
    return await features.lookup([SignalsRequest(name, budget_ms, UNTRACED) for name in account_ids])


async def status(features: AccountFeatures, *, budget_ms: float = 60_000) -> LookupStatus:
    (signals,) = await look_up(features, "acct-new", budget_ms=budget_ms)
    return signals.status


async def test_values_and_times_are_those_of_feasts_own_answer(state: Path, now: datetime) -> None:
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


async def test_redis_and_sqlite_give_the_same_signals(state: Path, seeded: Path, now: datetime) -> None:
    ids = ["acct-trusted", "acct-new", "acct-strikes", "acct-stale", "acct-partial", "acct-nobody", "acct-00064"]
    assert await look_up(adapter(state, now), *ids) == await look_up(adapter(seeded, now), *ids)


async def test_reading_again_and_again_gives_the_same_answer(state: Path, now: datetime) -> None:
    """Feast 0.67 appends to the list of names that its Redis store is given."""
    features = adapter(state, now)
    first = await look_up(features, "acct-strikes")
    assert all([await look_up(features, "acct-strikes") == first for _ in range(5)])


async def test_an_absent_row_is_missing_and_not_from_1970(state: Path, now: datetime) -> None:
    nobody, partial = await look_up(adapter(state, now), "acct-nobody", "acct-partial")
    assert not nobody.known
    assert {value.event_time for value in nobody.values} == {None}
    assert partial.known
    assert {value.freshness for value in partial.values} == {Freshness.FRESH, Freshness.MISSING}


async def test_a_killed_redis_fails_and_a_restarted_one_works_by_itself(
    state: Path, now: datetime, redis_server: RedisServer
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
    state: Path, now: datetime, redis_server: RedisServer
) -> None:
    redis_server.kill()
    features = adapter(state, now)
    assert not await features.ready()
    assert await status(features) is LookupStatus.FAILED
    redis_server.start()
    assert await features.ready()


async def test_a_paused_redis_is_timed_out_by_the_budget_and_works_once_resumed(
    state: Path, now: datetime, redis_server: RedisServer
) -> None:
    features = adapter(state, now)
    assert await status(features) is LookupStatus.OK
    redis_server.pause()
    assert await status(features, budget_ms=20) is LookupStatus.TIMED_OUT
    redis_server.resume()
    assert await status(features) is LookupStatus.OK


async def test_a_paused_redis_is_timed_out_by_the_socket_where_the_budget_is_longer(
    state: Path, now: datetime, redis_server: RedisServer
) -> None:
    features = adapter(state, now, redis_timeout_ms=50)
    assert await status(features) is LookupStatus.OK
    redis_server.pause()
    assert await status(features) is LookupStatus.TIMED_OUT
    assert not await features.ready()
    redis_server.resume()
    assert await status(features) is LookupStatus.OK
    assert await features.ready()


async def test_a_paused_redis_holds_a_bounded_number_of_threads_and_never_the_event_loop(
    state: Path, now: datetime, redis_server: RedisServer
) -> None:
    features = adapter(state, now, redis_timeout_ms=60_000, threads=2, waiting=3)
    assert await status(features) is LookupStatus.OK
    before = threading.active_count()
    redis_server.pause()
    hanging = [asyncio.create_task(look_up(features, f"acct-{number:05d}")) for number in range(1, 41)]
    answered, waiting = await asyncio.wait(hanging, timeout=0.5)  # the loop runs on: else nothing would be answered
    assert {task.result()[0].status for task in answered} == {LookupStatus.FAILED}
    assert len(waiting) == 5
    assert threading.active_count() - before <= 1, "two threads, of which one was there before"
    redis_server.resume()
    assert {answer[0].status for answer in await asyncio.gather(*waiting)} == {LookupStatus.OK}
    assert await status(features) is LookupStatus.OK


async def test_an_older_row_does_not_replace_a_newer_one(state: Path, now: datetime, redis_server: RedisServer) -> None:
    online = OnlineChoice(OnlineKind.REDIS, redis_server.address)
    earlier = now - timedelta(days=1)
    fill(state, online, now=earlier)
    (signals,) = await look_up(adapter(state, now), "acct-trusted")
    assert {value.event_time for value in signals.values} == {None, now - timedelta(hours=1)}
