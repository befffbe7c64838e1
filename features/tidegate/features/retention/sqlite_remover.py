"""Removes old events from a SQLite log: account by account, in small transactions, beside whoever writes and reads.

What may go is found first, over a connection that waits for nobody; then it is deleted by key, `CHUNK` events at a time
under the writers' lock. Events don't change, so nothing found can become wrong meanwhile. Each transaction deletes
events, counts them (`accounts.removed`) and notes since when signals are still right, so wherever it is killed the log
is whole, and the next step goes on. Pages that are free are used again by what is recorded next.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter
from pathlib import Path

import orjson

from tidegate.features.events.columns import microseconds, moment
from tidegate.features.events.sqlite_connection import HealingConnection
from tidegate.features.events.sqlite_parts import Parts, over, parts
from tidegate.features.events.sqlite_schema import transaction
from tidegate.features.events.writer_lock import exclusive
from tidegate.features.retention.rule import Cutoffs, Fact, removable

CHUNK = 500
"""Events deleted in a transaction. Whoever waits to record waits for one of these."""
ACCOUNTS_AT_ONCE = 200
"""Accounts that a step looks at."""
FOUND_AT_ONCE = 20_000
"""Events found in a step, at most: bounds memory, and how long a reader keeps the WAL from being emptied."""
READ_AT_ONCE = 100_000
"""Events after which a read transaction ends with the account that it is at: bounds how long it keeps the WAL."""
WITNESS_WITHIN = timedelta(days=1)
"""How near to now, before or after, an event of somebody else must have occurred. See `clock_borne_out`."""

# Of these accounts, one seek each in the clustered table.
_WITNESS = (
    "SELECT 1 FROM json_each(?1) AS asked CROSS JOIN events{part} AS events ON events.account_id = asked.value"
    " AND events.occurred_at_us BETWEEN ?2 AND ?3 AND events.kind <> 'DECISION'"
)
# Account by account, each a range of the clustered table, as it is read: no sorting.
_FACTS = (
    "SELECT account_id, occurred_at_us, event_id, recorded_at_us, kind, subject_id, action FROM events{part}"
    " WHERE account_id IN (SELECT value FROM json_each(?1)) AND occurred_at_us <= ?2"
)
_COUNT = "UPDATE accounts{part} SET removed = removed + ? WHERE account_id = ?"
_DELETE_ID = "DELETE FROM event_ids{part} WHERE event_id = ?"
_DELETE = "DELETE FROM events{part} WHERE account_id = ? AND occurred_at_us = ? AND event_id = ?"
_NAMES = "SELECT account_id FROM accounts{part} WHERE account_id > ?1"


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did."""

    events: int
    """Events removed."""
    accounts: int
    """Accounts looked at."""
    finished: bool
    """All accounts were looked at; the next step begins anew."""


@dataclass(frozen=True, slots=True)
class RetentionState:
    """How far removal has come, as the log notes it."""

    removed: int
    """Events removed since the log was made."""
    signals_since: datetime | None
    """See `EventLog.signals_since`."""
    oldest: datetime | None
    """When the oldest event occurred that the last complete run left; None before there was one, or if it left none."""
    finished_at: datetime | None
    """When the last complete run ended."""
    size_bytes: int
    """Of the log's file."""
    reusable_bytes: int
    """Of these: pages that are free, for what is recorded next."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a step found in the accounts that it looked at."""

    accounts: Sequence[str]
    """Their ids, in order."""
    events: Sequence[Fact]
    """What of them may go."""
    oldest_us: int | None
    """When their oldest event occurred, microseconds since 1970 UTC; None if they have none."""
    whole: bool
    """Whether `events` is all that may go of these accounts. Else the next step looks at them anew."""
    last: bool
    """Whether no account comes after them."""


