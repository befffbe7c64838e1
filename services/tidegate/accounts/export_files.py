"""What is held on an account as one document, as lines, as a summary; and as a file for its owner's eyes."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from tidegate.accounts.export import FORMAT, Entry, entries
from tidegate.accounts.held import AccountPlaces, Span, Store
from tidegate.accounts.stores import AccountStores

LINES = ".jsonl"
"""End of the name of a file that gets JSON Lines."""


@dataclass(frozen=True, slots=True)
class Export:
    """All of it, as of one look."""

    account_id: str
    """Whose."""
    exported_at: datetime
    """When it was looked up, UTC."""
    erased_at: datetime | None
    """Until when the account was erased, UTC; None if it never was."""
    entries: Sequence[Entry]
    """In the order of `Store`."""

    def masked(self, mask: Callable[[Entry], Entry]) -> "Export":
        """The same with every entry as `mask` gives it back."""
        return replace(self, entries=[mask(entry) for entry in self.entries])

    def spans(self) -> Mapping[Store, Span]:
        """How much there is, by store; every store is named."""
        spans = dict.fromkeys(Store, Span())
        for entry in self.entries:
            spans[entry.store] = spans[entry.store].with_one(entry.at)
        return spans

    def summary(self) -> dict[str, Any]:
        """Without the entries."""
        return {
            "format": FORMAT,
            "account_id": self.account_id,
            "exported_at": self.exported_at,
            "erased_at": self.erased_at,
            "held": {store.value: asdict(span) for store, span in self.spans().items()},
        }

    def document(self) -> dict[str, Any]:
        """One object with a list of entries for each store."""
        lists: dict[str, Any] = {store.value: [] for store in Store}
        for entry in self.entries:
            lists[entry.store.value].append(entry.content)
        return {**self.summary(), **lists}

    def lines(self) -> Iterator[dict[str, Any]]:
        """The summary, then each entry with its store."""
        yield self.summary()
        for entry in self.entries:
            yield {"store": entry.store.value, _KEYS[entry.store]: entry.content}


_KEYS = {
    Store.EVENTS: "event",
    Store.EVENTS_OF_OTHERS: "event",
    Store.ONLINE: "row",
    Store.OFFLINE: "row",
    Store.DECISIONS: "record",
}


def collected(places: AccountPlaces, account_id: str, *, now: datetime) -> Export:
    """Reads every store. Raises AccountStoreUnavailableError."""
    stores = AccountStores(places)
    erased_at = stores.erased_at(account_id)
    return Export(account_id, now, erased_at, list(entries(stores, account_id, now=now)))


def write_export(path: Path, export: Export) -> None:
    """All of it or none, in place of what is there. Raises OSError."""
    documents = export.lines() if path.suffix == LINES else [export.document()]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for document in documents:
                file.write(line_of(document))
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def line_of(document: Mapping[str, Any]) -> bytes:
    """A line of JSON; times in RFC 3339."""
    return orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
