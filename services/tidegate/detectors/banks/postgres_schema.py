"""The tables of the banks in PostgreSQL. `tidegate banks migrate` and `tidegate up` make them, nobody in passing."""

import contextlib
from collections.abc import Callable
from typing import Final

import psycopg

from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.postgres.schema import Migration, Schema

BANKS: Final = Schema(
    name="tidegate_banks",
    what="store of hash banks",
    package="tidegate.detectors.banks",
    steps=(Migration("0001_banks.sql", compatible_from=1),),
    lock=0x5449_4447_0000_0004,  # "TIDG", 4
)
"""The tables by version."""


class NoBanksError(psycopg.DatabaseError):
    """The database holds no banks. Made in passing, an empty store would say of every picture that it is not known."""


def migrate(target: PostgresTarget, *, warned: Callable[[str], None] | None = None) -> None:
    """Makes the tables, with the default bank, or brings them to this version: see `Schema.migrate`."""
    connection = target.connected(name="tidegate banks migration", timeout_s=None)
    with contextlib.closing(connection):
        BANKS.migrate(connection, warned=warned)


def refuse_unless_there(connection: BoundedConnection) -> None:
    """Brings tables of an older version up to date.

    Raises:
        NoBanksError: There are none.
        psycopg.Error: They are of a newer Tidegate that does not let this one go on, or the server can't be asked.
    """
    found = BANKS.version(connection)
    if found == 0:
        raise NoBanksError("there are no hash banks in this database yet: `tidegate banks migrate` makes them")
    if found < BANKS.newest:
        BANKS.migrate(connection)
