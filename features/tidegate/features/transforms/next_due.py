"""When an account's signals are to be computed again though nobody tells of anything new."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.history import EVENT_TIMESTAMP, history_schema
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, JOIN_KEY, VALID_UNTIL
from tidegate.features.transforms.columns import columns
from tidegate.features.transforms.instants import DAY_US, EPOCH, LATEST_US, MICROSECOND, NEVER, in_range

REFRESHED_AFTER_US = DAY_US
"""Account age and decayed rates slide all the time; a day is half of the views' ttl."""
_ROWS = pa.schema([history_schema(ACCOUNT_ACTIVITY).field(name) for name in (JOIN_KEY, EVENT_TIMESTAMP, VALID_UNTIL)])
_HAPPENED = pa.schema([EVENT_SCHEMA.field("account_id"), EVENT_SCHEMA.field("occurred_at_us")])


def next_due(signals: Mapping[str, pa.Table], events: pa.Table) -> Mapping[str, datetime]:
    """Says per account when it is due again.

    That is the earliest of: a windowed value changes by itself (`valid_until` of activity and enforcement); an event
    that is recorded already, but lies ahead of the row since clocks differ, takes effect; a day has passed.

    Args:
        signals: What `account_signals` gave, one instant per account.
        events: The events that it was given.

    Returns:
        By account. An account whose events all lie ahead has no row yet, and is due at the first of them.
    """
    rows = columns(signals[ACCOUNT_ACTIVITY.name], _ROWS)
    named, at = rows[JOIN_KEY], rows[EVENT_TIMESTAMP].view(pa.int64()).to_numpy()
    told = (rows, columns(signals[ACCOUNT_ENFORCEMENT.name], _ROWS))
    due = np.minimum.reduce(
        [at + REFRESHED_AFTER_US, *(each[VALID_UNTIL].fill_null(NEVER).to_numpy() for each in told)]
    )
    happened = columns(events, _HAPPENED)
    row = pc.index_in(happened["account_id"], value_set=named).fill_null(-1).to_numpy()
    occurred = in_range(happened["occurred_at_us"].to_numpy())
    ahead = (row >= 0) & (occurred > at[row]) if at.size else row >= 0
    np.minimum.at(due, row[ahead], occurred[ahead])
    dues = dict(zip(named.to_pylist(), due.tolist(), strict=True))
    unseen = np.flatnonzero(row < 0)
    for name, starts in zip(happened["account_id"].take(unseen).to_pylist(), occurred[unseen].tolist(), strict=True):
        dues[name] = min(dues.get(name, LATEST_US), starts)
    return {name: EPOCH + MICROSECOND * min(instant, LATEST_US) for name, instant in dues.items()}
