"""The SQLite store's tables, and how a connection to it is opened."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

APPLICATION_ID: Final = 0x54494448
"""Marks the file as a Tidegate store of hash banks (the ledger's is one less)."""

VERSION: Final = 1

# AUTOINCREMENT never gives a number twice: readers ask for what is above the highest that they know.
TABLES: Final = (
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), store TEXT NOT NULL, changes INTEGER NOT NULL) STRICT",
    """
    CREATE TABLE banks (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        threshold_bits INTEGER NOT NULL,
        enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
        description TEXT NOT NULL,
        created_at_us INTEGER NOT NULL,
        entries INTEGER NOT NULL CHECK (entries >= 0),
        hashes INTEGER NOT NULL CHECK (hashes >= 0)
    ) STRICT
    """,
    """
    CREATE TABLE entries (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        bank INTEGER NOT NULL,
        id TEXT NOT NULL,
        hashes BLOB NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
        UNIQUE (bank, id)
    ) STRICT
    """,
    "CREATE TABLE removals (number INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL) STRICT",
)


class ForeignStore(sqlite3.DatabaseError):
    """The file is a database of something else, or of a newer Tidegate."""


@contextmanager
def opened(path: Path, *, mode: str, timeout_s: float) -> Iterator[sqlite3.Connection]:
    """A connection for one piece of work, in autocommit, closed afterwards.

    One for each piece costs 0.2 ms and leaves nothing behind to go stale when the file is replaced.

    Args:
        path: The file.
        mode: "rwc" to make it if need be, "rw", or "ro": SQLite lets that one write nothing, checkpoints included.
        timeout_s: How long to wait for a lock.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=timeout_s, isolation_level=None
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: fsync at every commit
        yield connection
    finally:
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection, *, mode: str) -> Iterator[None]:
    """BEGIN and COMMIT, or ROLLBACK on any error."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


_MARKS = (
    "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
    " FROM pragma_application_id, pragma_user_version"
)
"""One statement, so all of one moment: another process may be making the tables just now."""


def is_current(connection: sqlite3.Connection) -> bool:
    """True if the tables are there, False for an empty file. Raises ForeignStore for anything else."""
    owner, version, objects = connection.execute(_MARKS).fetchone()
    if owner == APPLICATION_ID and version == VERSION:
        return True
    if owner == APPLICATION_ID:
        raise ForeignStore("the store was written by a newer version of Tidegate")
    if owner or version or objects:
        raise ForeignStore("the file is a database, but no store of hash banks")
    return False
