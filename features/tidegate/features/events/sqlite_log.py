"""The event log in one SQLite file: what has been answered for survives the process, the machine's power too.

Several processes may have it open (a server, and commands beside it); one of them writes at a time. Reads go over a
connection of their own and don't wait for a commit. A failed call leaves nothing behind, and the next one starts with a
new connection, so the log works again as soon as the disk does.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import orjson
import pyarrow as pa

from tidegate.features.events.columns import Row, microseconds, moment, row, table
from tidegate.features.events.event import AccountEvent
from tidegate.features.events.judgement import ACCOUNT_ID, COUNTERPART_ID, EVENT_ID, OCCURRED_AT, Judgement, judged
from tidegate.features.events.log import EVENT_SCHEMA, Appended, Erasure, Reading
from tidegate.features.events.sqlite_connection import HealingConnection
from tidegate.features.events.sqlite_schema import transaction
from tidegate.features.events.tombstones import Tombstone, Tombstones
from tidegate.features.events.writer_lock import exclusive

_COLUMNS = ", ".join(EVENT_SCHEMA.names)
_ASKED = "SELECT value FROM json_each(?)"
# Account by account as asked, by way of the joins' order, each a range of the clustered table.
_LATER = (
    f"SELECT {', '.join(f'events.{name}' for name in EVENT_SCHEMA.names)} FROM json_each(?) AS asked"  # noqa: S608 - fixed words only
    " CROSS JOIN events ON events.account_id = asked.key AND events.occurred_at_us > asked.value"
)
_ERASURES = "erasures"
"""Name of the cursor that every erasure moves."""


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
            tombstones = Tombstones(connection)
            gone = tombstones.of({each[at] for each in rows for at in (ACCOUNT_ID, COUNTERPART_ID)})
            judgement = judged(rows, stored=_stored(connection, rows), erased=tombstones.names(gone))
            _insert(connection, judgement, gone=gone, due_at_us=recorded_at_us)
        return judgement.answers

    def history(self, account_ids: Sequence[str], *, known_at: datetime | None = None) -> pa.Table:
        """See `EventLog.history`."""
        known, parameters = "", [_json(account_ids)]
        if known_at is not None:
            known, parameters = " AND recorded_at_us <= ?", [*parameters, str(microseconds(known_at))]
        with self._reader.use() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM events WHERE account_id IN ({_ASKED}){known}"  # noqa: S608 - fixed words only
                " ORDER BY account_id, occurred_at_us, event_id",
                parameters,
            ).fetchall()
        return table(rows)

    def later(self, after_us: Mapping[str, int]) -> Reading:
        """See `EventLog.later`."""
        with self._reader.use() as connection, transaction(connection, mode="DEFERRED"):
            rows = connection.execute(_LATER, (orjson.dumps(dict(after_us)).decode(),)).fetchall()
            counts = _counts(connection, list(after_us))
            erasures = connection.execute("SELECT place FROM cursors WHERE name = ?", (_ERASURES,)).fetchone()
            epoch = (
                f"{self._reader.opened} {erasures and erasures[0]}"  # what a file held that was replaced, this may not
            )
        versions = {account_id: version for account_id, (version, _) in counts.items()}
        return Reading(table(rows), versions, {account_id: gone for account_id, (_, gone) in counts.items()}, epoch)

    def accounts(self, *, after: str = "", limit: int = 10_000) -> Sequence[str]:
        """See `EventLog.accounts`."""
        return self._names(
            "SELECT account_id FROM accounts WHERE account_id > ? ORDER BY account_id LIMIT ?", after, limit
        )

    def due(self, *, now: datetime, limit: int) -> Sequence[str]:
        """See `EventLog.due`."""
        return self._names(
            "SELECT account_id FROM accounts WHERE due_at_us <= ? ORDER BY due_at_us, account_id LIMIT ?",
            microseconds(now),
            limit,
        )

    def computed(self, next_due: Mapping[str, datetime], *, seen: Mapping[str, int]) -> None:
        """See `EventLog.computed`. An account that was erased meanwhile is not there any more, and stays so."""
        notes = [(microseconds(due_at), account_id, seen[account_id]) for account_id, due_at in next_due.items()]
        with self._writing() as connection, transaction(connection):
            connection.executemany("UPDATE accounts SET due_at_us = ? WHERE account_id = ? AND version = ?", notes)

    def versions(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.versions`. 0 for an account without events."""
        with self._reader.use() as connection:
            return {account_id: version for account_id, (version, _) in _counts(connection, account_ids).items()}

    def held(self, account_ids: Sequence[str]) -> Mapping[str, int]:
        """See `EventLog.held`. 0 for an account without events."""
        with self._reader.use() as connection:
            return {each: version - gone for each, (version, gone) in _counts(connection, account_ids).items()}

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

        Once it has returned, the account's name and events are in none of the log's files. Rewrites the whole log for
        that, and keeps others from writing meanwhile.

        Raises:
            EventLogUnavailableError: The events may be deleted already while their bytes are not; erase again.
        """
        with self._writing() as connection:
            with transaction(connection):
                erasure = _erase(connection, account_id, at=at)
            _overwrite(connection)
        return erasure

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

    def _names(self, query: str, *parameters: object) -> Sequence[str]:
        with self._reader.use() as connection:
            return [found[0] for found in connection.execute(query, parameters).fetchall()]


def _json(names: Sequence[str]) -> str:
    return orjson.dumps(list(names)).decode()


def _counts(connection: sqlite3.Connection, account_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
    """By account: its version, and how many of its events were removed."""
    rows = connection.execute(
        f"SELECT account_id, version, removed FROM accounts WHERE account_id IN ({_ASKED})",  # noqa: S608 - fixed words only
        (_json(account_ids),),
    )
    found = {account_id: (version, gone) for account_id, version, gone in rows}
    return {account_id: found.get(account_id, (0, 0)) for account_id in account_ids}


def _stored(connection: sqlite3.Connection, rows: Sequence[Row]) -> Mapping[str, Row]:
    """What the log holds under the rows' event ids."""
    found = connection.execute(
        f"SELECT {', '.join(f'events.{name}' for name in EVENT_SCHEMA.names)} FROM json_each(?) AS asked"  # noqa: S608 - fixed words only
        " CROSS JOIN event_ids ON event_ids.event_id = asked.value"
        " CROSS JOIN events ON events.account_id = event_ids.account_id"
        " AND events.occurred_at_us = event_ids.occurred_at_us AND events.event_id = event_ids.event_id",
        (_json([each[EVENT_ID] for each in rows]),),
    )
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


