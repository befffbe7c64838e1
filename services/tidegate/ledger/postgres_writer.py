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
from tidegate.ledger.postgres_chain import Loss, OwnChain
from tidegate.ledger.postgres_session import WriterSession
from tidegate.ledger.postgres_transaction import Link, PostgresTransaction
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.schema import ForeignSchemaError
from tidegate.telemetry.pressure import LedgerFailure, LedgerMetrics, NullLedgerMetrics

_log = logging.getLogger(__name__)

ATTEMPTS = 5
"""At one transaction. Each but the first follows another replica that was first with one of its keys."""
_AWAY_S = 0.1
"""From a server's refusal until it is asked again; up to half as much is added, so that replicas differ."""
_LOOK_AGAIN_S = 0.05


class ServerAwayError(Exception):
    """The server did not let us in a moment ago."""


class OutcomeUnknownError(Exception):
    """The connection was lost during COMMIT, and the server could not be asked what became of it, or not in time."""


class PostgresTransactions:
    """Connects, records, and looks what became of a commit whose answer was lost."""

    def __init__(
        self,
        target: PostgresTarget,
        *,
        timeout_s: float,
        metrics: LedgerMetrics | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connects to nothing yet.

        Args:
            target: The database.
            timeout_s: For one transaction, looking after a lost connection included.
            metrics: Told of acknowledged records that the database has lost; None tells nobody.
            monotonic: Seconds that only grow.
        """
        self._target = target
        self._timeout_s = timeout_s
        self._metrics = metrics or NullLedgerMetrics()
        self._monotonic = monotonic
        self._session: WriterSession | None = None
        self._chain = OwnChain()
        self._unmarked: list[Loss] = []
        self._current = PostgresTransaction()
        self._policies: dict[str, str] = {}
        self._fresh = True
        self._away_until = float("-inf")

    def begin(self) -> PostgresTransaction:
        """See `Transactions.begin`. Connects if need be; the transaction itself is opened when it is committed."""
        if self._session is None:
            self._session = self._let_in()
        self._current = PostgresTransaction()
        if self._fresh:  # it may be another database than before, and no decision is kept without its policy
            self._current.keep_policies(self._policies)
        return self._current

    def commit(self) -> None:
        """See `Transactions.commit`.

        Raises:
            psycopg.Error: Nothing was recorded, or not as safely as the server is told to.
            OutcomeUnknownError: It can't be told, or not in time. Then the callers have gone.
        """
        transaction, deadline = self._current, self._monotonic() + self._timeout_s
        self._policies.update(transaction.policies)
        if not transaction.is_empty:
            self._record(transaction, deadline=deadline)
        self._fresh = False

    def leave(self) -> None:
        """See `Transactions.leave`. The session stays: to connect may take longer than a caller waits."""

    def discard(self) -> None:
        """See `Transactions.discard`."""
        self._fresh = True
        if self._session is not None:
            self._session.close()
            self._session = None

    def close(self) -> None:
        """See `Transactions.close`."""
        self.discard()

    def _let_in(self) -> WriterSession:
        if self._monotonic() < self._away_until:
            raise ServerAwayError
        try:
            return self._opened(self._timeout_s)
        except psycopg.Error:
            self._away_until = self._monotonic() + _AWAY_S * random.uniform(1.0, 1.5)  # noqa: S311 - jitter, not a secret
            raise

    def _opened(self, timeout_s: float) -> WriterSession:
        """A session on the chain that is gone on with: ours, if it ends in the database where we know.

        The time is for each step once it has a connection, which has a bound of its own: a first host that is dead
        costs every connection `CONNECT_TIMEOUT_S`, and would leave nothing for what follows.
        """
        session = self._session_of(self._chain, timeout_s=timeout_s)
        if session.head != self._chain.used:
            session.close()
            self._begin_anew(session.head)
            session = self._session_of(self._chain, timeout_s=timeout_s)
        try:
            while self._unmarked:
                with session.within(timeout_s):
                    session.mark(self._unmarked[0])
                del self._unmarked[0]
        except BaseException:
            session.close()
            raise
        return session

    def _session_of(self, chain: OwnChain, *, timeout_s: float) -> WriterSession:
        return WriterSession.open(self._target, writer_id=chain.writer_id, timeout_s=timeout_s)

    def _begin_anew(self, found: Head) -> None:
        """Another chain, as the one until now has numbers that others may have seen and the database does not have."""
        former, self._chain = self._chain, OwnChain()
        told: dict[str, object] = {
            "writer_id": former.writer_id,
            "found_sequence": found.sequence,
            "acknowledged_sequence": former.acknowledged.sequence,
            "used_sequence": former.used.sequence,
            "new_writer_id": self._chain.writer_id,
        }
        if loss := former.loss(found):
            self._unmarked.append(loss)
            self._metrics.failed(LedgerFailure.LOST, records=loss.records)
            told |= {
                "records": loss.records,
                "first_sequence": found.sequence + 1,
                "first_decision_id": loss.first_decision_id,
                "first_decision_id_of": loss.first_known,
                "last_decision_id": loss.last_decision_id,
            }
            _log.error("ledger.acknowledged_records_missing", extra=told)
        elif found == former.acknowledged:  # only what nobody was promised is not there
            _log.warning("ledger.chain_begun_anew", extra=told)
        else:
            _log.error("ledger.chain_is_another", extra=told)

    def _record(self, transaction: PostgresTransaction, *, deadline: float) -> None:
        for attempt in range(ATTEMPTS):
            session = self._session or self._opened_again(deadline)
            before, links = session.head, list[Link]()
            transaction.reset()
            try:
                with session.within(deadline - self._monotonic()):
                    expired = session.look(transaction, ids_too=attempt > 0)
                    links = transaction.chained(before)
                    self._chain.sends(links)
                    session.write(transaction, links, expired=expired)
            except (errors.UniqueViolation, errors.CheckViolation):
                self._chain.refused(before)
                continue
            except psycopg.Error as cause:
                if session.is_open():
                    if cause.diag.sqlstate is not None:  # the server's word, not ours: it has rolled back
                        self._chain.refused(before)
                    raise
                if not self._was_recorded(links, deadline=deadline, cause=cause):
                    transaction.keep_policies(self._policies)  # as in `begin`
                    continue  # it is known that nothing was recorded, and the callers still wait
            self._chain.acknowledges(links)
            for link in links:
                link.appended.kept = link.appended.payload
            return
        raise errors.SerializationFailure(f"not recorded in {ATTEMPTS} attempts")

    def _opened_again(self, deadline: float) -> WriterSession:
        self._session = self._opened(max(0.0, deadline - self._monotonic()))
        return self._session

    def _was_recorded(self, links: Sequence[Link], *, deadline: float, cause: psycopg.Error) -> bool:
        """Whether these were committed: by looking, until it is known. Leaves a session if it is."""
        _log.warning("ledger.connection_lost", extra={"cause": repr(cause)})
        self.discard()
        if not links:  # nothing that must not be done twice
            return False
        while self._monotonic() < deadline:
            try:
                session = self._opened_again(deadline)
            except ForeignSchemaError as newer:  # looking again won't help: this process is never let in any more
                raise OutcomeUnknownError(str(newer)) from newer
            except psycopg.Error:
                time.sleep(_LOOK_AGAIN_S)
            else:
                recorded = session.head == links[-1].head
                _log.warning("ledger.outcome_known", extra={"recorded": recorded})
                return recorded
        raise OutcomeUnknownError from cause
