"""Hash banks in one SQLite file (WAL, fsync before the reply), shared by all processes of one machine."""

import logging
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, BankChange, Entry, StoredBank, StoredEntry
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.port import Added, Changes, Revision
from tidegate.detectors.banks.sqlite_lock import writer_lock
from tidegate.detectors.banks.sqlite_rows import (
    add_entries,
    all_banks,
    bank_of,
    changes_between,
    delete_bank,
    entries_after,
    insert_bank,
    remove_entries,
    revision_of,
    update_bank,
)
from tidegate.detectors.banks.sqlite_schema import APPLICATION_ID, TABLES, VERSION, is_current, opened, transaction
from tidegate.detectors.banks.stored_rows import DamagedStoreError

_log = logging.getLogger(__name__)


class SqliteBanks:
    """`HashBanks` in one file. Opens nothing until first used; the first use makes it, with the default bank.

    A file that is missing later on is an outage: a store made anew would answer that nothing is known.
    """

    def __init__(self, path: Path, *, timeout_s: float = 2.0) -> None:
        """Takes the settings.

        Args:
            path: The file, on a local file system; its folder is made if need be.
            timeout_s: How long to wait for others' locks.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._preparing = threading.Lock()
        self._prepared = False

    def create(self, bank: Bank) -> StoredBank:
        """See `HashBanks.create`."""
        with self._writing() as connection:
            return insert_bank(connection, bank, now_us=_now_us())

    def update(self, bank_id: str, change: BankChange) -> StoredBank:
        """See `HashBanks.update`."""
        with self._writing() as connection:
            return update_bank(connection, bank_id, change)

    def delete(self, bank_id: str) -> StoredBank:
        """See `HashBanks.delete`."""
        with self._writing() as connection:
            return delete_bank(connection, bank_id)

    def banks(self) -> tuple[StoredBank, ...]:
        """See `HashBanks.banks`."""
        with self._reading() as connection:
            return all_banks(connection)

    def add(self, bank_id: str, entries: Sequence[Entry]) -> Added:
        """See `HashBanks.add`."""
        with self._writing() as connection:
            return add_entries(connection, bank_of(connection, bank_id).number, entries)

    def remove(self, bank_id: str, entry_ids: Sequence[str]) -> int:
        """See `HashBanks.remove`."""
        with self._writing() as connection:
            return remove_entries(connection, bank_of(connection, bank_id).number, entry_ids)

    def entries(self, bank_id: str, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
        """See `HashBanks.entries`."""
        with self._reading() as connection:
            return entries_after(connection, bank_of(connection, bank_id).number, after=after, limit=limit)

    def changes_since(self, seen: Revision | None) -> Changes | None:
        """See `HashBanks.changes_since`."""
        with self._reading() as connection:
            now = revision_of(connection, file=self._identity())
            if seen is not None and (seen.store, seen.changes) == (now.store, now.changes):
                return None
            return changes_between(connection, seen, now)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with (
            self._reported(),
            writer_lock(self._path, timeout_s=self._timeout_s),
            opened(self._path, mode="rw", timeout_s=self._timeout_s) as connection,
            transaction(connection, mode="IMMEDIATE"),
        ):
            before = connection.total_changes
            yield connection
            if connection.total_changes != before:
                connection.execute("UPDATE state SET changes = changes + 1")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with (
            self._reported(),
            opened(self._path, mode="ro", timeout_s=self._timeout_s) as connection,
            transaction(connection, mode="DEFERRED"),
        ):
            yield connection

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            self._prepare()
            yield
        except (sqlite3.Error, OSError, DamagedStoreError) as cause:  # TimeoutError is an OSError
            _log.error("banks.store_failed", extra={"cause": repr(cause)})
            raise BanksUnavailable from cause

    def _prepare(self) -> None:
        with self._preparing:
            if self._prepared or self._exists():
                self._prepared = True
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with writer_lock(self._path, timeout_s=self._timeout_s):
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                with opened(self._path, mode="rw", timeout_s=self._timeout_s) as connection:
                    if not is_current(connection):
                        _make(connection)
            self._prepared = True

    def _exists(self) -> bool:
        """Whether the file is made already: then nobody's lock is needed."""
        if not self._path.is_file() or not self._path.stat().st_size:
            return False
        with opened(self._path, mode="ro", timeout_s=self._timeout_s) as connection:
            return is_current(connection)

    def _identity(self) -> str:
        """The file itself: a backup put in its place is another store, though it holds the same name."""
        status = self._path.stat()
        return f"{status.st_dev}:{status.st_ino}"


def _make(connection: sqlite3.Connection) -> None:
    journal: str = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if journal != "wal":
        raise sqlite3.OperationalError("the file system does not support SQLite's WAL mode")
    with transaction(connection, mode="IMMEDIATE"):
        for table in TABLES:
            connection.execute(table)
        connection.execute("INSERT INTO state VALUES (1, ?, 1)", (uuid.uuid4().hex,))
        insert_bank(connection, DEFAULT_BANK, now_us=_now_us())
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _now_us() -> int:
    return time.time_ns() // 1000
