"""Hash banks in a PostgreSQL database: one store for the routers and image stages of many machines.

Whoever changes anything takes turns by one row, for as long as that takes; readers wait for nobody.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from tidegate.detectors.banks import postgres_reads as reads
from tidegate.detectors.banks import postgres_rows as rows
from tidegate.detectors.banks.bank import Bank, BankChange, Entry, StoredBank, StoredEntry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.port import Added, Changes, Revision
from tidegate.detectors.banks.postgres_connections import BankConnections
from tidegate.detectors.banks.postgres_rows import CHANGE_S, Turn
from tidegate.detectors.banks.stored_rows import DamagedStoreError
from tidegate.postgres.connection import BoundedConnection, PostgresTarget
from tidegate.postgres.durability import commit

_log = logging.getLogger(__name__)

R = TypeVar("R")


class PostgresBanks:
    """`HashBanks` in PostgreSQL. Connects to nothing until first used, and makes no tables: see `postgres_schema`."""

    def __init__(self, target: PostgresTarget, *, timeout_s: float = 2.0) -> None:
        """Takes the settings.

        Args:
            target: The database.
            timeout_s: Longest wait for an answer of the server, for a few thousand entries, and for one's turn.
        """
        self._timeout_s = timeout_s
        self._connections = BankConnections(target, timeout_s=timeout_s)

    def create(self, bank: Bank) -> StoredBank:
        """See `HashBanks.create`."""
        return self._changed(lambda connection, turn: rows.insert_bank(connection, turn, bank))

    def update(self, bank_id: str, change: BankChange) -> StoredBank:
        """See `HashBanks.update`."""
        return self._changed(lambda connection, turn: rows.update_bank(connection, turn, bank_id, change))

    def delete(self, bank_id: str) -> StoredBank:
        """See `HashBanks.delete`."""
        return self._changed(lambda connection, turn: rows.delete_bank(connection, turn, bank_id))

    def banks(self) -> tuple[StoredBank, ...]:
        """See `HashBanks.banks`."""
        return self._read(rows.all_banks)

    def add(self, bank_id: str, entries: Sequence[Entry]) -> Added:
        """See `HashBanks.add`."""

        def add(connection: BoundedConnection, turn: Turn) -> Added:
            return rows.add_entries(connection, turn, rows.bank_of(connection, bank_id).number, entries)

        return self._changed(add)

    def remove(self, bank_id: str, entry_ids: Sequence[str]) -> int:
        """See `HashBanks.remove`."""

        def remove(connection: BoundedConnection, turn: Turn) -> int:
            return rows.remove_entries(connection, turn, rows.bank_of(connection, bank_id).number, entry_ids)

        return self._changed(remove)

    def entries(self, bank_id: str, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
        """See `HashBanks.entries`."""

        def page(connection: BoundedConnection) -> tuple[StoredEntry, ...]:
            bank = rows.bank_of(connection, bank_id).number
            return reads.entries_after(connection, bank, after=after, limit=limit)

        return self._read(page)

    def changes_since(self, seen: Revision | None) -> Changes | None:
        """See `HashBanks.changes_since`."""

        def look(connection: BoundedConnection) -> Changes | None:
            return reads.changes_since(connection, seen, timeout_s=self._timeout_s)

        with self._reported():
            return self._connections.run(look)

    def close(self) -> None:
        """Closes the connection that is kept. The next call opens another."""
        self._connections.close()

    def _read(self, query: Callable[[BoundedConnection], R]) -> R:
        def read(connection: BoundedConnection) -> R:
            with connection.within(self._timeout_s):
                return query(connection)

        with self._reported():
            return self._connections.run(read)

    def _changed(self, work: Callable[[BoundedConnection, Turn], R]) -> R:
        """Does it once. If the answer to COMMIT is lost, the next attempt finds the mark, or does it."""
        mark = uuid.uuid4()
        made: list[R] = []

        def change(connection: BoundedConnection) -> R:
            with connection.within(self._timeout_s):
                connection.execute("BEGIN")
                turn = rows.turn_of(connection)  # when it is ours, the transaction of the attempt before is over
                if made and rows.was_made(connection, mark):
                    _log.warning("banks.outcome_known", extra={"made": True})
                    connection.execute("ROLLBACK")
                    return made[-1]
            with connection.within(CHANGE_S):
                made.append(work(connection, turn))
                if turn.changed:
                    rows.note_change(connection, turn, mark)
            with connection.within(self._timeout_s):
                commit(connection)
            return made[-1]

        with self._reported():
            return self._connections.run(change)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, DamagedStoreError) as cause:
            _log.error("banks.store_failed", extra={"cause": repr(cause)})
            raise BanksUnavailable from cause