class SqliteEventRemover:
    """Removes events from one file, which is there. For one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        timeout_s: float = 5.0,
        clock: Callable[[], datetime],
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        """Opens nothing yet.

        Args:
            path: The log.
            timeout_s: How long a step waits for another writer before the log counts as unavailable.
            clock: The time, UTC.
            rest: Called after each transaction with the seconds that it took: half of the time is the writers'.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._clock = clock
        self._rest = rest
        self._connection = HealingConnection(path, timeout_s=timeout_s)

    def step(self, keep_days: int, *, stop: Callable[[], bool] = lambda: False) -> Step:
        """Looks at the next accounts and removes what no signal reads any more.

        Args:
            keep_days: See `period`.
            stop: Asked before each transaction: whether to leave the rest to the next step.

        Raises:
            KeptTooShortError: See `period.require_days`.
            EventLogUnavailableError: The log can't be written or read; the next step goes on.
        """
        cutoffs = Cutoffs.of(keep_days, now=self._clock())
        found = self._found(cutoffs)
        removed = 0
        for at in range(0, len(found.events), CHUNK):
            if stop():
                return Step(removed, 0, finished=False)
            began_s = time.monotonic()
            removed += self._delete(found.events[at : at + CHUNK], since_us=cutoffs.since_us)
            self._rest(time.monotonic() - began_s)
        if not found.whole:
            return Step(removed, 0, finished=False)
        self._note(found.accounts[-1] if found.accounts else "", found.oldest_us, finished=found.last)
        return Step(removed, len(found.accounts), found.last)

    def preview(self, keep_days: int) -> tuple[int, Cutoffs]:
        """How many events would go now, and by which cutoffs. Removes nothing, reads the whole log."""
        cutoffs, after, count, last = Cutoffs.of(keep_days, now=self._clock()), "", 0, False
        while not last:
            with self._connection.use() as connection, transaction(connection, mode="DEFERRED"):
                names, read = _names(connection, after), 0
                last = len(names) < ACCOUNTS_AT_ONCE
                for account_id, facts in _facts(connection, names, cutoffs):
                    counted = _Counted(facts)
                    count += sum(1 for _ in removable(counted, cutoffs))
                    read += counted.number
                    if read >= READ_AT_ONCE and account_id != names[-1]:
                        names, last = _up_to(names, account_id), False
                        break
            after = names[-1] if names else ""
        return count, cutoffs

    def clock_borne_out(self) -> bool:
        """Whether somebody else's event says that it is about now: what is removed by a wrong clock can't be put back.

        True if an event of any kind but DECISION, whose time is our own, occurred within `WITNESS_WITHIN` of now. Reads
        no further than the first account with one, else once through all. Raises EventLogUnavailableError.
        """
        now, after = self._clock(), ""
        span = microseconds(now - WITNESS_WITHIN), microseconds(now + WITNESS_WITHIN)
        while True:
            with self._connection.use() as connection, transaction(connection, mode="DEFERRED"):
                names = _names(connection, after)
                if connection.execute(over(_WITNESS, parts(connection), " LIMIT 1"), (_json(names), *span)).fetchone():
                    return True
            if len(names) < ACCOUNTS_AT_ONCE:
                return False
            after = names[-1]

    def state(self) -> RetentionState:
        """As it is now. Raises EventLogUnavailableError."""
        with self._connection.use() as connection, transaction(connection, mode="DEFERRED"):
            removed, since_us, oldest_us, finished_us = connection.execute(
                "SELECT removed, since_us, oldest_us, finished_at_us FROM retention"
            ).fetchone()
            pages, free, size = connection.execute(
                "SELECT page_count, freelist_count, page_size"
                " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            ).fetchone()
        since, oldest, finished = (None if us is None else moment(us) for us in (since_us, oldest_us, finished_us))
        return RetentionState(removed, since, oldest, finished, pages * size, free * size)

    def close(self) -> None:
        """Closes it."""
        self._connection.close()

    def _found(self, cutoffs: Cutoffs) -> _Found:
        """What may go of the next accounts."""
        events: list[Fact] = []
        oldest_us: int | None = None
        read = 0
        with self._connection.use() as connection, transaction(connection, mode="DEFERRED"):
            (after,) = connection.execute("SELECT after FROM retention").fetchone()
            names = _names(connection, after)
            for account_id, facts in _facts(connection, names, cutoffs):
                first = next(facts)
                oldest_us = min(first.occurred_at_us, oldest_us or first.occurred_at_us)
                counted = _Counted(chain((first,), facts))
                for each in removable(counted, cutoffs):
                    events.append(each)
                    if len(events) >= FOUND_AT_ONCE:
                        return _Found(names, events, oldest_us, whole=False, last=False)
                read += counted.number
                if read >= READ_AT_ONCE and account_id != names[-1]:
                    return _Found(_up_to(names, account_id), events, oldest_us, whole=True, last=False)
        return _Found(names, events, oldest_us, whole=True, last=len(names) < ACCOUNTS_AT_ONCE)

    def _delete(self, facts: Sequence[Fact], *, since_us: int) -> int:
        """One transaction."""
        removed = 0
        with self._writing() as connection, transaction(connection):
            there = parts(connection)
            for account_id, own in groupby(facts, key=attrgetter("account_id")):
                gone = sum(_deleted(connection, there, each) for each in own)
                for part in there:
                    connection.execute(_COUNT.format(part=part), (gone, account_id))
                removed += gone
            connection.execute(
                "UPDATE retention SET removed = removed + ?, since_us = max(ifnull(since_us, ?), ?)",
                (removed, since_us, since_us),
            )
        return removed

    def _note(self, after: str, oldest_us: int | None, *, finished: bool) -> None:
        """How far it has come. An account that was erased meanwhile must not be named again."""
        with self._writing() as connection, transaction(connection):
            known = over("SELECT account_id FROM accounts{part} WHERE account_id = ?1", parts(connection))
            connection.execute(
                f"UPDATE retention SET after = ifnull(({known}), ''),"  # noqa: S608 - fixed words only
                " oldest_so_far_us = min(ifnull(oldest_so_far_us, ?2), ifnull(?2, oldest_so_far_us))",
                (after, oldest_us),
            )
            if finished:
                connection.execute(
                    "UPDATE retention SET after = '', oldest_us = oldest_so_far_us, oldest_so_far_us = NULL,"
                    " finished_at_us = ?",
                    (microseconds(self._clock()),),
                )

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        # As for every writer: the lock outlives the transaction, since SQLite checkpoints after its own is released.
        with self._connection.use() as connection, exclusive(self._path, timeout_s=self._timeout_s):
            yield connection


def _names(connection: sqlite3.Connection, after: str) -> Sequence[str]:
    query = over(_NAMES, parts(connection), " ORDER BY account_id LIMIT ?2")
    return [row[0] for row in connection.execute(query, (after, ACCOUNTS_AT_ONCE))]


def _facts(
    connection: sqlite3.Connection, names: Sequence[str], cutoffs: Cutoffs
) -> Iterator[tuple[str, Iterator[Fact]]]:
    """Account by account, events that occurred by `since_us`, by time and id, as they are read."""
    query = over(_FACTS, parts(connection), " ORDER BY account_id, occurred_at_us, event_id")
    rows = connection.execute(query, (_json(names), cutoffs.since_us))
    return groupby(map(Fact._make, rows), key=attrgetter("account_id"))


class _Counted:
    """Facts as they are read, and how many were."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = facts
        self.number = 0

    def __iter__(self) -> Iterator[Fact]:
        for each in self._facts:
            self.number += 1
            yield each


def _up_to(names: Sequence[str], last: str) -> Sequence[str]:
    return names[: names.index(last) + 1]


def _deleted(connection: sqlite3.Connection, there: Parts, fact: Fact) -> int:
    """1 if it was there; another process may have removed it, or an erasure."""
    key = (fact.account_id, fact.occurred_at_us, fact.event_id)
    gone = sum(connection.execute(_DELETE.format(part=part), key).rowcount for part in there)
    for part in there if gone else ():
        connection.execute(_DELETE_ID.format(part=part), (fact.event_id,))
    return gone


def _json(names: Sequence[str]) -> str:
    return orjson.dumps(list(names)).decode()
