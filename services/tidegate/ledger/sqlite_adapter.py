"""The decision ledger on SQLite: the default for one machine.

The last step before the reply. Several processes may write one file; each has a hash chain of its own.
"""

import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from tidegate.ledger.group_commit import GroupCommit
from tidegate.ledger.record_format import RecordFormatError, decode, encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.retention_anchors import Removal, days_told
from tidegate.ledger.sqlite_archive import removals
from tidegate.ledger.sqlite_reader import SqliteReader
from tidegate.ledger.sqlite_writer import SqliteTransaction, SqliteTransactions
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.telemetry.pressure import LedgerMetrics

_log = logging.getLogger(__name__)

R = TypeVar("R")

_READY_FOR_S = 1.0
"""A commit vouches for the ledger this long, so that health checks of a busy ledger cost nothing."""

_LOCK_ATTEMPT_S = 0.25
"""How long the writer tries for another process's lock before it looks who still waits."""


class SqliteLedger:
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
        self._writer = GroupCommit[SqliteTransaction](
            SqliteTransactions(path, writer_id=uuid.uuid4().hex, lock_timeout_s=min(timeout_s, _LOCK_ATTEMPT_S)),
            queue_limit=queue_limit,
            timeout_s=timeout_s,
            metrics=metrics,
        )
        self._reader = SqliteReader(path, threads=reader_threads, timeout_s=timeout_s)
        self._clock = clock
        self._well_until = float("-inf")

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """See `DecisionLedger.append`. Raises RecordFormatError for a record that has no exact bytes."""
        keys, payload = RecordKeys.of(record), encode(record)
        kept = await self._write(lambda transaction: transaction.append(keys, payload))
        return record if kept == payload else _readable(kept)

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """See `DecisionLedger.get`."""
        return await self._find("SELECT record FROM records WHERE decision_id = ?", decision_id)

    async def removal_of(self, decision_id: str) -> Removal | None:
        """See `DecisionLedger.removal_of`."""
        days = days_told(decision_id)
        if days is None:
            return None
        found = await self._reader.read(lambda connection: removals(connection, days=days))
        return found[-1] if found else None

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """See `DecisionLedger.find_by_key`."""
        return await self._find("SELECT record FROM records WHERE idempotency_key = ?", idempotency_key)

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """See `DecisionLedger.keep_policies`. Raises LedgerUnavailable if they could not be made durable."""
        kept = dict(documents)
        await self._write(lambda transaction: transaction.keep_policies(kept))

    async def policy_document(self, digest: str) -> str | None:
        """See `DecisionLedger.policy_document`."""
        row = await self._row("SELECT document FROM policies WHERE digest = ?", digest)
        return None if row is None else str(row[0])

    async def ready(self) -> bool:
        """See `DecisionLedger.ready`. Writes a probe unless something was committed within the last second."""
        if self._clock() < self._well_until:
            return True
        try:
            await self._write(SqliteTransaction.probe)
        except LedgerUnavailable:
            return False
        return True

    async def close(self) -> None:
        """See `DecisionLedger.close`."""
        await self._writer.close()
        await self._reader.close()
        self._well_until = float("-inf")

    async def _write(self, work: Callable[[SqliteTransaction], R]) -> R:
        try:
            result = await self._writer.run(work)
        except LedgerUnavailable:
            self._well_until = float("-inf")
            raise
        self._well_until = self._clock() + _READY_FOR_S
        return result

    async def _find(self, statement: str, key: str) -> DecisionRecord | None:
        row = await self._row(statement, key)
        return None if row is None else _readable(row[0])

    async def _row(self, statement: str, key: str) -> tuple[Any] | None:
        def query(connection: sqlite3.Connection) -> tuple[Any] | None:
            row: tuple[Any] | None = connection.execute(statement, (key,)).fetchone()
            return row

        return await self._reader.read(query)


def _readable(payload: bytes) -> DecisionRecord:
    try:
        return decode(payload)
    except RecordFormatError as cause:  # written by a newer Tidegate, or damaged: `tidegate ledger verify` tells which
        _log.error("ledger.record_unreadable", extra={"cause": str(cause)})
        raise LedgerUnavailable from cause
