"""Everything held on an account, entry by entry, in the order of `Store`: what an access request is answered from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from tidegate.accounts.held import Store
from tidegate.accounts.ledger_records import decided_at
from tidegate.accounts.stores import AccountStores
from tidegate.enrichment.freshness import StoredRow, signals_of
from tidegate.features.events.columns import events_of, moment
from tidegate.features.events.document import document_of
from tidegate.features.history import EVENT_TIMESTAMP

FORMAT = "tidegate.account-export/1"
"""Name of the format."""

_NAMING = ("account_id", "counterpart_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, row or record."""

    store: Store
    """Where it lies."""
    at: datetime | None
    """When it happened, was true or was decided, UTC."""
    content: Mapping[str, Any]
    """It, as plain data: an event as `tidegate events load` takes it, a row with freshness, a record as recorded."""


def entries(stores: AccountStores, account_id: str, *, now: datetime) -> Iterator[Entry]:
    """All of it. An account of which nothing is held has none.

    Raises:
        AccountStoreUnavailableError: A store can't be read; what came before is whole.
    """
    yield from _events(Store.EVENTS, stores.events.own(account_id))
    yield from _events(Store.EVENTS_OF_OTHERS, stores.events.of_others(account_id))
    for row in stores.online.rows(account_id):
        yield Entry(Store.ONLINE, row.event_time, _online(row, now))
    for offline in stores.offline.rows(account_id):
        yield Entry(Store.OFFLINE, offline.values[EVENT_TIMESTAMP], {"file": offline.file, "values": offline.values})
    for record in stores.ledger.records(account_id):
        yield Entry(Store.DECISIONS, decided_at(record), record)


def _events(store: Store, table: pa.Table) -> Iterator[Entry]:
    for event, recorded_at_us in zip(events_of(table), table["recorded_at_us"].to_pylist(), strict=True):
        yield Entry(store, event.occurred_at, {**document_of(event), "recorded_at": moment(recorded_at_us)})


def _online(row: StoredRow, now: datetime) -> dict[str, Any]:
    """The values as the router would get them now."""
    return {
        "view": row.view.name,
        "event_time": row.event_time,
        "valid_until": row.valid_until,
        "values": [
            {"name": value.name, "value": value.value, "freshness": value.freshness}
            for value in signals_of([row], now=now).values
        ],
    }


class OthersMasked:
    """Puts `other-1`, `other-2`, … for other accounts: who reported somebody is not that somebody's to know."""

    def __init__(self, account_id: str) -> None:
        """Of whom an export is."""
        self._names = {account_id: account_id}

    def __call__(self, entry: Entry) -> Entry:
        """The entry with masked names; the same account has the same mask in all of them."""
        if entry.store not in {Store.EVENTS, Store.EVENTS_OF_OTHERS}:
            return entry
        masked = {name: self._mask(value) for name, value in entry.content.items() if name in _NAMING and value}
        return Entry(entry.store, entry.at, {**entry.content, **masked})

    def _mask(self, name: str) -> str:
        return self._names.setdefault(name, f"other-{len(self._names)}")