def _erase(connection: sqlite3.Connection, account_id: str, *, at: datetime) -> Erasure:
    tombstones = Tombstones(connection)
    former = tombstones.of([account_id]).get(account_id, Tombstone(erased_at_us=microseconds(at), version=0))
    found = connection.execute("SELECT version FROM accounts WHERE account_id = ?", (account_id,)).fetchone()
    version = former.version if found is None else int(found[0])
    erased_at_us = max(former.erased_at_us, microseconds(at))  # a clock that went back gives nothing free
    connection.execute(
        "DELETE FROM event_ids WHERE event_id IN (SELECT event_id FROM events WHERE account_id = ?)", (account_id,)
    )
    deleted = connection.execute("DELETE FROM events WHERE account_id = ?", (account_id,)).rowcount
    connection.execute("DELETE FROM accounts WHERE account_id = ?", (account_id,))
    # Where a removal has come to is an account's name: after it, it begins anew.
    connection.execute("UPDATE retention SET after = '', oldest_so_far_us = NULL WHERE after = ?", (account_id,))
    connection.execute(
        "UPDATE events SET counterpart_id = ? WHERE counterpart_id = ?", (tombstones.pseudonym(account_id), account_id)
    )
    tombstones.put(account_id, Tombstone(erased_at_us, version))
    connection.execute(
        "INSERT INTO cursors (name, place) VALUES (?, '1') ON CONFLICT (name)"
        " DO UPDATE SET place = CAST(CAST(place AS INTEGER) + 1 AS TEXT)",
        (_ERASURES,),
    )
    return Erasure(events=deleted, erased_at=moment(erased_at_us))


def _overwrite(connection: sqlite3.Connection) -> None:
    """Leaves no byte of what was deleted in any file.

    `secure_delete` overwrites what is deleted where it lies, but not the copies that stay in the gaps of pages when
    SQLite moves rows between them: without VACUUM the name of one erased account in three was still in the file (60 of
    400 erased, 15,000 events). VACUUM writes the log anew, so an erasure takes time in proportion to the log.
    """
    connection.execute("VACUUM")
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]  # the WAL has the former pages
    if busy:
        raise sqlite3.OperationalError("a reader kept the WAL from being emptied")
