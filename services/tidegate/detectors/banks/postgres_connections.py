"""Connections of one process to the banks in PostgreSQL. One is kept; more are made while several calls run."""

import time
from collections.abc import Callable
from typing import TypeVar

import psycopg

from tidegate.detectors.banks.postgres_schema import refuse_unless_there
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.postgres.durability import refuse_losses
from tidegate.postgres.idle import IdleConnections, entered
from tidegate.postgres.primary import refuse_standby

R = TypeVar("R")

_AGAIN_S = 0.05
"""Between attempts at a server that has cut a connection: it restarts, or another one takes over."""


class BankConnections:
    """Runs work on a connection that nobody else uses meanwhile."""

    def __init__(self, target: PostgresTarget, *, timeout_s: float) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            timeout_s: For a statement, and for all attempts after a connection was cut.
        """
        self._target = target
        self._timeout_s = timeout_s
        self._idle = IdleConnections()

    def run(self, work: Callable[[BoundedConnection], R]) -> R:
        """The work's answer. From its start again, on a new connection, if the server cuts the one that it had.

        It may have been done by then: work that changes anything looks for that. An error ends the connection, and with
        it what is not committed.

        Raises:
            psycopg.Error: The server does not answer, or refuses.
        """
        deadline_s = time.monotonic() + self._timeout_s
        connection, cut = self._idle.taken(), False
        while True:
            try:
                connection = connection or self._opened()
                return self._done(connection, work)
            except psycopg.OperationalError:
                cut = cut or (connection is not None and connection.broken)
                if not cut or time.monotonic() >= deadline_s:
                    raise
            connection = None
            time.sleep(_AGAIN_S)

    def close(self) -> None:
        """Closes the one that is kept."""
        self._idle.close()

    def _done(self, connection: BoundedConnection, work: Callable[[BoundedConnection], R]) -> R:
        try:
            answer = work(connection)
        except BaseException:
            if not connection.broken:  # which close() would make it forget
                connection.close()
            raise
        if self._idle:
            connection.close()
        else:
            self._idle.keep(connection)
        return answer

    def _opened(self) -> BoundedConnection:
        connection = self._target.connected(name="tidegate banks", timeout_s=self._timeout_s)
        return entered(connection, _refuse_unusable, timeout_s=self._timeout_s)


def _refuse_unusable(connection: BoundedConnection) -> None:
    refuse_standby(connection)
    refuse_unless_there(connection)
    refuse_losses(connection)
