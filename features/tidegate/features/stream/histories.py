"""Events of the accounts that are computed again and again, kept, so that each is read about once.

An account's events up to a little before its newest are kept here; those after that are read every time, since events
of one account come from several senders, and not in the order in which they occurred. That none came in among the kept
ones is certain: log and account agree on how many there are (`Reading.versions`), and none was removed since. If not,
all are read again.
"""

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tidegate.features.events.log import EVENT_SCHEMA, EVERYTHING, EventLog

SETTLED_AFTER_US = 2_000_000
"""How long before the newest event of an account the kept ones end: senders' clocks differ, and so do their ways."""
FEWEST_NEW = 4
"""Events that are read every time until so many can be kept: keeping some costs as much as reading five."""
MOST_EVENTS = 200_000
"""Kept of all accounts together, about 300 bytes each."""
UNUSED_S = 60.0
"""After which an account's events are given up: names of erased accounts don't stay in memory either."""


@dataclass(slots=True)
class _Kept:
    """An account's first events."""

    events: Any
    """All up to an instant, a record batch in `EVENT_SCHEMA`, in order."""
    until_us: int
    """That instant, microseconds since 1970 UTC."""
    used_s: float
    """When they were asked for last."""
    removed: int
    """How many of the account's events had been removed for their age when these were read."""


class _Later:
    """An account's other events: rows of one record batch that holds those of many accounts."""

    __slots__ = ("_batch", "_occurred", "_recorded", "_start", "count")

    def __init__(self, batch: Any, occurred: Any, recorded: Any, start: int, count: int) -> None:
        self._batch, self._occurred, self._recorded = batch, occurred, recorded
        self._start = start
        self.count = count

    def events(self) -> Any:
        """All of them."""
        return self._batch.slice(self._start, self.count)

    def settled(self) -> tuple[int, int]:
        """How many of them have settled, and the instant up to which those are all."""
        last = self._start + self.count - 1
        newest = min(self._occurred[last], self._recorded[last])  # one from a clock ahead of ours settles later
        until_us = int(newest) - SETTLED_AFTER_US
        occurred = self._occurred[self._start : last + 1]
        return int(occurred.searchsorted(until_us, side="right")), until_us

    def first(self, count: int) -> Any:
        """The first so many."""
        return self._batch.slice(self._start, count)


class Histories:
    """Reads events of accounts. For one thread at a time."""

    def __init__(self, log: EventLog, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is kept yet.

        Args:
            log: Where to read.
            monotonic: Seconds that only grow.
        """
        self._log = log
        self._monotonic = monotonic
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._events = 0
        self._epoch = ""

    def read(self, account_ids: Sequence[str]) -> tuple[pa.Table, Mapping[str, int]]:
        """All events of the accounts, account by account as asked, and the versions that they are of.

        Raises:
            EventLogUnavailableError: The log can't be read.
        """
        now_s = self._monotonic()
        self._give_up(unused_since_s=now_s - UNUSED_S)
        asked = {each: self._kept[each].until_us if each in self._kept else EVERYTHING for each in account_ids}
        reading = self._log.later(asked)
        if reading.epoch != self._epoch:
            self._forget(list(self._kept))
            self._epoch = reading.epoch
        later, versions, removed = dict(_by_account(reading.events)), dict(reading.versions), dict(reading.removed)
        kept = (each for each in asked if asked[each] != EVERYTHING)
        again = [each for each in kept if not self._whole(each, later, versions[each], removed[each])]
        if again:
            self._forget(again)
            reading = self._log.later(dict.fromkeys(again, EVERYTHING))
            later = {each: rows for each, rows in later.items() if each not in again} | dict(
                _by_account(reading.events)
            )
            versions.update(reading.versions)
            removed.update(reading.removed)
        taken = (self._taken(each, later.get(each), versions[each], removed[each], now_s) for each in asked)
        parts = [part for each in taken for part in each]
        return pa.Table.from_batches([pa.concat_batches(parts)] if parts else [], EVENT_SCHEMA), versions

    def _whole(self, account_id: str, later: Mapping[str, _Later], version: int, removed: int) -> bool:
        """Whether kept and later events are all that there are."""
        kept, rows = self._kept.get(account_id), later.get(account_id)
        if kept is None or kept.removed != removed:
            return False
        return bool(kept.events.num_rows + (rows.count if rows else 0) == version - removed)

    def _taken(self, account_id: str, later: _Later | None, version: int, removed: int, now_s: float) -> list[Any]:
        """The account's events in order. Keeps what need not be read again."""
        kept = self._kept.pop(account_id, None)
        parts = [kept.events] if kept else []
        if later:
            parts.append(later.events())
        before = kept.events.num_rows if kept else 0
        if before + (later.count if later else 0) != version - removed:  # it was erased once, and is never kept
            self._events -= before
            return parts
        settled, until_us = later.settled() if later else (0, 0)
        if later and settled >= FEWEST_NEW:
            # Joined, thus copied: a slice alone would hold on to all that was read with it.
            joined = pa.concat_batches([kept.events if kept else _NONE, later.first(settled)])
            kept = _Kept(joined, until_us, now_s, removed)
            self._events += settled
        if kept:
            kept.used_s = now_s
            self._kept[account_id] = kept
        while self._events > MOST_EVENTS:
            self._forget([next(iter(self._kept))])
        return parts

    def _give_up(self, *, unused_since_s: float) -> None:
        unused = itertools.takewhile(lambda each: each[1].used_s < unused_since_s, self._kept.items())
        self._forget([account_id for account_id, _ in unused])

    def _forget(self, account_ids: Sequence[str]) -> None:
        for account_id in account_ids:
            kept = self._kept.pop(account_id, None)
            self._events -= kept.events.num_rows if kept else 0


_NONE = pa.RecordBatch.from_pylist([], schema=EVENT_SCHEMA)


def _by_account(events: pa.Table) -> Iterator[tuple[str, _Later]]:
    if not events.num_rows:
        return
    (batch,) = events.combine_chunks().to_batches()
    occurred, recorded = (batch.column(name).to_numpy() for name in ("occurred_at_us", "recorded_at_us"))
    start = 0
    for account_id, rows in itertools.groupby(batch.column("account_id").to_pylist()):
        count = sum(1 for _ in rows)
        yield account_id, _Later(batch, occurred, recorded, start, count)
        start += count
