"""When an account's signals are to be computed again though nobody tells of anything new."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, JOIN_KEY, VALID_UNTIL
from tidegate.features.transforms.columns import column, int_column
from tidegate.features.transforms.instants import DAY_US, EPOCH, LATEST_US, MICROSECOND, NEVER, in_range

REFRESHED_AFTER_US = DAY_US
"""Account age and decayed rates slide all the time; a day is half of the views' ttl."""


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
    activity, enforcement = signals[ACCOUNT_ACTIVITY.name], signals[ACCOUNT_ENFORCEMENT.name]
    named = column(activity, JOIN_KEY)
    at = column(activity, EVENT_TIMESTAMP).cast(pa.int64()).to_numpy()
    changes = [column(table, VALID_UNTIL).fill_null(NEVER).to_numpy() for table in (activity, enforcement)]
    due = np.minimum.reduce([at + REFRESHED_AFTER_US, *changes])
    names = column(events, "account_id")
    row = pc.index_in(names, value_set=named).fill_null(-1).to_numpy()
    occurred = in_range(int_column(events, "occurred_at_us"))
    ahead = (row >= 0) & (occurred > at[row]) if at.size else row >= 0
    np.minimum.at(due, row[ahead], occurred[ahead])
    dues = dict(zip(named.to_pylist(), due.tolist(), strict=True))
    for place in np.flatnonzero(row < 0).tolist():
        name = names[place].as_py()
        dues[name] = min(dues.get(name, LATEST_US), int(occurred[place]))
    return {name: EPOCH + MICROSECOND * min(instant, LATEST_US) for name, instant in dues.items()}
