"""Hash banks in memory: for tests, and gone with the process."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, BankChange, Entry, StoredBank, StoredEntry
from tidegate.detectors.banks.columns import EntryColumns
from tidegate.detectors.banks.errors import BankExists, BankNotFound, BanksUnavailable, EntryExists
from tidegate.detectors.banks.port import Added, Changes, Revision


class MemoryBanks:
    """`HashBanks` without a disk. Set `reachable` to False for an outage."""

    def __init__(self) -> None:
        self.reachable = True
        self._lock = threading.Lock()
        self._banks: dict[str, StoredBank] = {}
        self._entries: dict[int, dict[str, StoredEntry]] = {}
        self._removals: list[int] = []
        self._changes = self._bank_number = self._entry_number = 0
        self.create(DEFAULT_BANK)

    def create(self, bank: Bank) -> StoredBank:
        """See `HashBanks.create`."""
        with self._reached():
            existing = self._banks.get(bank.id)
            if existing is not None:
                if existing.bank != bank:
                    raise BankExists
                return existing
            self._bank_number += 1
            self._changes += 1
            stored = StoredBank(self._bank_number, bank, 0, 0, datetime.now(UTC))
            self._banks[bank.id] = stored
            self._entries[stored.number] = {}
            return stored

    def update(self, bank_id: str, change: BankChange) -> StoredBank:
        """See `HashBanks.update`."""
        with self._reached():
            stored = self._found(bank_id)
            self._changes += 1
            self._banks[bank_id] = replace(stored, bank=change.of(stored.bank))
            return self._found(bank_id)

    def delete(self, bank_id: str) -> StoredBank:
        """See `HashBanks.delete`."""
        with self._reached():
            stored = self._found(bank_id)
            self._changes += 1
            del self._banks[bank_id], self._entries[stored.number]
            return stored

    def banks(self) -> tuple[StoredBank, ...]:
        """See `HashBanks.banks`."""
        with self._reached():
            return self._all()

    def add(self, bank_id: str, entries: Sequence[Entry]) -> Added:
        """See `HashBanks.add`."""
        with self._reached():
            bank = self._found(bank_id).number
            new: dict[str, Entry] = {}
            for entry in entries:
                existing = self._entries[bank].get(entry.id)
                known = new.get(entry.id) if existing is None else existing.entry
                if known is None:
                    new[entry.id] = entry
                elif known != entry:
                    raise EntryExists(entry.id)
            for entry in new.values():
                self._entry_number += 1
                self._entries[bank][entry.id] = StoredEntry(self._entry_number, bank, entry)
            self._changes += bool(new)
            return Added(len(new), len(entries) - len(new))

    def remove(self, bank_id: str, entry_ids: Sequence[str]) -> int:
        """See `HashBanks.remove`."""
        with self._reached():
            held = self._entries[self._found(bank_id).number]
            gone = [held.pop(entry_id).number for entry_id in dict.fromkeys(entry_ids) if entry_id in held]
            self._removals += gone
            self._changes += bool(gone)
            return len(gone)

    def entries(self, bank_id: str, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
        """See `HashBanks.entries`."""
        with self._reached():
            held = self._entries[self._found(bank_id).number].values()
            return tuple(entry for entry in held if entry.number > after)[:limit]

    def changes_since(self, seen: Revision | None) -> Changes | None:
        """See `HashBanks.changes_since`."""
        with self._reached():
            now = Revision(f"memory {id(self)}", self._changes, self._entry_number, len(self._removals))
            if seen == now:
                return None
            since = seen if seen is not None and seen.store == now.store else None
            everything = sorted((each for held in self._entries.values() for each in held.values()), key=_number)
            return Changes(
                revision=now,
                complete=since is None,
                banks=self._all(),
                added=EntryColumns.of(
                    (each.number, each.bank, each.entry.id, b"".join(each.entry.hashes))
                    for each in everything
                    if since is None or each.number > since.last_entry
                ),
                removed=() if since is None else tuple(self._removals[since.last_removal :]),
            )

    def _reached(self) -> threading.Lock:
        if not self.reachable:
            raise BanksUnavailable
        return self._lock

    def _found(self, bank_id: str) -> StoredBank:
        if bank_id not in self._banks:
            raise BankNotFound
        stored = self._banks[bank_id]
        held = self._entries[stored.number].values()
        return replace(stored, entries=len(held), hashes=sum(len(each.entry.hashes) for each in held))

    def _all(self) -> tuple[StoredBank, ...]:
        return tuple(self._found(bank_id) for bank_id in self._banks)


def _number(entry: StoredEntry) -> int:
    return entry.number
