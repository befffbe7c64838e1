"""Reads that begin together, or run out of time, before the store is open. Hung ones: `test_feast_adapter_redis.py`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from tests.enrichment.conftest import RedisServer
from tests.enrichment.stored_accounts import NUMBERED, fill
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.online_reads import OnlineReads
from tidegate.features.online import OnlineChoice, OnlineKind

PATIENT_S = 60.0
BATCHES: Sequence[Sequence[str]] = [[*NUMBERED[first::8], "acct-nobody"] for first in range(8)]


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.integration)])
def state(request: pytest.FixtureRequest, tmp_path: Path, now: datetime) -> Path:
    """A filled repository, on each store in turn."""
    if request.param == "sqlite":
        seeded: Path = request.getfixturevalue("seeded")
        return seeded
    server: RedisServer = request.getfixturevalue("redis_server")
    fill(tmp_path, OnlineChoice(OnlineKind.REDIS, server.address), now=now)
    return tmp_path


@pytest.fixture
async def reads(state: Path) -> AsyncIterator[OnlineReads]:
    opened = OnlineReads(FeastReader(state, redis_timeout_ms=60_000), concurrency=2, waiting=16)
    yield opened
    await opened.close()


async def test_first_reads_at_once_each_get_their_own_accounts_in_order(state: Path, reads: OnlineReads) -> None:
    blocking = FeastReader(state, redis_timeout_ms=60_000)
    expected = [blocking.read(batch) for batch in BATCHES]
    blocking.close()
    found = await asyncio.gather(*(reads.read(batch, timeout_s=PATIENT_S) for batch in BATCHES))
    assert list(found) == expected
    assert len({str(rows) for rows in found}) == len(BATCHES), "the batches differ, so a mix-up would show"


async def test_a_first_read_whose_time_is_up_is_late_and_the_next_one_finds_the_store(reads: OnlineReads) -> None:
    with pytest.raises(TimeoutError):
        await reads.read(BATCHES[0], timeout_s=0)
    assert len(await reads.read(BATCHES[0], timeout_s=PATIENT_S)) == len(BATCHES[0])
