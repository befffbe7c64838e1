"""Point reads of a PostgreSQL ledger beside its writers, on connections that the server may have closed meanwhile."""

import logging
from collections.abc import Callable
from typing import TypeVar

import psycopg

from tidegate.ledger.postgres_schema import LEDGER
from tidegate.ledger.reader_threads import ReaderThreads
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.postgres.idle import IdleConnections, entered

_log = logging.getLogger(__name__)

R = TypeVar("R")


class PostgresReader(ReaderThreads[BoundedConnection]):
    """Reads a PostgreSQL ledger."""

    def __init__(self, target: PostgresTarget, *, threads: int, timeout_s: float) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            threads: Reads at a time.
            timeout_s: Longest wait of one.
        """
        super().__init__(threads=threads, timeout_s=timeout_s, failures=(psycopg.Error,))
        self._target = target
        self._idle = IdleConnections()

    def _query(self, query: Callable[[BoundedConnection], R]) -> R:
        """On a connection that lay idle the server may have hung up since: then once more, on a new one."""
        idle = self._idle.taken()
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
        self._idle.keep(connection)
        return answer

    def _connected(self) -> BoundedConnection:
        connection = self._target.connected(name="tidegate ledger reader", timeout_s=self._timeout_s, point_reads=True)
        return entered(connection, LEDGER.ensure, timeout_s=self._timeout_s)

    def _close_idle(self) -> None:
        self._idle.close()
