"""Point reads beside the writer: a few threads, each read on a connection that no other uses at the time."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tidegate.ledger.sqlite_schema import SameFile, open_ledger
from tidegate.moderation.errors import LedgerUnavailable

_log = logging.getLogger(__name__)

R = TypeVar("R")


class SqliteReader:
    """Runs queries off the event loop. In WAL mode neither readers nor the writer wait for each other."""

    def __init__(self, path: Path, *, threads: int, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._idle: list[tuple[sqlite3.Connection, SameFile]] = []  # list's append and pop are atomic
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ledger-reader")
        self._closed = False

    async def read(self, query: Callable[[sqlite3.Connection], R]) -> R:
        """The query's answer. Raises LedgerUnavailable if it can't be had within the timeout."""
        if self._closed:
            raise LedgerUnavailable
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(self._executor, self._query, query)
        except TimeoutError as late:
            raise LedgerUnavailable from late
        except (sqlite3.Error, OSError) as cause:
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
        while self._idle:
            self._idle.pop()[0].close()

    def _query(self, query: Callable[[sqlite3.Connection], R]) -> R:
        connection, file = self._connection()
        try:
            answer = query(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append((connection, file))
        return answer

    def _connection(self) -> tuple[sqlite3.Connection, SameFile]:
        while self._idle:
            try:
                connection, file = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if file.holds():
                return connection, file
            connection.close()
        connection = open_ledger(self._path, timeout_s=self._timeout_s)
        connection.execute("PRAGMA query_only = ON")
        return connection, SameFile(self._path)
