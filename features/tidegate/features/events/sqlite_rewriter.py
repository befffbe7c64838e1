"""Rewrites the log in small transactions, so that no byte of what was deleted stays in its files.

`secure_delete` overwrites what is deleted where it lies, but not the copies that stay in the gaps of pages when SQLite
moves rows between them: the name of one erased account in three was still in the file (60 of 400 erased, 15,000
events). Only a table that was filled after the deletion is free of them. So each table that holds names gets a new part
(`sqlite_parts`), its rows are moved over in the order of its key, and the former part, empty by then, is dropped.

    begin: former and new parts → move a chunk, again and again → drop the former parts → empty the WAL → note the end

Pages that the former part gives up are zeroed and are what the new one grows into: it needs room for a chunk, and for
what new pages are filled less than the old ones were. Each step is one transaction that finds out by itself what is to
be done: wherever it is killed the log is whole, and whoever comes next goes on. It rests after each for as long as it
took; half of the time is the writers'.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.events.sqlite_connection import HealingConnection
from tidegate.features.events.sqlite_parts import FORMER
from tidegate.features.events.sqlite_schema import transaction
from tidegate.features.events.writer_lock import exclusive

CHUNK = 5_000
"""Rows moved in a transaction. Whoever waits to record waits for one of these: 0.07 s, at most 0.26, for a million
events. With 1,000 a log of 200,000 events took 1.6 times as long, with 8,000 and 30,000 a tenth and a fifth less."""
MOST_WAL_BYTES = 256 << 20
"""Size of the WAL above which it is emptied before anything else is moved: a reader that stays keeps it growing."""
CHECKPOINT_MS = 50
"""How long an attempt to empty the WAL waits for readers. Writers wait meanwhile."""
PAUSE_S = 0.2
"""Between two looks at a rewriting that another process does, and two attempts to empty the WAL."""

_KEYS = {"events": "account_id, occurred_at_us, event_id", "event_ids": "event_id", "accounts": "account_id"}
"""The tables that hold names, and their keys. `retention` holds one too, in a row that never moves."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is."""

    begun: int
    """Number of the last rewriting that began."""
    moved: int
    """Number of the last one that has moved all rows."""
    ended: int
    """Number of the last one that has ended."""
    rows: int
    """Moved so far by the last one."""
    expected: int
    """About how many it moves in all, as counted when it began."""

    @property
    def share(self) -> float:
        """Of the last one, 0 to 1."""
        if self.begun == self.moved:
            return 1.0
        return min(1.0, self.rows / max(1, self.expected))


