"""Only a primary holds all that was acknowledged. A standby answers too, however far behind, and fails no query."""

from psycopg import OperationalError

from tidegate.postgres.connection import BoundedConnection


class StandbyError(OperationalError):
    """The server is a standby: what it lacks can't be seen from there, so reading it counts as an outage."""

    def __init__(self) -> None:
        """Says what to do."""
        super().__init__(
            "the server is in recovery, so it may lack what the primary acknowledged; let the DSN lead to the primary:"
            " name all hosts, with target_session_attrs=read-write"
        )


def refuse_standby(connection: BoundedConnection) -> None:
    """Asks the server. Raises StandbyError, and psycopg.Error where it can't be asked."""
    row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    assert row is not None
    if row[0]:
        raise StandbyError
