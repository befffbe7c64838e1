"""A few threads for blocking calls, with a bounded queue: a hung store holds these threads and nothing else."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Answer = TypeVar("Answer")


class StoreBusyError(Exception):
    """As many calls are under way as may be, and as many wait: the store hangs."""


class BoundedThreads:
    """Runs blocking calls off the event loop.

    A call that is out of time is given up: if it waits, it is never started; if it runs, its thread is not free again
    before the call returns, so the call must have a timeout of its own.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        """Starts no thread yet.

        Args:
            name: Prefix of the threads' names.
            threads: Most calls at a time.
            waiting: Most calls that wait for a thread.
        """
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._places = threading.BoundedSemaphore(threads + waiting)

    async def run(self, call: Callable[[], Answer], *, timeout_s: float) -> Answer:
        """The call's answer.

        Raises:
            StoreBusyError: There is no place for it.
            TimeoutError: It did not answer in time.
            Exception: What the call raised.
        """
        if not self._places.acquire(blocking=False):
            raise StoreBusyError
        try:
            future = self._executor.submit(call)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout_s)

    def close(self) -> None:
        """Takes no more calls and drops those that wait. Does not wait for those that run."""
        self._executor.shutdown(wait=False, cancel_futures=True)
