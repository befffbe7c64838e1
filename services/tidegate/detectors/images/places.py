"""Bounded numbers of things at a time, for which one waits no longer than one's budget."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from tidegate.moderation.budget import Budget

Answer = TypeVar("Answer")


class Places:
    """So many at a time; the rest wait."""

    def __init__(self, count: int) -> None:
        self._free = asyncio.Semaphore(count)

    @asynccontextmanager
    async def one(self, budget: Budget) -> AsyncIterator[None]:
        """A place for the block. Raises TimeoutError if none gets free within the budget."""
        await self.take(budget)
        try:
            yield
        finally:
            self.give()

    async def take(self, budget: Budget) -> None:
        """Takes a place until `give`. Raises TimeoutError if none gets free within the budget."""
        left_s = budget.left_s()
        if left_s <= 0:
            raise TimeoutError
        async with asyncio.timeout(left_s):
            await self._free.acquire()

    def give(self) -> None:
        """Gives a place back."""
        self._free.release()


class PatientThreads:
    """Runs blocking calls in a few threads.

    A caller whose budget ends gets a TimeoutError and goes on; the thread can't be stopped, so its place is taken until
    the call returns, and what it returns is dropped. So no more than `threads` calls hold memory at a time.
    """

    def __init__(self, name: str, *, threads: int) -> None:
        """Starts no thread yet.

        Args:
            name: Prefix of the threads' names.
            threads: Most calls at a time.
        """
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._places = Places(threads)

    async def run(self, call: Callable[[], Answer], budget: Budget) -> Answer:
        """The call's answer. Raises TimeoutError if the budget ends before, and else what the call raises."""
        await self._places.take(budget)
        try:
            future = asyncio.get_running_loop().run_in_executor(self._executor, call)
        except BaseException:
            self._places.give()
            raise
        future.add_done_callback(self._done)
        async with asyncio.timeout(budget.left_s()):
            return await asyncio.shield(future)

    def close(self) -> None:
        """Takes no more calls. Does not wait for those that run."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _done(self, future: "asyncio.Future[Answer]") -> None:
        self._places.give()
        if not future.cancelled():
            future.exception()  # an error after its caller gave up is nobody's, and not to be reported as forgotten
