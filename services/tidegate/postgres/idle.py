"""Connections that lie idle between uses: nobody else has one while it is out, from whichever thread."""

from collections.abc import Callable

from tidegate.postgres.connection import BoundedConnection


class IdleConnections:
    """Those of one store. Holds none at first."""

    def __init__(self) -> None:
        self._idle: list[BoundedConnection] = []  # list's append and pop are atomic

    def __len__(self) -> int:
        """How many lie idle."""
        return len(self._idle)

    def taken(self) -> BoundedConnection | None:
        """One of them, the last that was kept; None if there is none. The server may have hung up since."""
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def keep(self, connection: BoundedConnection) -> None:
        """Takes one back, which is whole and in no transaction."""
        self._idle.append(connection)

    def close(self) -> None:
        """Closes those that lie idle."""
        while (idle := self.taken()) is not None:
            idle.close()


def entered(
    connection: BoundedConnection, check: Callable[[BoundedConnection], object], *, timeout_s: float
) -> BoundedConnection:
    """A new connection, once it has stood the check; else it is closed.

    Args:
        connection: Just made.
        check: Raises if the store can't be used over it.
        timeout_s: How long that may take.
    """
    try:
        with connection.within(timeout_s):
            check(connection)
    except BaseException:
        connection.close()
        raise
    return connection
