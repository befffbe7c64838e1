"""Decisions whose signals can still be computed: retention removes what no signal of later instants reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa

from tidegate.features.events.log import EventLog
from tidegate.moderation.decision import DecisionRecord

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Answerable:
    """Of some decisions, those to go on with."""

    records: Sequence[DecisionRecord]
    """In their order."""
    events: pa.Table
    """Every event of their accounts, in `EVENT_SCHEMA`."""
    left_out: int
    """How many of the decisions are not among them."""
    since: datetime | None
    """Decisions before are left out; None where no event was removed."""


def answerable(records: Sequence[DecisionRecord], log: EventLog, *, back: timedelta = _MICROSECOND) -> Answerable:
    """Reads the accounts' events, and leaves out decisions for which they may not be all.

    Args:
        records: From the ledger.
        log: Of the same installation.
        back: How long before a decision signals are asked for.

    Raises:
        EventLogUnavailableError: The log can't be read.
    """
    events = log.history(sorted({record.account_id for record in records}))
    since = log.signals_since()  # asked after: what is removed from now on was read
    if since is None:
        return Answerable(records, events, 0, None)
    first = since + back
    kept = [record for record in records if record.decided_at >= first]
    return Answerable(kept, events, len(records) - len(kept), first)
