"""Events in the one order that every signal is computed in: account, time, event id; each id once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.event import EventKind
from tidegate.features.events.log import EVENT_SCHEMA
from tidegate.features.transforms.columns import columns, known_codes
from tidegate.features.transforms.instants import Bools, Ints, in_range

KINDS = tuple(EventKind)
"""Kinds by code."""


@dataclass(frozen=True, slots=True)
class OrderedEvents:
    """Events of the accounts asked about, one element per event in every array.

    The order is total, so what is summed, or taken for the latest, is the same however the events came.
    """

    columns: Mapping[str, Any]
    """The events as they came: Arrow arrays by name in `EVENT_SCHEMA`."""
    origin: Ints
    """Row in `columns`."""
    account: Ints
    """Number of the account among those asked about; never falls."""
    kind: Ints
    """Index in `KINDS`."""
    occurred: Ints
    """Microseconds since 1970 UTC."""
    recorded: Ints
    """Microseconds since 1970 UTC."""

    def rows(self, *kinds: EventKind) -> Ints:
        """Rows of these kinds."""
        return np.flatnonzero(of_kinds(*kinds)[self.kind])

    def values(self, name: str, rows: Ints) -> Any:
        """The column `name` at these rows, as an Arrow array."""
        return self.columns[name].take(pa.array(self.origin[rows]))

    def numbers(self, name: str, rows: Ints) -> Any:
        """The column `name` of numbers at these rows, as a numpy array; it has no nulls."""
        return self.columns[name].to_numpy()[self.origin[rows]]

    def codes(self, name: str, rows: Ints) -> Ints:
        """The string column `name` at these rows as numbers: equal for equal strings, -1 at all other rows."""
        codes = np.full(self.origin.size, -1)
        if rows.size:
            codes[rows] = self.values(name, rows).dictionary_encode().indices.to_numpy()
        return codes


@cache
def _kind_names() -> Any:
    return pa.array([kind.value for kind in KINDS])  # made when it is needed: Arrow imports pandas for it


@cache
def of_kinds(*kinds: EventKind) -> Bools:
    """By kind's code: whether it is one of these."""
    return np.array([kind in kinds for kind in KINDS])


def ordered_events(events: pa.Table, accounts: Any) -> OrderedEvents:
    """Puts events into order, leaving out those of other accounts and all but the first recorded of an id.

    Args:
        events: In `events.log.EVENT_SCHEMA`, in any order.
        accounts: Arrow array of the accounts asked about, each once.

    Raises:
        EventColumnsError: A column is not as in the schema, or an event has a kind that is not in `EventKind`.
    """
    told = columns(events, EVENT_SCHEMA)
    account = pc.index_in(told["account_id"], value_set=accounts).fill_null(-1).to_numpy().astype(np.int64)
    occurred = in_range(told["occurred_at_us"].to_numpy())
    recorded = told["recorded_at_us"].to_numpy()
    order = np.arange(account.size)
    if account.size and account.min() < 0:
        order = np.flatnonzero(account >= 0)
    if not _in_order(account[order], occurred[order]):
        order = order[np.lexsort((occurred[order], account[order]))]
    order = _settled(told["event_id"], order, account, occurred, recorded)
    kind = known_codes(told["kind"], _kind_names(), "kind")
    return OrderedEvents(told, order, account[order], kind[order], occurred[order], recorded[order])


def _in_order(account: Ints, occurred: Ints) -> bool:
    same, before = account[1:] == account[:-1], account[1:] > account[:-1]
    return bool(np.all(before | (same & (occurred[1:] >= occurred[:-1]))))


def _settled(ids: Any, order: Ints, account: Ints, occurred: Ints, recorded: Ints) -> Ints:
    """The order, with events of one account at one instant by id, and repeats of an id dropped.

    Ids are long and ties are few: only tied events have theirs compared.
    """
    account, occurred, recorded = account[order], occurred[order], recorded[order]
    tied_to_next = (account[1:] == account[:-1]) & (occurred[1:] == occurred[:-1])
    first = np.flatnonzero(tied_to_next)
    if not first.size:
        return order
    if pc.all(pc.less(ids.take(pa.array(order[first])), ids.take(pa.array(order[first + 1])))).as_py():
        return order
    tied = np.zeros(order.size, dtype=np.bool_)
    tied[first] = tied[first + 1] = True
    places = np.flatnonzero(tied)
    starts = np.concatenate(([True], ~tied_to_next))
    group = np.cumsum(starts)[places]
    names = ids.take(pa.array(order[places]))
    keys = pa.table({"group": group, "id": names, "recorded": recorded[places]})
    sorted_ = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]).to_numpy()
    settled = order.copy()
    settled[places] = order[places][sorted_]
    names = names.take(pa.array(sorted_))
    repeats = pc.equal(names[1:], names[:-1]).to_numpy(zero_copy_only=False) & (group[1:] == group[:-1])
    kept = np.ones(order.size, dtype=np.bool_)
    kept[places[1:][repeats]] = False
    return settled[kept]
