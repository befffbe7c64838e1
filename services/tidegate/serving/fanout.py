"""Works on a stream with a bounded number of items under way, and yields results as they complete."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def completed(
    items: AsyncIterator[Item], work: Callable[[Item], Awaitable[Result]], *, in_flight: int
) -> AsyncIterator[Result]:
    """Results in completion order.

    At most `in_flight` items are under way or waiting to be yielded; beyond that `items` is not read, so the sender
    is slowed by flow control. If the consumer goes away, what is under way is cancelled.

    Raises:
        Exception: The first that `work` or `items` raises.
    """
    results: asyncio.Queue[Result | BaseException | None] = asyncio.Queue()
    slots = asyncio.Semaphore(in_flight)

    async def one(item: Item) -> None:
        results.put_nowait(await work(item))

    async def read() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                await slots.acquire()
                async for item in items:
                    group.create_task(one(item))
                    await slots.acquire()
        except Exception as error:  # noqa: BLE001 - handed to the consumer, who raises it
            results.put_nowait(error)
        else:
            results.put_nowait(None)

    reader = asyncio.create_task(read())
    try:
        while (result := await results.get()) is not None:
            if isinstance(result, BaseException):
                raise result
            slots.release()
            yield result
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
