"""What a PostgreSQL writer remembers of its chain, to notice when the database has lost some of it. Talks to no server.

A standby that takes over may lack what the server before it acknowledged, and what followers and exports have read
there. They go by a writer's sequence numbers: none may stand for two records. So the chain ends there, and another
begins.
"""

import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tidegate.ledger.chain import GENESIS, Head
from tidegate.ledger.postgres_transaction import Link

REMEMBERED = 4_096
"""Transactions of which the first and the last decision id are kept (about 1 MiB): more than a standby is behind."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Records that callers were told are durable, and that the database does not have."""

    found: Head
    """Where the chain ends in the database."""
    acknowledged: Head
    """Where it ended when callers were last told."""
    days: tuple[date, date]
    """First and last UTC day that the chain had records of."""
    first_known: int
    """Sequence of the record that `first_decision_id` is of: the first lost one, if so many are remembered."""
    first_decision_id: str
    """Decision id of the first lost record that is remembered."""
    last_decision_id: str
    """Of the last lost record."""

    @property
    def records(self) -> int:
        """How many."""
        return self.acknowledged.sequence - self.found.sequence


@dataclass(frozen=True, slots=True)
class _Acknowledged:
    """One transaction's records."""

    first_sequence: int
    last_sequence: int
    first_decision_id: str
    last_decision_id: str


class OwnChain:
    """One writer's chain, as far as its own process knows."""

    def __init__(self) -> None:
        """Begins one, under an id that no writer ever had."""
        self.used = Head(uuid.uuid4().hex, 0, GENESIS)
        """Its end if all that was sent came to be: numbers up to there may have been seen, acknowledged or not."""
        self.acknowledged = self.used
        """Where it ended when callers were last told."""
        self._remembered: deque[_Acknowledged] = deque(maxlen=REMEMBERED)
        self._days: tuple[date, date] | None = None

    @property
    def writer_id(self) -> str:
        """Whose chain it is."""
        return self.used.writer_id

    def sends(self, links: Sequence[Link]) -> None:
        """From now on others may see these, whatever we hear of it."""
        if links:
            self.used = links[-1].head

    def refused(self, before: Head) -> None:
        """The server has answered that what was sent behind `before` is rolled back: nobody has seen it."""
        self.used = before

    def acknowledges(self, links: Sequence[Link]) -> None:
        """Callers are told that these are durable, and with them all before."""
        if not links:
            return
        first, last = links[0], links[-1]
        self.acknowledged = last.head
        days = [link.appended.day for link in links] + list(self._days or ())
        self._days = min(days), max(days)
        ids = first.appended.keys.decision_id, last.appended.keys.decision_id
        self._remembered.append(_Acknowledged(first.head.sequence, last.head.sequence, *ids))

    def loss(self, found: Head) -> Loss | None:
        """What is missing of what was acknowledged, where the chain ends at `found` in the database."""
        if found.sequence >= self.acknowledged.sequence or self._days is None:
            return None
        first = next(each for each in self._remembered if each.last_sequence > found.sequence)
        ids = first.first_decision_id, self._remembered[-1].last_decision_id
        return Loss(found, self.acknowledged, self._days, first.first_sequence, *ids)
