"""Transactions of one writer on a PostgreSQL ledger. Runs on the group commit's thread only.

A transaction is one statement, and so one round trip; one more goes before it where callers gave idempotency keys, to
look for them. Nothing is locked while the server waits for us but the writer's own chain, so a replica that stops
anywhere holds up nobody.
"""

import logging
import random
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import errors

from tidegate.ledger.chain import Head
from tidegate.ledger.postgres_session import WriterSession
from tidegate.ledger.postgres_transaction import Link, PostgresTransaction
from tidegate.postgres.connection import PostgresTarget

_log = logging.getLogger(__name__)

ATTEMPTS = 5
"""At one transaction. Each but the first follows another replica that was first with one of its keys."""
_AWAY_S = 0.1
"""From a server's refusal until it is asked again; up to half as much is added, so that replicas differ."""
_LOOK_AGAIN_S = 0.05


class ServerAwayError(Exception):
    """The server did not let us in a moment ago."""


class OutcomeUnknownError(Exception):
    """The connection was lost during COMMIT, and the server could not be asked in time what became of it."""


class PostgresTransactions:
    """Connects, records, and looks what became of a commit whose answer was lost."""

    def __init__(
        self,
        target: PostgresTarget,
        *,
        writer_id: str,
        timeout_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            writer_id: Whose chain this is: a process of its own.
            timeout_s: For one transaction, looking after a lost connection included.
            monotonic: Seconds that only grow.
        """
        self._target = target
        self._writer_id = writer_id
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._session: WriterSession | None = None
        self._current = PostgresTransaction()
        self._policies: dict[str, str] = {}
        self._fresh = True
        self._away_until = float("-inf")

    def begin(self) -> PostgresTransaction:
        """See `Transactions.begin`. Connects if need be; the transaction itself is opened when it is committed."""
        if self._session is None:
            self._session = self._opened()
        self._current = PostgresTransaction()
        if self._fresh:  # it may be another database than before, and no decision is kept without its policy
            self._current.keep_policies(self._policies)
        return self._current

    def commit(self) -> None:
        """See `Transactions.commit`.

        Raises:
            psycopg.Error: Nothing was recorded, or not as safely as the server is told to.
            OutcomeUnknownError: It can't be told in time. The callers have gone by then.
        """
        transaction, deadline = self._current, self._monotonic() + self._timeout_s
        self._policies.update(transaction.policies)
        if not transaction.is_empty:
            self._record(transaction, deadline=deadline)
        self._fresh = False

    def discard(self) -> None:
        """See `Transactions.discard`."""
        self._fresh = True
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        """See `Transactions.close`."""
        self.discard()

    def _opened(self) -> WriterSession:
        if self._monotonic() < self._away_until:
            raise ServerAwayError
        try:
            return WriterSession.open(self._target, writer_id=self._writer_id, timeout_s=self._timeout_s)
        except psycopg.Error:
            self._away_until = self._monotonic() + _AWAY_S * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, not a secret
            raise

    def _record(self, transaction: PostgresTransaction, *, deadline: float) -> None:
        for attempt in range(ATTEMPTS):
            session = self._session or self._opened_again(deadline - self._monotonic())
            before, links = session.head, list[Link]()
            transaction.reset()
            try:
                with session.within(deadline - self._monotonic()):
                    expired = session.look(transaction, ids_too=attempt > 0)
                    links = transaction.chained(before)
                    session.write(transaction, links, expired=expired)
            except (errors.UniqueViolation, errors.CheckViolation):
                continue
            except psycopg.Error as cause:
                if session.is_open():
                    raise
                if not self._was_recorded(before, links, deadline=deadline, cause=cause):
                    transaction.keep_policies(self._policies)  # as in `begin`
                    continue  # it is known that nothing was recorded, and the callers still wait
            for link in links:
                link.appended.kept = link.appended.payload
            return
        raise errors.SerializationFailure(f"not recorded in {ATTEMPTS} attempts")

    def _opened_again(self, left_s: float) -> WriterSession:
        self._session = WriterSession.open(self._target, writer_id=self._writer_id, timeout_s=max(0.0, left_s))
        return self._session

    def _was_recorded(self, before: Head, links: Sequence[Link], *, deadline: float, cause: psycopg.Error) -> bool:
        """Whether what follows `before` was committed: by looking, until it is known. Leaves a session if it is."""
        _log.warning("ledger.connection_lost", extra={"cause": repr(cause)})
        self.discard()
        if not links:  # nothing that must not be done twice
            return False
        while (left_s := deadline - self._monotonic()) > 0:
            try:
                self._session = WriterSession.open(self._target, writer_id=self._writer_id, timeout_s=left_s)
            except psycopg.Error:
                time.sleep(_LOOK_AGAIN_S)
            else:
                return self._resolved(self._session.head, before=before, end=links[-1].head)
        raise OutcomeUnknownError from cause

    def _resolved(self, found: Head, *, before: Head, end: Head) -> bool:
        if found.sequence < before.sequence:  # a standby took over that had not got them
            missing = before.sequence - found.sequence
            _log.error("ledger.acknowledged_records_missing", extra={"writer_id": found.writer_id, "records": missing})
        _log.warning("ledger.outcome_known", extra={"recorded": found == end})
        return found == end
