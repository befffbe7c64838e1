import asyncio
import threading

import pytest

from tidegate.enrichment.bounded_threads import BoundedThreads, StoreBusyError


def threads_named(prefix: str) -> int:
    return sum(thread.name.startswith(prefix) for thread in threading.enumerate())


async def test_a_call_that_hangs_is_given_up() -> None:
    released = threading.Event()
    pool = BoundedThreads("given-up", threads=1, waiting=0)
    try:
        with pytest.raises(TimeoutError):
            await pool.run(released.wait, timeout_s=0.01)
    finally:
        released.set()
        pool.close()


async def test_calls_beyond_threads_and_queue_are_refused_at_once() -> None:
    released = threading.Event()
    pool = BoundedThreads("refused", threads=2, waiting=3)
    calls = [asyncio.create_task(pool.run(released.wait, timeout_s=60)) for _ in range(5)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(StoreBusyError):
            await pool.run(released.wait, timeout_s=60)
        assert threads_named("refused") == 2
    finally:
        released.set()
    assert await asyncio.gather(*calls) == [True] * 5
    pool.close()


async def test_hung_calls_pile_up_no_threads_and_their_places_come_back() -> None:
    released = threading.Event()
    pool = BoundedThreads("piled", threads=1, waiting=1)
    given_up = 0
    for _ in range(20):
        try:
            await pool.run(released.wait, timeout_s=0.001)
        except (TimeoutError, StoreBusyError):
            given_up += 1
    assert given_up == 20
    assert threads_named("piled") == 1
    released.set()
    assert await pool.run(lambda: 7, timeout_s=60) == 7
    pool.close()


async def test_a_call_that_waits_past_its_time_is_never_started() -> None:
    released, started = threading.Event(), threading.Event()
    pool = BoundedThreads("unstarted", threads=1, waiting=1)
    running = asyncio.create_task(pool.run(released.wait, timeout_s=60))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await pool.run(started.set, timeout_s=0.01)
    released.set()
    await running
    assert await pool.run(started.is_set, timeout_s=60) is False
    pool.close()


async def test_what_the_call_raises_is_raised() -> None:
    pool = BoundedThreads("raises", threads=1, waiting=0)
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0, timeout_s=60)
    pool.close()


async def test_a_closed_pool_refuses_calls_and_keeps_no_place() -> None:
    pool = BoundedThreads("closed", threads=1, waiting=0)
    pool.close()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="shutdown"):
            await pool.run(lambda: 7, timeout_s=60)
