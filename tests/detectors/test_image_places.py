"""Waiting for a place, and threads that can't be stopped."""

import asyncio
import threading

import pytest

from tidegate.detectors.images.places import PatientThreads, Places
from tidegate.moderation.budget import Budget


def long() -> Budget:
    return Budget.of_ms(20_000)


async def test_no_more_are_in_than_there_are_places() -> None:
    places, inside, most = Places(2), 0, 0

    async def enter() -> None:
        nonlocal inside, most
        async with places.one(long()):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    await asyncio.gather(*(enter() for _ in range(8)))
    assert most == 2


async def test_who_waits_longer_than_the_budget_gives_up_and_takes_no_place() -> None:
    places = Places(1)
    async with places.one(long()):
        with pytest.raises(TimeoutError):
            await places.take(Budget.of_ms(20))
        with pytest.raises(TimeoutError):
            await places.take(Budget.of_ms(0))
    async with places.one(long()):
        pass


async def test_an_answer_comes_back_and_so_does_an_error() -> None:
    threads = PatientThreads("test", threads=1)
    assert await threads.run(lambda: 7, long()) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0, long())
    assert await threads.run(lambda: 8, long()) == 8
    threads.close()


async def test_a_call_that_hangs_costs_its_caller_the_budget_and_keeps_its_thread_until_it_returns() -> None:
    threads, let_go = PatientThreads("test", threads=1), threading.Event()
    with pytest.raises(TimeoutError):
        await threads.run(lambda: let_go.wait(20), Budget.of_ms(50))
    with pytest.raises(TimeoutError):
        await threads.run(lambda: True, Budget.of_ms(50))
    let_go.set()
    assert await threads.run(lambda: True, long())
    threads.close()


async def test_an_error_after_its_caller_gave_up_is_not_reported_as_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    threads, let_go = PatientThreads("test", threads=1), threading.Event()

    def fails() -> None:
        let_go.wait(20)
        raise OSError

    with pytest.raises(TimeoutError):
        await threads.run(fails, Budget.of_ms(20))
    let_go.set()
    await threads.run(lambda: None, long())
    assert not caplog.records
    threads.close()
