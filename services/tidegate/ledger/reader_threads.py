"""Point reads beside the writer, off the event loop: what the readers of SQLite and of PostgreSQL have in common."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from tidegate.moderation.errors import LedgerUnavailable

_log = logging.getLogger(__name__)

C = TypeVar("C")
R = TypeVar("R")


class ReaderThreads(ABC, Generic[C]):
    """A few threads, each read on a connection that no other uses at the time. A subclass knows the connections."""

    def __init__(self, *, threads: int, timeout_s: float, failures: tuple[type[Exception], ...]) -> None:
        """Connects to nothing yet.

        Args:
            threads: Reads at a time.
            timeout_s: Longest wait of one.
            failures: What the store raises when it can't be read.
        """
        self._timeout_s = timeout_s
        self._failures = failures
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ledger-reader")
        self._closed = False

    async def read(self, query: Callable[[C], R]) -> R:
        """The query's answer. Raises LedgerUnavailable if it can't be had within the timeout."""
        if self._closed:
            raise LedgerUnavailable
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(self._executor, self._query, query)
        except TimeoutError as late:
            raise LedgerUnavailable from late
        except self._failures as cause:
            _log.error("ledger.read_failed", extra={"cause": repr(cause)})
            raise LedgerUnavailable from cause

    async def close(self) -> None:
        """Ends the threads, waiting no longer than one read may take, and closes the connections."""
        self._closed = True
        waiting = asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        try:
            await asyncio.wait_for(waiting, self._timeout_s)
        except TimeoutError:
            _log.warning("ledger.reader_stuck")
        self._close_idle()

    @abstractmethod
    def _query(self, query: Callable[[C], R]) -> R:
        """The query's answer, on one of the threads."""

    @abstractmethod
    def _close_idle(self) -> None:
        """Closes connections that no read is on."""
