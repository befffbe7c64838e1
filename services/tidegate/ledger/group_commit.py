"""Group commit: what waits goes to disk together, in one transaction, on one thread.

Stands behind `DecisionLedger.append`. The commit is greedy: whoever comes while a transaction is being made durable
goes into the next one, and an idle writer commits at once. Only where cores are crowded it rests after a commit
(`core_wait.rest_s`), so that what a transaction costs is shared by more. A caller hears of success only after COMMIT
has returned. Knows nothing of SQL: a `Transactions` does that.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tidegate.moderation.errors import LedgerUnavailable, TidegateError
from tidegate.telemetry.core_wait import CoreWait, rest_s
from tidegate.telemetry.pressure import LedgerFailure, LedgerMetrics, NullLedgerMetrics

_log = logging.getLogger(__name__)

_ENOUGH = 16
"""Records in a transaction from which on what it costs itself is small beside them: by then a record takes a sixth of
what it takes alone."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R")


class StoreBusy(Exception):
    """Somebody else writes at the moment; try again, nothing is wrong."""


class Transactions(Protocol[T_co]):
    """One writer's transactions, used from one thread. Any exception but StoreBusy means that the store is not well."""

    def begin(self) -> T_co:
        """Opens a transaction that may write. Raises StoreBusy after a bounded wait for another writer."""
        ...

    def commit(self) -> None:
        """Makes it durable."""
        ...

    def leave(self) -> None:
        """Gives up a transaction that nobody has written in. Nothing is broken. Never raises."""
        ...

    def discard(self) -> None:
        """Forgets the transaction and whatever may be broken, so that `begin` starts afresh. Never raises."""
        ...

    def close(self) -> None:
        """Releases everything. Never raises."""
        ...


@dataclass(slots=True, eq=False)
class _Job(Generic[T]):
    """One caller's work within a transaction."""

    work: Callable[[T], object]
    future: "asyncio.Future[Any]"
    abandoned: bool = False
    result: object = None
    error: TidegateError | None = None

    def attempt(self, transaction: T) -> None:
        try:
            self.result = self.work(transaction)
        except TidegateError as refused:  # this caller's own; the rest of the batch goes on
            self.error = refused

    def settle(self) -> None:
        if self.future.done():  # timed out or cancelled meanwhile
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class GroupCommit(Generic[T]):
    """Runs callers' work in shared transactions. The thread starts with the first call."""

    def __init__(
        self,
        transactions: Transactions[T],
        *,
        queue_limit: int = 10_000,
        batch_limit: int = 1_000,
        timeout_s: float = 2.0,
        metrics: LedgerMetrics | None = None,
        waits: Callable[[], float] | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
            transactions: Of one store.
            queue_limit: How many callers may wait; more are refused.
            batch_limit: Most callers in one transaction.
            timeout_s: Longest wait of a caller.
            metrics: Told of transactions and of who waits; None tells nobody.
            waits: The share of time that the writer's thread waits for a core; None measures it.
        """
        self._waits = waits or CoreWait().share
        self._metrics = metrics or NullLedgerMetrics()
        self._transactions = transactions
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._timeout_s = timeout_s
        self._waiting: deque[_Job[T]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._resting = False
        self._thread: threading.Thread | None = None
        self._metrics.watch(lambda: len(self._waiting))

    async def run(self, work: Callable[[T], R]) -> R:
        """Runs `work` in the next transaction and returns its result once that is durable.

        `work` may raise a TidegateError, which reaches this caller alone, provided that it has written nothing before.

        Raises:
            LedgerUnavailable: Not durable within the timeout, too many are waiting, or closed. Work that was
                already in a transaction when time ran out may still become durable.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._enqueue(job)
        try:
            async with asyncio.timeout(self._timeout_s):
                result: R = await job.future
                return result
        except TimeoutError as late:
            self._metrics.failed(LedgerFailure.TIMEOUT)
            raise LedgerUnavailable from late
        finally:
            job.abandoned = True  # if it is still waiting, the writer leaves it out

    async def close(self) -> None:
        """Takes no more, writes out what waits, and ends the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            # Every job is given up after timeout_s: twice that is ample, and a disk that hangs must not hang the end.
            await asyncio.to_thread(self._thread.join, 2 * self._timeout_s)

    def _enqueue(self, job: _Job[T]) -> None:
        with self._changed:
            if self._closing or len(self._waiting) >= self._queue_limit:
                self._metrics.failed(LedgerFailure.REFUSED)
                raise LedgerUnavailable
            self._waiting.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write_until_closed, name="ledger-writer", daemon=True)
                self._thread.start()
            if not self._resting or len(self._waiting) >= _ENOUGH:
                self._changed.notify()

    def _write_until_closed(self) -> None:
        while self._wait_for_work():
            begun_s = time.perf_counter()
            size = self._commit_waiting()
            took_s = time.perf_counter() - begun_s
            rest = rest_s(took_s, waits=self._waits(), size=size, enough=_ENOUGH)
            if rest:
                self._rest(rest)
        self._transactions.close()

    def _rest(self, seconds: float) -> None:
        """Until enough wait, or it closes."""
        ends_s = time.monotonic() + seconds
        with self._changed:
            while len(self._waiting) < _ENOUGH and not self._closing and (left_s := ends_s - time.monotonic()) > 0:
                self._resting = True
                self._changed.wait(left_s)
            self._resting = False

    def _wait_for_work(self) -> bool:
        """True when somebody waits, False when closed and nobody does."""
        with self._changed:
            while True:
                while self._waiting and self._waiting[0].abandoned:
                    self._waiting.popleft()
                if self._waiting or self._closing:
                    return bool(self._waiting)
                self._changed.wait()

    def _take(self) -> list[_Job[T]]:
        with self._changed:
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_limit))]
        return [job for job in taken if not job.abandoned]

    def _commit_waiting(self) -> int:
        """How many were in the transaction."""
        jobs: list[_Job[T]] = []
        begun_s = time.perf_counter()
        try:
            transaction = self._transactions.begin()
            jobs = self._take()  # after begin: whoever came while we waited for another writer goes along
            if not jobs:  # all of them gave up meanwhile
                self._transactions.leave()
                return 0
            for job in jobs:
                job.attempt(transaction)
            self._transactions.commit()
            self._metrics.committed(len(jobs), duration_s=time.perf_counter() - begun_s)
        except StoreBusy:
            return 0  # they go on waiting, each as long as its own timeout
        except Exception as cause:  # noqa: BLE001 - thread boundary: one failed batch must not end the writer
            self._transactions.discard()
            jobs = jobs or self._take()
            # The cause's text may hold a path: it goes to the log, never to callers.
            _log.error("ledger.commit_failed", extra={"cause": repr(cause), "waiting": len(jobs)})
            for job in jobs:
                job.error = LedgerUnavailable()
            self._metrics.failed(LedgerFailure.COMMIT, records=len(jobs))
        _deliver(jobs)
        return len(jobs)


def _deliver(jobs: Iterable[_Job[Any]]) -> None:
    """Settles futures on their own loops, waking each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, settled in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, settled)
        except RuntimeError:  # the loop was closed: nobody is left to hear of it
            _log.warning("ledger.caller_gone", extra={"callers": len(settled)})


def _settle(jobs: Iterable[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()
