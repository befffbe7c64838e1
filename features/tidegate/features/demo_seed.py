"""Demo accounts into a repository: their events into the log, and by hand the rows of those that are not in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.demo_accounts import (
    DEMO_ACCOUNTS,
    STALE_ACCOUNT,
    STALE_FOR,
    UNLOGGED_ACCOUNTS,
    demo_events,
)
from tidegate.features.events.columns import events_of, microseconds
from tidegate.features.events.log import Appended, EventLog
from tidegate.features.generator import generate_events
from tidegate.features.online_writer import OnlineWriter
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_PROFILE, ACCOUNT_RISK, JOIN_KEY
from tidegate.features.risk import RiskModel
from tidegate.features.transforms.account_signals import account_signals, next_due

_EVENTS_AT_ONCE = 2_000
_ACCOUNTS_AT_ONCE = 1_000


class DemoEventsRefusedError(Exception):
    """The log holds other events under the ids of demo events."""


@dataclass(frozen=True, slots=True)
class AppendedEvents:
    """What became of the demo events."""

    events: int
    """How many there are."""
    new: int
    """How many the log did not have."""


def append(log: EventLog, *, count: int, random_seed: int, now: datetime) -> AppendedEvents:
    """Puts the events of the named accounts and of `count` generated ones into the log.

    Accounts that were erased stay so: made-up events of them, or naming them, are left out, also those that would have
    happened since.

    Raises:
        DemoEventsRefusedError: Some ids are taken by other events.
        EventLogUnavailableError: The rest is not recorded; the same call goes on.
    """
    events = pa.concat_tables(
        [demo_events(DEMO_ACCOUNTS, now=now), generate_events(count, seed=random_seed, now=now)]
    ).sort_by("account_id")
    events = _without_erased(events, log)
    new = conflicts = 0
    for start in range(0, events.num_rows, _EVENTS_AT_ONCE):
        answers = log.append([*events_of(events.slice(start, _EVENTS_AT_ONCE))], recorded_at=now)
        new += sum(answer is Appended.NEW for answer in answers)
        conflicts += sum(answer is Appended.CONFLICT for answer in answers)
    if conflicts:
        raise DemoEventsRefusedError(
            f"{conflicts} of {events.num_rows} demo events have ids of other events in the log"
        )
    return AppendedEvents(events.num_rows, new)


def versions(log: EventLog, *, count: int) -> Mapping[str, int]:
    """The demo accounts' versions, to be read before their history is."""
    ids = [account.account_id for account in DEMO_ACCOUNTS] + [f"acct-{number:05d}" for number in range(1, count + 1)]
    return log.versions(ids)


def note_computed(log: EventLog, seen: Mapping[str, int], *, now: datetime) -> None:
    """Notes when the accounts are due again: a stream processor that starts next has nothing to do for them at once."""
    ids = [name for name, version in seen.items() if version]
    for start in range(0, len(ids), _ACCOUNTS_AT_ONCE):
        page = ids[start : start + _ACCOUNTS_AT_ONCE]
        events = log.history(page, known_at=now)
        due = next_due(account_signals(events, _asked(page, now)), events)
        log.computed(due, seen={name: seen[name] for name in due})


def write_unlogged(writer: OnlineWriter, log: EventLog, *, now: datetime, risk: RiskModel) -> None:
    """Writes the rows of `UNLOGGED_ACCOUNTS`, unless they were erased."""
    names = [account.account_id for account in UNLOGGED_ACCOUNTS]
    there = [name for name in names if name not in log.erased(names)]
    events = demo_events(UNLOGGED_ACCOUNTS, now=now)
    profiles = account_signals(events, _asked(there, now))[ACCOUNT_PROFILE.name]
    writer.write(ACCOUNT_PROFILE, profiles)
    writer.write(ACCOUNT_RISK, risk.score(profiles))
    stale = account_signals(events, _asked([name for name in there if name == STALE_ACCOUNT], now - STALE_FOR))
    for view in (ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT):
        writer.write(view, stale[view.name])


def _without_erased(events: pa.Table, log: EventLog) -> pa.Table:
    columns = (events["account_id"], events["counterpart_id"])
    names = sorted({name for column in columns for name in pc.unique(column).to_pylist()})
    erased = pa.array(log.erased(names), pa.string())
    gone = pc.or_(*(pc.is_in(column, erased) for column in columns))
    return events.filter(pc.invert(gone))


def _asked(account_ids: list[str], at: datetime) -> pa.Table:
    names = pa.array(account_ids, pa.string())
    return pa.table({JOIN_KEY: names, "at_us": pa.array([microseconds(at)] * len(names), pa.int64())})
