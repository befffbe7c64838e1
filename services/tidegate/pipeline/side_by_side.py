"""Waiting for several things of one item at once."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(work: Sequence[Coroutine[Any, Any, T]]) -> Sequence[T]:
    """What each comes to, in order. Raises what the first that fails raises.

    Most items have one part and most parts one piece: one thing alone is waited for in the caller's own task, where
    `asyncio.gather` makes a task, a future and two rounds of the event loop of it.
    """
    if len(work) == 1:
        return [await work[0]]
    return await asyncio.gather(*work)
