"""Waiting for several things at once, and for one alone."""

import asyncio

import pytest

from tidegate.pipeline.side_by_side import all_of


async def test_several_run_at_the_same_time_and_come_back_in_order() -> None:
    both = asyncio.Barrier(2)

    async def one(name: str) -> str:
        await both.wait()  # never ends for whoever comes alone
        return name

    assert list(await all_of([one("a"), one("b")])) == ["a", "b"]


async def test_one_alone_is_waited_for_in_the_task_of_the_caller() -> None:
    async def one() -> asyncio.Task[object] | None:
        return asyncio.current_task()

    assert list(await all_of([one()])) == [asyncio.current_task()]


async def test_nothing_comes_to_nothing() -> None:
    assert list(await all_of([])) == []


@pytest.mark.parametrize("beside", [0, 1])
async def test_a_failure_reaches_the_caller(beside: int) -> None:
    async def fails() -> int:
        raise LookupError("gone")

    async def works() -> int:
        return 1

    with pytest.raises(LookupError, match="gone"):
        await all_of([fails(), *(works() for _ in range(beside))])
