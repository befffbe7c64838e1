"""Point reads beside the writer: a few threads, each read on a connection that no other uses at the time."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psycopg

from tidegate.ledger.postgres_schema import LEDGER
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import BoundedConnection, PostgresTarget

_log = logging.getLogger(__name__)

R = TypeVar("R")


class PostgresReader:
    """Runs queries off the event loop."""

    def __init__(self, target: PostgresTarget, *, threads: int, timeout_s: float) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            threads: Reads at a time.
            timeout_s: Longest wait of one.
        """
        self._target = target
        self._timeout_s = timeout_s
        self._idle: list[BoundedConnection] = []  # list's append and pop are atomic
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="ledger-reader")
        self._closed = False

    async def read(self, query: Callable[[BoundedConnection], R]) -> R:
        """The query's answer. Raises LedgerUnavailable if it can't be had within the timeout."""
        if self._closed:
            raise LedgerUnavailable
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await loop.run_in_executor(self._executor, self._query, query)
        except TimeoutError as late:
            raise LedgerUnavailable from late
        except psycopg.Error as cause:
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
            self._idle.pop().close()

    def _query(self, query: Callable[[BoundedConnection], R]) -> R:
        """On a connection that lay idle the server may have hung up since: then once more, on a new one."""
        idle = self._taken()
        if idle is not None:
            try:
                return self._asked(idle, query)
            except psycopg.OperationalError:
                _log.warning("ledger.read_again")
        return self._asked(self._connected(), query)

    def _asked(self, connection: BoundedConnection, query: Callable[[BoundedConnection], R]) -> R:
        try:
            with connection.within(self._timeout_s):
                answer = query(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    def _taken(self) -> BoundedConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _connected(self) -> BoundedConnection:
        connection = self._target.connected(name="tidegate ledger reader", timeout_s=self._timeout_s, point_reads=True)
        try:
            with connection.within(self._timeout_s):
                LEDGER.migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection
