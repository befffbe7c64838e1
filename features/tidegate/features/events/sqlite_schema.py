"""The event log's tables, their migrations, and how a connection is opened."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tidegate.features.events.writer_lock import exclusive

APPLICATION_ID = 0x54494445
"""Marks the file as a Tidegate event log ("TIDE")."""

# `events` is clustered by account and time, since whoever reads wants an account's history: one range of pages.
# `event_ids` finds a repeat; its content is compared with the row that it leads to, so no digest of it is kept.
_VERSION_1 = (
    """
    CREATE TABLE events (
        event_id TEXT NOT NULL,
        account_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        occurred_at_us INTEGER NOT NULL,
        recorded_at_us INTEGER NOT NULL,
        subject_id TEXT NOT NULL,
        counterpart_id TEXT NOT NULL,
        content_digest TEXT NOT NULL,
        points REAL NOT NULL,
        expires_at_us INTEGER,
        count INTEGER NOT NULL,
        action TEXT NOT NULL,
        verified INTEGER,
        profile TEXT,
        PRIMARY KEY (account_id, occurred_at_us, event_id)
    ) STRICT, WITHOUT ROWID
    """,
    # Erasing an account also takes its name out of what it did to others.
    "CREATE INDEX events_by_counterpart ON events (counterpart_id) WHERE counterpart_id <> ''",
    """
    CREATE TABLE event_ids (
        event_id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL,
        occurred_at_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE accounts (
        account_id TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        due_at_us INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX accounts_by_due ON accounts (due_at_us)",
    "CREATE TABLE cursors (name TEXT PRIMARY KEY, place TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """
    CREATE TABLE tombstones (
        digest BLOB PRIMARY KEY,
        erased_at_us INTEGER NOT NULL,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE tombstone_key (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL) STRICT",
    "INSERT INTO tombstone_key VALUES (1, randomblob(32))",  # from the system's generator, by way of SQLite's ChaCha20
)

# Removal of old events (`retention`): how many of an account's went, and how far it has come.
_VERSION_2 = (
    "ALTER TABLE accounts ADD COLUMN removed INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE retention (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        since_us INTEGER,
        removed INTEGER NOT NULL,
        after TEXT NOT NULL,
        oldest_so_far_us INTEGER,
        oldest_us INTEGER,
        finished_at_us INTEGER
    ) STRICT
    """,
    "INSERT INTO retention (id, removed, after) VALUES (1, 0, '')",
)

# Rewriting after erasures (`sqlite_rewriter`): how many have begun, have moved all rows, have ended; how far the last
# is. A tombstone has the number of the one after which no byte of the account is left. While one is under way (begun >
# moved), `events`, `event_ids` and `accounts` each have a former part of the same columns: a migration that changes one
# of them has to change both.
# Code of version 2 that has the file open would see one part only, and take a repeated event for a new one. It reads
# the tombstones' key before it records anything: without that table it fails, opens the file anew, and is refused.
_VERSION_3 = (
    "ALTER TABLE tombstone_key RENAME TO tombstone_secret",
    "ALTER TABLE tombstones ADD COLUMN rewriting INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE rewriting (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        begun INTEGER NOT NULL,
        moved INTEGER NOT NULL,
        ended INTEGER NOT NULL,
        rows_moved INTEGER NOT NULL,
        rows_expected INTEGER NOT NULL
    ) STRICT
    """,
    "INSERT INTO rewriting VALUES (1, 0, 0, 0, 0, 0)",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""Statements by version. Released ones never change; a new one is added at the end."""


class ForeignEventLogError(sqlite3.DatabaseError):
    """The file is a database of something else, or of a newer Tidegate."""


def open_event_log(path: Path, *, timeout_s: float) -> sqlite3.Connection:
    """A connection to the log at `path`, created and migrated if need be. In autocommit; usable from any thread.

    Raises:
        sqlite3.Error, OSError: It can't be opened, or it is a ForeignEventLogError.
    """
    with _OPENING:
        _create(path)
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: fsync at every commit
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten, not just forgotten
        connection.execute("PRAGMA cache_size = -65536")
        # Every batch touches as many scattered pages as it has events: the longer the WAL, the more of them coincide.
        connection.execute("PRAGMA wal_autocheckpoint = 8000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        if not _current(connection):
            with exclusive(path, timeout_s=timeout_s):
                _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def is_of_older_version(path: Path, *, timeout_s: float) -> bool:
    """Whether to open the log would migrate it. Changes nothing.

    Raises:
        sqlite3.Error: It can't be read, or it is a ForeignEventLogError.
    """
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=timeout_s)) as connection:
        return _version(connection) < len(MIGRATIONS)


_OPENING = threading.Lock()
"""One thread at a time creates and opens; see `_create`."""


def _create(path: Path) -> None:
    """Makes the file if it isn't there, for the service's user alone, since events name accounts.

    SQLite gives -wal and -shm the same mode.

    A file that is there must not even be opened here. Closing it again would drop all of this process's POSIX locks on
    it, SQLite's too (https://sqlite.org/howtocorrupt.html, 2.2); another process that ends would then take itself for
    the last one and delete the WAL, and with it what we commit from then on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return


@contextmanager
def transaction(connection: sqlite3.Connection, *, mode: str = "IMMEDIATE") -> Iterator[None]:
    """BEGIN and COMMIT, or ROLLBACK on any error. DEFERRED reads as of one moment, and waits for nobody."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class SameFile:
    """Tells whether a path still names the file that it named before.

    What is written to a log that was moved or replaced while open, nobody could find again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened = path.stat()

    def holds(self) -> bool:
        """True if it does."""
        try:
            return os.path.samestat(self._opened, self._path.stat())
        except FileNotFoundError:
            return False


def _current(connection: sqlite3.Connection) -> bool:
    journal: str = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return _version(connection) == len(MIGRATIONS) and journal == "wal"


def _migrate(connection: sqlite3.Connection) -> None:
    _version(connection)  # before anything is changed in what may be somebody else's file
    journal: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if journal != "wal":
        raise sqlite3.OperationalError("the file system does not support SQLite's WAL mode")
    with transaction(connection):
        for number, statements in enumerate(MIGRATIONS[_version(connection) :], start=_version(connection) + 1):
            for statement in statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


_MARKS = (
    "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_master)"
    " FROM pragma_application_id, pragma_user_version"
)
"""One statement, so all of one moment: another process may be making the tables just now."""


def _version(connection: sqlite3.Connection) -> int:
    """The schema's version, 0 for an empty file. Raises ForeignEventLogError."""
    owner, version, objects = connection.execute(_MARKS).fetchone()
    if owner != APPLICATION_ID and any((owner, version, objects)):
        raise ForeignEventLogError("the file is a database, but no Tidegate event log")
    if version > len(MIGRATIONS):
        raise ForeignEventLogError("the event log was written by a newer version of Tidegate")
    return int(version)
