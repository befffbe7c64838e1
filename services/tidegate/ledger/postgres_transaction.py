"""What callers ask of one PostgreSQL transaction. It is collected first and sent together.

Stands between group commit's callers and `postgres_writer`: nothing here talks to the server.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from tidegate.ledger.chain import Head
from tidegate.ledger.postgres_partitions import day_of
from tidegate.ledger.record_keys import RecordKeys
from tidegate.moderation.errors import IdempotencyKeyReused, LedgerUnavailable, TidegateError

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Appended:
    """One record on its way. What became of it is known once the transaction is durable."""

    keys: RecordKeys
    """What it is found by."""
    payload: bytes
    """It, in canonical form."""
    kept: bytes | None = None
    """What the ledger holds for it: it, or the earlier record of its idempotency key."""
    error: TidegateError | None = None
    """Why it is not recorded."""

    @property
    def day(self) -> date:
        """Its partition."""
        return day_of(self.keys.decided_at_us)

    @property
    def is_settled(self) -> bool:
        """Whether it needs no recording."""
        return self.kept is not None or self.error is not None

    def record(self) -> bytes:
        """What is kept. Raises IdempotencyKeyReused, or LedgerUnavailable if another record has its id."""
        if self.error is not None:
            raise self.error
        assert self.kept is not None, "asked before the commit"
        return self.kept

    def stands_for(self, fingerprint: str, payload: bytes) -> None:
        """An earlier record has the key: it is the answer, if it is of the same content."""
        if fingerprint == self.keys.fingerprint:
            self.kept = payload
        else:
            self.error = IdempotencyKeyReused()

    def has_id_of(self, payload: bytes) -> None:
        """An earlier record has the id: it may be the very same. Anything else is a broken id generator."""
        if payload == self.payload:
            self.kept = payload
        else:
            _log.error("ledger.decision_id_not_unique", extra={"decision_id": self.keys.decision_id})
            self.error = LedgerUnavailable()


@dataclass(frozen=True, slots=True)
class Link:
    """A record at its place in the chain."""

    appended: Appended
    """It."""
    previous_hash: bytes
    """Of the record before."""
    head: Head
    """Where the chain ends with it."""


@dataclass(slots=True)
class PostgresTransaction:
    """What a caller's work may do in a transaction."""

    appended: list[Appended] = field(default_factory=list)
    """Records, in the order in which callers came."""
    policies: dict[str, str] = field(default_factory=dict)
    """Documents to keep, by digest."""
    probes: bool = False
    """Whether to write a probe."""

    def append(self, keys: RecordKeys, payload: bytes) -> Appended:
        """Adds a record, unless its idempotency key already stands for one."""
        made = Appended(keys, payload)
        self.appended.append(made)
        return made

    def keep_policies(self, documents: Mapping[str, str]) -> None:
        """Adds those that are not there yet."""
        self.policies.update(documents)

    def probe(self) -> None:
        """Writes as much as a large record takes."""
        self.probes = True

    @property
    def is_empty(self) -> bool:
        """Nothing is to be written."""
        return not (self.appended or self.policies or self.probes)

    def reset(self) -> None:
        """Forgets what an attempt found out: the next one looks again."""
        for each in self.appended:
            each.kept = each.error = None

    def chained(self, head: Head) -> list[Link]:
        """What is still to be recorded, chained to `head`. Repeats within the transaction find the first."""
        links: list[Link] = []
        by_key: dict[str, Appended] = {}
        by_id: dict[str, Appended] = {}
        for each in self.appended:
            if each.is_settled:
                continue
            keys = each.keys
            if keys.idempotency_key and (first := by_key.get(keys.idempotency_key)) is not None:
                each.stands_for(first.keys.fingerprint, first.payload)
                continue
            if (first := by_id.get(keys.decision_id)) is not None:
                each.has_id_of(first.payload)
                continue
            by_id[keys.decision_id] = each
            if keys.idempotency_key:
                by_key[keys.idempotency_key] = each
            following = head.next(each.payload)
            links.append(Link(each, head.hash, following))
            head = following
        return links
