"""Reads of the PostgreSQL store: what is new since a revision, as of one moment, and pages of a bank."""

from collections.abc import Iterator
from typing import Final, LiteralString

from psycopg.rows import TupleRow

from tidegate.detectors.banks.bank import Entry, StoredEntry
from tidegate.detectors.banks.port import Changes, Revision
from tidegate.detectors.banks.postgres_rows import all_banks
from tidegate.detectors.banks.stored_rows import DamagedStoreError, entry_columns, refuse_miscounted, split
from tidegate.postgres.connection import BoundedConnection
from tidegate.postgres.primary import StandbyError

_CHUNK: Final = 5_000
"""Entries that come at a time, 1.5 MB of eight hashes each. A deadline is for so many and not for all."""

_FETCH: Final[LiteralString] = f"FETCH {_CHUNK} FROM added"
_REVISION: Final = (
    "SELECT pg_is_in_recovery(), s.store::text, s.changes, s.last_entry, s.last_removal, coalesce(c.mark::text, '')"
    " FROM tidegate_banks.state AS s LEFT JOIN tidegate_banks.changes AS c ON c.number = s.changes WHERE s.id = 1"
)


def revision_of(connection: BoundedConnection) -> Revision:
    """How far the store is now: one statement, which finds its rows by index.

    The server's role is asked with it each time: behind a pooler or a proxy, another server may answer than before.

    Raises:
        DamagedStoreError: The store is not whole.
        StandbyError: How far the store is can't be seen from there.
    """
    row = connection.execute(_REVISION).fetchone()
    if row is None:
        raise DamagedStoreError("the store has lost its state")
    in_recovery, *revision = row
    if in_recovery:
        raise StandbyError
    return Revision(*revision)


def entries_after(connection: BoundedConnection, bank: int, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
    """See `HashBanks.entries`."""
    rows = connection.execute(
        "SELECT number, id, hashes FROM tidegate_banks.entries WHERE bank = %s AND number > %s"
        " ORDER BY number LIMIT %s",
        (bank, after, limit),
    )
    return tuple(StoredEntry(number, bank, Entry(entry_id, split(hashes))) for number, entry_id, hashes in rows)


def changes_since(connection: BoundedConnection, seen: Revision | None, *, timeout_s: float) -> Changes | None:
    """See `HashBanks.changes_since`.

    Args:
        connection: Outside a transaction.
        seen: What the reader has.
        timeout_s: For one statement, or for a few thousand entries.

    Raises:
        DamagedStoreError: The store is not whole.
        psycopg.Error: The server does not answer, or refuses.
    """
    with connection.within(timeout_s):
        if seen == revision_of(connection):
            return None
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        now = revision_of(connection)
        since = seen if seen is not None and _follows(connection, seen, now) else None
        banks = all_banks(connection)
        removed = _removed(connection, since.last_removal) if since else ()
    added = entry_columns(_entries(connection, since.last_entry if since else 0, timeout_s=timeout_s))
    with connection.within(timeout_s):
        connection.execute("COMMIT")
    if since is None:
        refuse_miscounted(added, banks)
    return Changes(revision=now, complete=since is None, banks=banks, added=added, removed=removed)


def _follows(connection: BoundedConnection, seen: Revision, now: Revision) -> bool:
    """Whether all that was seen is part of what there is now. After a failover or a restore it need not be."""
    if seen.store != now.store or seen.changes > now.changes:
        return False
    found = connection.execute(
        "SELECT FROM tidegate_banks.changes WHERE number = %s AND mark::text = %s", (seen.changes, seen.mark)
    )
    return found.fetchone() is not None


def _removed(connection: BoundedConnection, after: int) -> tuple[int, ...]:
    rows = connection.execute("SELECT entry FROM tidegate_banks.removals WHERE number > %s ORDER BY number", (after,))
    return tuple(number for (number,) in rows)


def _entries(connection: BoundedConnection, after: int, *, timeout_s: float) -> Iterator[TupleRow]:
    """Within a transaction, whose end closes the cursor."""
    with connection.within(timeout_s):
        connection.execute(
            "DECLARE added NO SCROLL CURSOR FOR"
            " SELECT number, bank, id, hashes FROM tidegate_banks.entries WHERE number > %s ORDER BY number",
            (after,),
        )
    while True:
        with connection.within(timeout_s):
            rows = connection.execute(_FETCH, binary=True).fetchall()
        yield from rows
        if len(rows) < _CHUNK:
            return
