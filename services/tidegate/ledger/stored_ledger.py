"""What the decision ledger does alike in SQLite and in PostgreSQL: it writes by group commit, and reads beside it."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Generic, Protocol, TypeVar

from tidegate.ledger.group_commit import GroupCommit, Transactions
from tidegate.ledger.reader_threads import ReaderThreads
from tidegate.ledger.record_format import RecordFormatError, decode
from tidegate.ledger.retention_anchors import Removal, days_told
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.telemetry.pressure import LedgerMetrics

_log = logging.getLogger(__name__)

_READY_FOR_S = 1.0
"""A commit vouches for the ledger this long, so that health checks of a busy ledger cost nothing."""


class LedgerTransaction(Protocol):
    """What is written alike in every store's transactions."""

    def keep_policies(self, documents: Mapping[str, str]) -> None:
        """Adds documents that are not there yet."""

    def probe(self) -> None:
        """Writes as much as a large record takes."""


T = TypeVar("T", bound=LedgerTransaction)
C = TypeVar("C")
R = TypeVar("R")


class StoredLedger(ABC, Generic[T, C]):
    """`DecisionLedger` but for its statements, which a subclass knows. Opens nothing until first used."""

    def __init__(
        self,
        transactions: Transactions[T],
        reader: ReaderThreads[C],
        *,
        timeout_s: float,
        queue_limit: int,
        metrics: LedgerMetrics | None,
        clock: Callable[[], float],
    ) -> None:
        """Takes the store.

        Args:
            transactions: Its writer's.
            reader: Its reader.
            timeout_s: Longest wait of an append.
            queue_limit: How many appends may wait for the writer; more are refused with LedgerUnavailable.
            metrics: Told of transactions and of who waits; None tells nobody.
            clock: Monotonic seconds.
        """
        self._writer = GroupCommit[T](transactions, queue_limit=queue_limit, timeout_s=timeout_s, metrics=metrics)
        self._reader = reader
        self._clock = clock
        self._well_until = float("-inf")

    async def removal_of(self, decision_id: str) -> Removal | None:
        """See `DecisionLedger.removal_of`."""
        days = days_told(decision_id)
        if days is None:
            return None
        found = await self._reader.read(lambda connection: self._removals(connection, days=days))
        return found[-1] if found else None

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """See `DecisionLedger.keep_policies`. Raises LedgerUnavailable if they could not be made durable."""
        kept = dict(documents)
        await self._write(lambda transaction: transaction.keep_policies(kept))

    async def ready(self) -> bool:
        """See `DecisionLedger.ready`. Writes a probe unless something was committed within the last second."""
        if self._clock() < self._well_until:
            return True
        try:
            await self._write(lambda transaction: transaction.probe())
        except LedgerUnavailable:
            return False
        return True

    async def close(self) -> None:
        """See `DecisionLedger.close`."""
        await self._writer.close()
        await self._reader.close()
        self._well_until = float("-inf")

    @abstractmethod
    def _removals(self, connection: C, *, days: tuple[date, date]) -> Sequence[Removal]:
        """What retention removed of these days, the last one included: by day, then by time."""

    async def _write(self, work: Callable[[T], R]) -> R:
        try:
            result = await self._writer.run(work)
        except LedgerUnavailable:
            self._well_until = float("-inf")
            raise
        self._well_until = self._clock() + _READY_FOR_S
        return result


def readable(payload: bytes) -> DecisionRecord:
    """A stored record. Raises LedgerUnavailable if it is of a newer format, or damaged: `verify` tells which."""
    try:
        return decode(payload)
    except RecordFormatError as cause:
        _log.error("ledger.record_unreadable", extra={"cause": str(cause)})
        raise LedgerUnavailable from cause
