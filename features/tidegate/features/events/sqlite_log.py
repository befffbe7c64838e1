"""The event log in one SQLite file: what has been answered for survives the process, the machine's power too.

Several processes may have it open (a server, and commands beside it); one of them writes at a time. Reads go over a
connection of their own and don't wait for a commit. A failed call leaves nothing behind, and the next one starts with a
new connection, so the log works again as soon as the disk does.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import orjson
import pyarrow as pa

from tidegate.features.events.columns import Row, microseconds, moment, row, table
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.judgement import ACCOUNT_ID, COUNTERPART_ID, EVENT_ID, OCCURRED_AT, Judgement, judged
from tidegate.features.events.log import EVENT_SCHEMA, Appended, Erasure, Reading
from tidegate.features.events.sqlite_connection import HealingConnection
from tidegate.features.events.sqlite_erasure import ERASURES, delete_account
from tidegate.features.events.sqlite_parts import Parts, over, parts, take_over
from tidegate.features.events.sqlite_rewriter import SqliteEventRewriter
from tidegate.features.events.sqlite_schema import transaction
from tidegate.features.events.tombstones import Tombstone, Tombstones
from tidegate.features.events.writer_lock import exclusive

_COLUMNS = ", ".join(EVENT_SCHEMA.names)
_OF_EVENTS = ", ".join(f"events.{name}" for name in EVENT_SCHEMA.names)
_ASKED = "SELECT value FROM json_each(?1)"
_HISTORY = f"SELECT {_COLUMNS} FROM events{{part}} WHERE account_id IN ({_ASKED})"  # noqa: S608 - fixed words only
# Account by account as asked, by way of the joins' order, each a range of the clustered table.
_LATER = (
    f"SELECT {_OF_EVENTS} FROM json_each(?1) AS asked CROSS JOIN events{{part}} AS events"  # noqa: S608 - fixed words only
    " ON events.account_id = asked.key AND events.occurred_at_us > asked.value"
)
_STORED = (
    f"SELECT {_OF_EVENTS} FROM json_each(?1) AS asked"  # noqa: S608 - fixed words only
    " CROSS JOIN event_ids{part} AS ids ON ids.event_id = asked.value"
    " CROSS JOIN events{other} AS events ON events.account_id = ids.account_id"
    " AND events.occurred_at_us = ids.occurred_at_us AND events.event_id = ids.event_id"
)
_COUNTS = f"SELECT account_id, version, removed FROM accounts{{part}} WHERE account_id IN ({_ASKED})"  # noqa: S608 - fixed words only
_ACCOUNTS = "SELECT account_id FROM accounts{part} WHERE account_id > ?1"
_DUE = "SELECT account_id, due_at_us FROM accounts{part} WHERE due_at_us <= ?1"


class SqliteEventLog:
    """See `EventLog`. Touches no file before it is used; safe to use from several threads."""

    def __init__(self, path: Path, *, timeout_s: float = 5.0) -> None:
        """Takes the file's place.

        Args:
            path: Made with its folder if it isn't there, for its owner's eyes only.
            timeout_s: How long a call waits for another writer before the log counts as unavailable.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._writer = HealingConnection(path, timeout_s=timeout_s)
        self._reader = HealingConnection(path, timeout_s=timeout_s)

    def append(self, events: Sequence[AccountEvent], *, recorded_at: datetime) -> Sequence[Appended]:
        """See `EventLog.append`."""
        recorded_at_us = microseconds(recorded_at)
        rows = [row(event, recorded_at_us=recorded_at_us) for event in events]
        with self._writing() as connection, transaction(connection):
            tombstones, there = Tombstones(connection), parts(connection)
            gone = tombstones.of({each[at] for each in rows for at in (ACCOUNT_ID, COUNTERPART_ID)})
            judgement = judged(rows, stored=_stored(connection, there, rows), erased=tombstones.names(gone))
            take_over(connection, there, list(judgement.new_by_account()))
            _insert(connection, judgement, gone=gone, due_at_us=recorded_at_us)
        return judgement.answers

    def history(self, account_ids: Sequence[str], *, known_at: datetime | None = None) -> pa.Table:
        """See `EventLog.history`."""
        known, parameters = "", [_json(account_ids)]
        if known_at is not None:
            known, parameters = " AND recorded_at_us <= ?2", [*parameters, str(microseconds(known_at))]
        with self._reading() as (connection, there):
            query = over(_HISTORY + known, there, " ORDER BY account_id, occurred_at_us, event_id")
            rows = connection.execute(query, parameters).fetchall()
        return table(rows)

    def later(self, after_us: Mapping[str, int]) -> Reading:
        """See `EventLog.later`."""
        with self._reading() as (connection, there):
            rows = connection.execute(over(_LATER, there), (orjson.dumps(dict(after_us)).decode(),)).fetchall()
            counts = _counts(connection, there, list(after_us))
            erasures = connection.execute("SELECT place FROM cursors WHERE name = ?", (ERASURES,)).fetchone()
            epoch = (
                f"{self._reader.opened} {erasures and erasures[0]}"  # what a file held that was replaced, this may not
            )
        if len(there) > 1:
            place = {account_id: number for number, account_id in enumerate(after_us)}
            rows.sort(key=lambda each: (place[each[ACCOUNT_ID]], each[OCCURRED_AT], each[EVENT_ID]))
        versions = {account_id: version for account_id, (version, _) in counts.items()}
        return Reading(table(rows), versions, {account_id: gone for account_id, (_, gone) in counts.items()}, epoch)

    def accounts(self, *, after: str = "", limit: int = 10_000) -> Sequence[str]:
        """See `EventLog.accounts`."""
        return self._names(_ACCOUNTS, " ORDER BY account_id LIMIT ?2", after, limit)

    def due(self, *, now: datetime, limit: int) -> Sequence[str]:
        """See `EventLog.due`."""
        return self._names(_DUE, " ORDER BY due_at_us, account_id LIMIT ?2", microseconds(now), limit)

    def computed(self, next_due: Mapping[str, datetime], *, seen: Mapping[str, int]) -> None:
        """See `EventLog.computed`. An account that was erased meanwhile is not there any more, and stays so."""
        notes = [(microseconds(due_at), account_id, seen[account_id]) for account_id, due_at in next_due.items()]
        with self._writing() as connection, transaction(connection):
            for part in parts(connection):
                connection.executemany(
                    f"UPDATE accounts{part} SET due_at_us = ? WHERE account_id = ? AND version = ?",  # noqa: S608 - fixed words only
                    notes,
                )

    def versions(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.versions`. 0 for an account without events."""
        with self._reading() as (connection, there):
            counts = _counts(connection, there, account_ids)
        return {account_id: version for account_id, (version, _) in counts.items()}

    def held(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.held`. 0 for an account without events."""
        with self._reading() as (connection, there):
            counts = _counts(connection, there, account_ids)
        return {account_id: version - gone for account_id, (version, gone) in counts.items()}

    def signals_since(self) -> datetime | None:
        """See `EventLog.signals_since`."""
        with self._reader.use() as connection:
            (since_us,) = connection.execute("SELECT since_us FROM retention").fetchone()
        return None if since_us is None else moment(since_us)

    def cursor(self, name: str) -> str:
        """See `EventLog.cursor`."""
        with self._reader.use() as connection:
            found = connection.execute("SELECT place FROM cursors WHERE name = ?", (name,)).fetchone()
        return "" if found is None else str(found[0])

    def move_cursor(self, name: str, place: str) -> None:
        """See `EventLog.move_cursor`."""
        with self._writing() as connection, transaction(connection):
            connection.execute("INSERT OR REPLACE INTO cursors (name, place) VALUES (?, ?)", (name, place))

    def erase(self, account_id: str, *, at: datetime) -> Erasure:
        """See `EventLog.erase`. Where it took part in events of others, a pseudonym takes the account's place.

        Once it has returned, the account's name and events are in none of the log's files. The log is rewritten for
        that, beside whoever writes and reads, which takes days if it is large: see `delete`.

        Raises:
            EventLogUnavailableError: The events may be deleted already while their bytes are not; erase again.
        """
        erasure, number = self.delete(account_id, at=at)
        with closing(SqliteEventRewriter(self._path, timeout_s=self._timeout_s)) as rewriter:
            rewriter.run(number)
        return erasure

    def delete(self, account_id: str, *, at: datetime) -> tuple[Erasure, int]:
        """The first half of `erase`: nobody reads the account's events any more, but their bytes are still in the file.

        Returns:
            What was deleted, and the number of the rewriting after which no byte is left: for `SqliteEventRewriter`.

        Raises:
            EventLogUnavailableError: Nothing was deleted.
        """
        with self._writing() as connection, transaction(connection):
            return delete_account(connection, account_id, at=at)

    def erased(self, account_ids: Sequence[str]) -> Mapping[str, datetime]:
        """See `EventLog.erased`."""
        with self._reader.use() as connection:
            found = Tombstones(connection).of(account_ids)
        return {account_id: moment(tombstone.erased_at_us) for account_id, tombstone in found.items()}

    def close(self) -> None:
        """See `EventLog.close`."""
        self._reader.close()
        self._writer.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # The lock outlives the transaction: SQLite checkpoints after its own is released.
        with self._writer.use() as connection, exclusive(self._path, timeout_s=self._timeout_s):
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[tuple[sqlite3.Connection, Parts]]:
        with self._reader.use() as connection, transaction(connection, mode="DEFERRED"):
            yield connection, parts(connection)

    def _names(self, select: str, order: str, *parameters: object) -> Sequence[str]:
        with self._reading() as (connection, there):
            return [found[0] for found in connection.execute(over(select, there, order), parameters).fetchall()]


def _json(names: Sequence[str]) -> str:
    return orjson.dumps(list(names)).decode()


def _counts(connection: sqlite3.Connection, there: Parts, account_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """By account: its version, and how many of its events were removed."""
    rows = connection.execute(over(_COUNTS, there), (_json(account_ids),))
    found = {account_id: (version, gone) for account_id, version, gone in rows}
    return {account_id: found.get(account_id, (0, 0)) for account_id in account_ids}


def _stored(connection: sqlite3.Connection, there: Parts, rows: Sequence[Row]) -> Mapping[str, Row]:
    """What the log holds under the rows' event ids."""
    found = connection.execute(over(_STORED, there), (_json([each[EVENT_ID] for each in rows]),))
    return {each[EVENT_ID]: each for each in found}


def _insert(
    connection: sqlite3.Connection, judgement: Judgement, *, gone: Mapping[str, Tombstone], due_at_us: int
) -> None:
    new = sorted(judgement.new.values(), key=lambda each: (each[ACCOUNT_ID], each[OCCURRED_AT]))  # as they will lie
    connection.executemany(
        f"INSERT INTO events ({_COLUMNS}) VALUES ({', '.join('?' * len(EVENT_SCHEMA))})",  # noqa: S608 - fixed words only
        new,
    )
    connection.executemany(
        "INSERT INTO event_ids (event_id, account_id, occurred_at_us) VALUES (?, ?, ?)",
        sorted((each[EVENT_ID], each[ACCOUNT_ID], each[OCCURRED_AT]) for each in new),
    )
    connection.executemany(
        "INSERT INTO accounts (account_id, version, due_at_us) VALUES (?1, ?2 + ?3, ?4) ON CONFLICT (account_id)"
        " DO UPDATE SET version = version + ?2, due_at_us = min(due_at_us, ?4)",
        [
            (account_id, added, gone[account_id].version if account_id in gone else 0, due_at_us)
            for account_id, added in judgement.new_by_account().items()
        ],
    )
