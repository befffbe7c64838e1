"""Reads of the online store that never hold the event loop, each with a limit of its own."""

import asyncio
from collections.abc import Sequence

from tidegate.enrichment.bounded_threads import BoundedThreads
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import StoredRow
from tidegate.enrichment.redis_stream import RedisStream


class OnlineReads:
    """Asks a single Redis from the loop itself, and every other store in a thread, since their drivers block."""

    def __init__(self, reader: FeastReader, *, concurrency: int, waiting: int) -> None:
        """Opens nothing yet.

        Args:
            reader: Of the online store; closed with this.
            concurrency: Most reads at a time: threads, or connections to Redis.
            waiting: Most reads that wait for one.
        """
        self._reader = reader
        self._concurrency = concurrency
        self._waiting = waiting
        self._threads = BoundedThreads("features-online-read", threads=concurrency, waiting=waiting)
        self._opened = False
        self._stream: RedisStream | None = None

    async def read(self, account_ids: Sequence[str], *, timeout_s: float) -> list[tuple[StoredRow, ...]]:
        """One tuple per account, in order, with one row per view of the service.

        Raises:
            StoreBusyError: Earlier reads hang, and as many wait as may.
            TimeoutError: The store did not answer in time.
            Exception: Whatever else Feast and the store's driver raise when the store can't be read.
        """
        if self._stream is not None:
            return await self._stream.read(account_ids, timeout_s=timeout_s)
        if self._opened:
            return await self._threads.run(lambda: self._reader.read(account_ids), timeout_s=timeout_s)
        async with asyncio.timeout(timeout_s):
            await self._open(timeout_s)
            return await self.read(account_ids, timeout_s=timeout_s)

    async def close(self) -> None:
        """Closes the store's connections. Reads in threads end in their own time."""
        self._threads.close()
        if self._stream is not None:
            await self._stream.close()
        await asyncio.to_thread(self._reader.close)

    async def _open(self, timeout_s: float) -> None:
        parts = await self._threads.run(self._reader.redis, timeout_s=timeout_s)
        if parts and not self._opened:
            client, rows = parts
            self._stream = RedisStream(client, rows, connections=self._concurrency, waiting=self._waiting)
        self._opened = True
