"""The decision ledger on SQLite: the default for one machine.

The last step before the reply. Several processes may write one file; each has a hash chain of its own.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tidegate.ledger.record_format import encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.retention_anchors import Removal
from tidegate.ledger.sqlite_archive import removals
from tidegate.ledger.sqlite_reader import SqliteReader
from tidegate.ledger.sqlite_writer import SqliteTransaction, SqliteTransactions
from tidegate.ledger.stored_ledger import StoredLedger, readable
from tidegate.moderation.decision import DecisionRecord
from tidegate.telemetry.pressure import LedgerMetrics

_LOCK_ATTEMPT_S = 0.25
"""How long the writer tries for another process's lock before it looks who still waits."""


class SqliteLedger(StoredLedger[SqliteTransaction, sqlite3.Connection]):
    """`DecisionLedger` in one SQLite file (WAL, fsync at every commit). Opens nothing until first used."""

    def __init__(
        self,
        path: Path,
        *,
        timeout_s: float = 2.0,
        queue_limit: int = 10_000,
        reader_threads: int = 2,
        metrics: LedgerMetrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the settings.

        Args:
            path: The ledger's file; its folder is created if need be. It must be on a local file system.
            timeout_s: Longest wait of any call.
            queue_limit: How many appends may wait for the writer; more are refused with LedgerUnavailable.
            reader_threads: How many reads run at a time.
            metrics: Told of transactions and of who waits; None tells nobody.
            clock: Monotonic seconds.
        """
        super().__init__(
            SqliteTransactions(path, writer_id=uuid.uuid4().hex, lock_timeout_s=min(timeout_s, _LOCK_ATTEMPT_S)),
            SqliteReader(path, threads=reader_threads, timeout_s=timeout_s),
            timeout_s=timeout_s,
            queue_limit=queue_limit,
            metrics=metrics,
            clock=clock,
        )

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """See `DecisionLedger.append`. Raises RecordFormatError for a record that has no exact bytes."""
        keys, payload = RecordKeys.of(record), encode(record)
        kept = await self._write(lambda transaction: transaction.append(keys, payload))
        return record if kept == payload else readable(kept)

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """See `DecisionLedger.get`."""
        return await self._find("SELECT record FROM records WHERE decision_id = ?", decision_id)

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """See `DecisionLedger.find_by_key`."""
        return await self._find("SELECT record FROM records WHERE idempotency_key = ?", idempotency_key)

    async def policy_document(self, digest: str) -> str | None:
        """See `DecisionLedger.policy_document`."""
        row = await self._row("SELECT document FROM policies WHERE digest = ?", digest)
        return None if row is None else str(row[0])

    def _removals(self, connection: sqlite3.Connection, *, days: tuple[date, date]) -> Sequence[Removal]:
        return removals(connection, days=days)

    async def _find(self, statement: str, key: str) -> DecisionRecord | None:
        row = await self._row(statement, key)
        return None if row is None else readable(row[0])

    async def _row(self, statement: str, key: str) -> tuple[Any] | None:
        def query(connection: sqlite3.Connection) -> tuple[Any] | None:
            row: tuple[Any] | None = connection.execute(statement, (key,)).fetchone()
            return row

        return await self._reader.read(query)