class SqliteEventRewriter:
    """Rewrites one log, which is there, together with others that want the same. For one thread at a time."""

    def __init__(self, path: Path, *, timeout_s: float = 5.0, rest: Callable[[float], object] = time.sleep) -> None:
        """Opens nothing yet.

        Args:
            path: The log.
            timeout_s: How long a step waits for another writer, or a reader of what is to go, before the log counts as
                unavailable.
            rest: Called after each transaction with the seconds that it took, and with `PAUSE_S` to wait for others.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._rest = rest
        self._wal = path.with_name(f"{path.name}-wal")
        self._connection = HealingConnection(path, timeout_s=timeout_s)

    def run(self, number: int, *, told: Callable[[Progress], object] = lambda _: None) -> None:
        """Returns when the rewriting of that number has ended, whoever did it. Goes on with one that was interrupted.

        Args:
            number: See `SqliteEventLog.delete`.
            told: Called with how far it is, after each transaction of ours and while another process rewrites.

        Raises:
            EventLogUnavailableError: It has not ended. What was moved stays so, and the next call goes on.
        """
        while (progress := self.progress()).ended < number:
            told(progress)
            if not self._step(number):
                self._rest(PAUSE_S)

    def take_up(self, *, stop: Callable[[], bool]) -> None:
        """Returns when no erasure waits for a rewriting, or `stop` says so: it is asked before each transaction.

        For who is there anyway, since who erased may have been killed, or lost its connection.

        Raises:
            EventLogUnavailableError: See `run`.
        """
        while not stop():
            progress, wanted = self.progress(), self._wanted()
            if progress.begun == progress.ended >= wanted:
                return
            if not self._step(wanted):
                self._rest(PAUSE_S)

    def progress(self) -> Progress:
        """As it is now. Raises EventLogUnavailableError."""
        with self._connection.use() as connection:
            return _progress(connection)

    def close(self) -> None:
        """Closes it."""
        self._connection.close()

    def _step(self, number: int) -> bool:
        """One transaction, and the rest after it; False if another process has the turn."""
        try:
            with exclusive(self._path, timeout_s=0.0, role="rewriter"):
                began_s = time.monotonic()
                self._advance(number)
                self._rest(time.monotonic() - began_s)
        except TimeoutError:
            return False
        except OSError as cause:
            raise EventLogUnavailableError("the event log can't be rewritten at the moment") from cause
        return True

    def _advance(self, number: int) -> None:
        """Towards the end of the rewriting of that number; begins none beyond it, whoever came to its end meanwhile."""
        progress = self.progress()
        if progress.begun > progress.moved:
            if self._wal.exists() and self._wal.stat().st_size > MOST_WAL_BYTES:
                self._empty_wal()
            with self._writing() as connection, transaction(connection):
                if not _move(connection):
                    _drop(connection)
        elif progress.moved > progress.ended:
            self._empty_wal()  # it has pages of the former parts
            with self._writing() as connection, transaction(connection):
                connection.execute("UPDATE rewriting SET ended = ?", (progress.moved,))
        elif progress.begun < number:
            expected = self._expected()
            with self._writing() as connection, transaction(connection):
                _begin(connection, number=progress.begun + 1, expected=expected)

    def _empty_wal(self) -> None:
        """In attempts, so that a reader who stays keeps no writer waiting for longer than one."""
        deadline_s = time.monotonic() + self._timeout_s
        while True:
            with self._writing() as connection:
                connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_MS}")
                busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                connection.execute(f"PRAGMA busy_timeout = {round(self._timeout_s * 1000)}")
                if not busy:
                    return
                if time.monotonic() >= deadline_s:
                    raise sqlite3.OperationalError("a reader kept the WAL from being emptied")
            self._rest(PAUSE_S)

    def _wanted(self) -> int:
        """Number of the last rewriting that an erasure waits for."""
        with self._connection.use() as connection:
            (number,) = connection.execute("SELECT ifnull(max(rewriting), 0) FROM tombstones").fetchone()
        return int(number)

    def _expected(self) -> int:
        """About how many rows there are. Reads `accounts` alone, and keeps nobody waiting."""
        with self._connection.use() as connection:
            events, accounts = connection.execute("SELECT total(version - removed), count(*) FROM accounts").fetchone()
        return 2 * int(events) + int(accounts)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # As for every writer: the lock outlives the transaction, since SQLite checkpoints after its own is released.
        with self._connection.use() as connection, exclusive(self._path, timeout_s=self._timeout_s):
            yield connection


def _progress(connection: sqlite3.Connection) -> Progress:
    return Progress(
        *connection.execute("SELECT begun, moved, ended, rows_moved, rows_expected FROM rewriting").fetchone()
    )


def _begin(connection: sqlite3.Connection, *, number: int, expected: int) -> None:
    """Makes what is there the former part of each table, and a new one of the same columns."""
    for table in _KEYS:
        made = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type DESC",
            (table,),
        ).fetchall()
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}{FORMER}")
        for kind, name, sql in made:
            # An index keeps its name when its table is renamed, and no statement names it.
            anew = re.sub(r"(_\d+)?$", f"_{number}", name, count=1)
            connection.execute(sql if kind == "table" else sql.replace(name, anew, 1))
    connection.execute(
        "UPDATE rewriting SET begun = ?, rows_moved = 0, rows_expected = ?",
        (number, expected),
    )


def _move(connection: sqlite3.Connection) -> int:
    """Moves the next rows; how many."""
    for table, key in _KEYS.items():
        chunk = connection.execute(f"SELECT {key} FROM {table}{FORMER} ORDER BY {key} LIMIT ?", (CHUNK,)).fetchall()  # noqa: S608 - fixed words only
        if not chunk:
            continue
        rows = f"FROM {table}{FORMER} WHERE ({key}) <= ({', '.join('?' * len(chunk[-1]))})"
        connection.execute(f"INSERT INTO {table} SELECT * {rows}", chunk[-1])
        connection.execute(f"DELETE {rows}", chunk[-1])
        connection.execute("UPDATE rewriting SET rows_moved = rows_moved + ?", (len(chunk),))
        return len(chunk)
    return 0


def _drop(connection: sqlite3.Connection) -> None:
    """Drops the former parts, which are empty: their last page goes too."""
    for table in _KEYS:
        connection.execute(f"DROP TABLE {table}{FORMER}")
    connection.execute("UPDATE rewriting SET moved = begun")
