"""Transactions of one writer on a SQLite ledger. Runs on the group commit's thread only."""

import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.group_commit import StoreBusy
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.sqlite_schema import SameFile, open_ledger
from tidegate.ledger.writer_lock import WriterLock, acquired_within
from tidegate.moderation.errors import IdempotencyKeyReused, LedgerUnavailable

_log = logging.getLogger(__name__)

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}


class SqliteTransaction:
    """One open transaction: what a caller's work may do in it."""

    def __init__(self, connection: sqlite3.Connection, writer_id: str, policies: dict[str, str]) -> None:
        self._connection = connection
        self._policies = policies
        # Read here and not remembered from the last commit: one whose outcome is unknown can't fork the chain.
        row = connection.execute("SELECT sequence, hash FROM heads WHERE writer_id = ?", (writer_id,)).fetchone()
        self._stored = self._head = Head(writer_id, *(row or (0, GENESIS)))

    def append(self, keys: RecordKeys, payload: bytes) -> bytes:
        """Adds a record, or finds the one that its idempotency key already stands for; returns its bytes.

        Raises:
            IdempotencyKeyReused: The key was used for another fingerprint.
            LedgerUnavailable: Another record has this decision id.
        """
        earlier = self._earlier(keys)
        if earlier is not None:
            return earlier
        head = self._head.next(payload)
        try:
            self._connection.execute(
                "INSERT INTO records (position, decision_id, idempotency_key, fingerprint, decided_at_us, writer_id,"
                " sequence, previous_hash, hash, record)"
                " VALUES (1 + max(coalesce((SELECT max(position) FROM records), 0),"
                " (SELECT position FROM removed_up_to)), ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    keys.decision_id,
                    keys.idempotency_key or None,
                    keys.fingerprint,
                    keys.decided_at_us,
                    head.writer_id,
                    head.sequence,
                    self._head.hash,
                    head.hash,
                    payload,
                ),
            )
        except sqlite3.IntegrityError as cause:
            return self._same_record(keys.decision_id, payload, cause)
        self._head = head
        return payload

    def keep_policies(self, documents: Mapping[str, str]) -> None:
        """Adds those that are not there yet, here and in any file that takes this one's place."""
        self._policies.update(documents)
        self._connection.executemany(
            "INSERT INTO policies (digest, document) VALUES (?, ?) ON CONFLICT DO NOTHING", documents.items()
        )

    def probe(self) -> None:
        """Writes as much as a large record takes: on a nearly full disk one page may fit where that does not."""
        self._connection.execute("UPDATE readiness SET probes = probes + 1, padding = randomblob(32768)")

    def finish(self) -> None:
        """Stores the new end of the chain."""
        if self._head != self._stored:
            self._connection.execute(
                "INSERT INTO heads (writer_id, sequence, hash) VALUES (?, ?, ?)"
                " ON CONFLICT (writer_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash",
                (self._head.writer_id, self._head.sequence, self._head.hash),
            )

    def _earlier(self, keys: RecordKeys) -> bytes | None:
        if not keys.idempotency_key:
            return None
        row = self._connection.execute(
            "SELECT fingerprint, record FROM records WHERE idempotency_key = ?", (keys.idempotency_key,)
        ).fetchone()
        if row is None:
            return None
        fingerprint, payload = row
        if fingerprint != keys.fingerprint:
            raise IdempotencyKeyReused
        return bytes(payload)

    def _same_record(self, decision_id: str, payload: bytes, cause: sqlite3.IntegrityError) -> bytes:
        """A caller that timed out may append the very same record again; anything else is a broken id generator."""
        row = self._connection.execute("SELECT record FROM records WHERE decision_id = ?", (decision_id,)).fetchone()
        if row is None or bytes(row[0]) != payload:
            _log.error("ledger.decision_id_not_unique", extra={"decision_id": decision_id})
            raise LedgerUnavailable from cause
        return payload


class SqliteTransactions:
    """Opens, locks and commits. After any failure it starts afresh with a new connection."""

    def __init__(self, path: Path, *, writer_id: str, lock_timeout_s: float) -> None:
        self._path = path
        self._writer_id = writer_id
        self._lock_timeout_s = lock_timeout_s
        self._lock = WriterLock(path)
        self._connection: sqlite3.Connection | None = None
        self._file: SameFile | None = None
        self._current: SqliteTransaction | None = None
        self._policies: dict[str, str] = {}
        self._fresh = True

    def begin(self) -> SqliteTransaction:
        """See `Transactions.begin`."""
        connection = self._connected()
        if not acquired_within(self._lock_timeout_s, lambda: self._try_begin(connection)):
            raise StoreBusy
        self._current = SqliteTransaction(connection, self._writer_id, self._policies)
        if self._fresh:  # the file may be another one than before, and no decision is kept without its policy
            self._current.keep_policies(dict(self._policies))
        return self._current

    def commit(self) -> None:
        """See `Transactions.commit`. SQLite's automatic checkpoint runs in it, still under the lock."""
        assert self._connection is not None
        assert self._current is not None
        self._current.finish()
        self._connection.execute("COMMIT")
        self._fresh = False
        self._lock.release()

    def leave(self) -> None:
        """See `Transactions.leave`. It holds the writers' lock."""
        self.discard()

    def discard(self) -> None:
        """See `Transactions.discard`."""
        self._current = self._file = None
        if self._connection is not None:
            try:
                self._connection.close()  # rolls back
            except sqlite3.Error as cause:
                _log.warning("ledger.close_failed", extra={"cause": repr(cause)})
            self._connection = None
        self._lock.close()

    def close(self) -> None:
        """See `Transactions.close`."""
        self.discard()

    def _connected(self) -> sqlite3.Connection:
        if self._file is not None and not self._file.holds():
            _log.warning("ledger.file_replaced")
            self.discard()
        if self._connection is None:
            self._connection = self._open()
            self._fresh = True
            self._file = SameFile(self._path)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            connection = open_ledger(self._path, timeout_s=self._lock_timeout_s)
        except TimeoutError as cause:
            raise StoreBusy from cause
        except sqlite3.OperationalError as cause:
            if is_busy(cause):
                raise StoreBusy from cause
            raise
        connection.execute("PRAGMA busy_timeout = 0")  # the waiting is ours: see acquired_within
        return connection

    def _try_begin(self, connection: sqlite3.Connection) -> bool:
        if not self._lock.try_acquire():
            return False
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as cause:
            self._lock.release()
            if is_busy(cause):
                return False
            raise
        return True


def is_busy(error: sqlite3.OperationalError) -> bool:
    """True if somebody else holds a lock. Python's own errors carry no code."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY
