"""The SQLite ledger's tables, their migrations, and how a connection is opened."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.ledger.writer_lock import exclusive

APPLICATION_ID = 0x54494447
"""Marks the file as a Tidegate ledger ("TIDG")."""

# Position is the order of recording. The columns beside `record` are what it is found by; the hash covers `record`.
_VERSION_1 = (
    """
    CREATE TABLE records (
        position INTEGER PRIMARY KEY,
        decision_id TEXT NOT NULL UNIQUE,
        idempotency_key TEXT UNIQUE,
        fingerprint TEXT NOT NULL,
        decided_at_us INTEGER NOT NULL,
        writer_id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        previous_hash BLOB NOT NULL,
        hash BLOB NOT NULL,
        record BLOB NOT NULL,
        UNIQUE (writer_id, sequence)
    ) STRICT
    """,
    "CREATE INDEX records_by_time ON records (decided_at_us)",
    """
    CREATE TABLE heads (
        writer_id TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE TABLE policies (digest TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE readiness (id INTEGER PRIMARY KEY CHECK (id = 1), probes INTEGER NOT NULL, padding BLOB) STRICT",
    "INSERT INTO readiness VALUES (1, 0, NULL)",
    *(
        f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for table, change in (
            ("records", "UPDATE"),
            ("records", "DELETE"),
            ("policies", "UPDATE"),
            ("policies", "DELETE"),
            ("heads", "DELETE"),
        )
    ),
    """
    CREATE TRIGGER heads_refuse_backward BEFORE UPDATE ON heads
    WHEN NEW.sequence <= OLD.sequence OR NEW.writer_id <> OLD.writer_id
    BEGIN SELECT RAISE(ABORT, 'a chain only grows'); END
    """,
)

# A record may be deleted once an anchor stands for it. `removed_up_to` is the highest position of a deleted record:
# positions are not given twice, or who follows the ledger would take new records for read ones.
_VERSION_2 = (
    """
    CREATE TABLE removals (
        removal INTEGER PRIMARY KEY,
        day TEXT NOT NULL,
        removed_at_us INTEGER NOT NULL,
        keep_days INTEGER NOT NULL,
        exported_to TEXT,
        command TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX removals_by_day ON removals (day)",
    """
    CREATE TABLE anchors (
        writer_id TEXT NOT NULL,
        first_sequence INTEGER NOT NULL,
        last_sequence INTEGER NOT NULL CHECK (last_sequence >= first_sequence),
        previous_hash BLOB NOT NULL,
        hash BLOB NOT NULL,
        removal INTEGER NOT NULL REFERENCES removals (removal),
        PRIMARY KEY (writer_id, first_sequence)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX anchors_by_removal ON anchors (removal)",
    "CREATE TABLE removed_up_to (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL) STRICT",
    "INSERT INTO removed_up_to VALUES (1, 0)",
    "DROP TRIGGER records_refuse_delete",
    """
    CREATE TRIGGER records_refuse_delete BEFORE DELETE ON records
    WHEN NOT EXISTS (
        SELECT 1 FROM (
            SELECT last_sequence FROM anchors WHERE writer_id = OLD.writer_id AND first_sequence <= OLD.sequence
            ORDER BY first_sequence DESC LIMIT 1
        ) WHERE last_sequence >= OLD.sequence
    ) OR OLD.position > (SELECT position FROM removed_up_to)
    BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
    """,
    """
    CREATE TRIGGER anchors_refuse_backward BEFORE UPDATE ON anchors
    WHEN NEW.last_sequence <= OLD.last_sequence OR NEW.writer_id <> OLD.writer_id
        OR NEW.first_sequence <> OLD.first_sequence OR NEW.previous_hash <> OLD.previous_hash
        OR NEW.removal <> OLD.removal
    BEGIN SELECT RAISE(ABORT, 'an anchor only grows'); END
    """,
    """
    CREATE TRIGGER removed_up_to_refuse_backward BEFORE UPDATE ON removed_up_to WHEN NEW.position < OLD.position
    BEGIN SELECT RAISE(ABORT, 'positions are not given twice'); END
    """,
    *(
        f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        for table, change in (
            ("removals", "UPDATE"),
            ("removals", "DELETE"),
            ("anchors", "DELETE"),
            ("removed_up_to", "DELETE"),
        )
    ),
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2)
"""Statements by version. Released ones never change; a new one is added at the end."""


class ForeignLedger(sqlite3.DatabaseError):
    """The file is a database of something else, or of a newer Tidegate."""


def open_ledger(path: Path, *, timeout_s: float) -> sqlite3.Connection:
    """A connection to the ledger at `path`, created and migrated if need be. In autocommit; usable from any thread.

    Raises:
        sqlite3.Error, OSError: It can't be opened, or it is a ForeignLedger.
    """
    with _OPENING:
        _create(path)
        connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")  # in WAL mode: fsync at every commit
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA recursive_triggers = ON")  # REPLACE would else delete without the triggers
        if not _current(connection):
            with exclusive(path, timeout_s=timeout_s):
                _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


_OPENING = threading.Lock()
"""One thread at a time creates and opens; see `_create`."""


def _create(path: Path) -> None:
    """Makes the file if it isn't there, for the service's user alone, since records hold account ids.

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


def open_archive(path: Path, *, timeout_s: float = 5.0) -> sqlite3.Connection:
    """A read-only connection to an existing ledger of this version, for looking back. Usable from any thread.

    Raises:
        FileNotFoundError: There is none.
        sqlite3.Error: It can't be read, or it is a ForeignLedger.
    """
    if not path.is_file():
        raise FileNotFoundError(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        current = _version(connection) == len(MIGRATIONS)
    except BaseException:
        connection.close()
        raise
    if not current:
        connection.close()
        raise ForeignLedger("it is of an older version; `tidegate ledger migrate` brings it up to date")
    return connection


class SameFile:
    """Tells whether a path still names the file that it named before.

    What is written to a ledger that was moved or replaced while open, nobody could find again.
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


@contextmanager
def transaction(connection: sqlite3.Connection, *, mode: str = "IMMEDIATE") -> Iterator[None]:
    """BEGIN and COMMIT, or ROLLBACK on any error."""
    connection.execute(f"BEGIN {mode}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


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
    """The schema's version, 0 for an empty file. Raises ForeignLedger."""
    owner, version, objects = connection.execute(_MARKS).fetchone()
    if owner != APPLICATION_ID and any((owner, version, objects)):
        raise ForeignLedger("the file is a database, but no Tidegate ledger")
    if version > len(MIGRATIONS):
        raise ForeignLedger("the ledger was written by a newer version of Tidegate")
    return int(version)
