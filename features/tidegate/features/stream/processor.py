"""Brings the signals of due accounts up to date: event log in, online store out. No threads here (`processor_loop`).

    due accounts → versions → history → transforms → risk → online store → when each is due again

An account stays due in the log until its rows are written, so nothing is lost with a store that is gone or a process
that is killed. Rows are as of the moment of computing, which only moves forward: the store keeps the newest row.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.log import EventLog
from tidegate.features.online_writer import OnlineWriter
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.risk import RiskModel
from tidegate.features.stream.computation import Computation, Signals, Transforms
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.histories import Histories
from tidegate.features.transforms.account_signals import account_signals, next_due

MOST_EVENTS = 50_000
"""Events read in a round, unless one account alone has more: bounds memory, and how long the next account waits."""
SPACING = timedelta(seconds=30)
"""An account to which nothing happens is computed no more often. Readers take a row for 2 minutes past its promise."""
RETRY = timedelta(minutes=10)
"""When an account whose events could not be computed is tried again, if nothing happens to it before."""
HOT_EVENTS = 5_000
"""From so many events on, an account is paced."""
PACE = 19.0
"""So many times as long as a round with paced accounts took, all of them wait before the next such round: their signals
stay exact, come later, and take a twentieth of the loop's time however many they are. With 100,000 events a round takes
0.1 s of one core, and 0.7 s where they have to be read first."""

_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Applied:
    """What a round did."""

    accounts: int
    """Accounts whose rows are in the online store now."""
    failed: int
    """Accounts that could not be computed and are tried again later."""
    more: bool
    """Others were due at once, too many for the round."""


class SignalProcessor:
    """One per event log. `apply_due` is for one thread at a time; `touched` may be called from any."""

    def __init__(
        self,
        log: EventLog,
        writer: OnlineWriter,
        risk: RiskModel,
        *,
        clock: Callable[[], datetime],
        fresh: FreshlyTouched | None = None,
        transforms: Transforms = account_signals,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wires the processor.

        Args:
            log: Says who is due and what happened to them.
            writer: Takes the rows.
            risk: Scores profiles.
            clock: The time, UTC.
            fresh: Accounts to take first.
            transforms: The definition of the signals, for tests of what happens when it raises.
            monotonic: Seconds that only grow, to measure rounds with.
        """
        self._log = log
        self._writer = writer
        self._histories = Histories(log)
        self._computation = Computation(transforms, risk)
        self._clock = clock
        self._monotonic = monotonic
        self._fresh = fresh or FreshlyTouched()
        self._last = _EPOCH
        self._hot: set[str] = set()
        self._hot_until = _EPOCH

    def apply_due(self, limit: int = 256) -> Applied:
        """One round over at most `limit` accounts: the freshly touched first, a quarter kept for all who are due.

        Raises:
            EventLogUnavailableError: The log can't be read or noted in; nothing is lost.
            OnlineStoreUnavailableError: The store did not take the rows; the accounts stay due.
        """
        at, started = self._instant(), self._monotonic()
        fresh = self._fresh.take(limit - limit // 4)
        try:
            applied, paced = self._apply(at, fresh, limit)
        except BaseException:
            self._fresh.put_back(fresh)
            raise
        if paced:
            self._hot_until = at + PACE * timedelta(seconds=self._monotonic() - started)
        return applied

    def _apply(self, at: datetime, fresh: list[str], limit: int) -> tuple[Applied, bool]:
        """What was done, and whether with paced accounts."""
        chosen, left, paced = self._chosen(at, fresh, limit)
        self._fresh.put_back(left)
        if not chosen:
            return Applied(0, 0, more=bool(left)), False
        events, seen = self._histories.read(chosen)
        computed = self._computation.run(events, chosen, at_us=_us(at))
        self._write(computed.signals)
        self._withdraw_erased(chosen)
        due = dict.fromkeys(chosen, at + RETRY)
        if computed.signals:
            sound = _without(computed.failed, events)
            due |= _spaced(next_due(computed.signals, sound), sound, at)
        self._log.computed(due, seen=seen)
        written = len(chosen) - len(computed.failed)
        more = bool(left) or len(chosen) >= limit - limit // 4
        return Applied(written, len(computed.failed), more), paced

    def _chosen(self, at: datetime, fresh: list[str], limit: int) -> tuple[list[str], list[str], bool]:
        """The round's accounts, the fresh ones left for later, and whether paced ones are among the first."""
        if at >= self._hot_until:
            self._hot.clear()
        due = self._log.due(now=at, limit=limit - len(fresh) + len(self._hot))
        held = self._log.held(list({*fresh, *due} - self._hot))
        hot = self._hot_chosen(at, {each: held.get(each, 0) for each in (*due, *fresh)})
        chosen, events = list(hot), 0
        for account_id in dict.fromkeys((*fresh, *due)):
            count = held.get(account_id, 0)
            if not count or count > HOT_EVENTS:  # erased meanwhile, or paced
                continue
            events += count
            if chosen and events > MOST_EVENTS:
                break
            chosen.append(account_id)
        taken = {*chosen, *self._hot}
        return chosen, [each for each in fresh if each not in taken and held.get(each)], bool(hot)

    def _hot_chosen(self, at: datetime, held: Mapping[str, int]) -> list[str]:
        """Paced accounts whose turn it is, the longest overdue first; the others are noted as waiting."""
        chosen: list[str] = []
        events = 0
        for account_id, count in held.items():
            if count <= HOT_EVENTS:
                continue
            if at < self._hot_until or (chosen and events + count > MOST_EVENTS):
                self._hot.add(account_id)
                continue
            chosen.append(account_id)
            events += count
        return chosen

    def _write(self, signals: Signals) -> None:
        if signals:
            self._writer.write_views({view: signals[view.name] for view in ACCOUNT_SIGNALS_V2.views})

    def _withdraw_erased(self, account_ids: list[str]) -> None:
        """An erasure deletes from the log first and from the store second: what came in between must go again."""
        left = self._log.versions(account_ids)
        erased = [account_id for account_id in account_ids if not left.get(account_id)]
        if erased:
            self._writer.delete(erased)

    def _instant(self) -> datetime:
        """Now, and later than ever before: stores ignore a row that is no newer than what they hold."""
        self._last = max(self._clock(), self._last + _MICROSECOND)
        return self._last


def _without(account_ids: frozenset[str], events: pa.Table) -> pa.Table:
    if not account_ids:
        return events
    return events.filter(pc.invert(pc.is_in(events["account_id"], pa.array(account_ids, pa.string()))))


def _spaced(due: Mapping[str, datetime], events: pa.Table, at: datetime) -> dict[str, datetime]:
    """No sooner than `SPACING`, but for accounts with an event ahead of our clock: that takes effect when it is due."""
    ahead = set(events.filter(pc.greater(events["occurred_at_us"], _us(at)))["account_id"].to_pylist())
    return {
        account_id: instant if account_id in ahead else max(instant, at + SPACING)
        for account_id, instant in due.items()
    }


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
