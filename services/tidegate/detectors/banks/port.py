"""The port to the store of hash banks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.detectors.banks.bank import Bank, BankChange, Entry, StoredBank, StoredEntry
from tidegate.detectors.banks.columns import EntryColumns


@dataclass(frozen=True, slots=True)
class Revision:
    """Up to where a reader has seen a store."""

    store: str
    """Which store: another file under the same name is another store."""
    changes: int
    """How many changes were made to it."""
    last_entry: int
    """The highest entry number seen."""
    last_removal: int
    """The highest removal seen."""
    mark: str = ""
    """Of the last change, where a store may lose changes that were seen: as many later on may be others."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a store since a revision."""

    revision: Revision
    """Up to where it goes."""
    complete: bool
    """True if this is all that the store holds, not only what is new."""
    banks: tuple[StoredBank, ...]
    """All banks. Entries of banks that are not among them are gone."""
    added: EntryColumns
    """Entries, by ascending number."""
    removed: tuple[int, ...]
    """Numbers of entries."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of entries that were to be added."""

    added: int
    """New ones."""
    unchanged: int
    """Those that were there already, with the same hashes."""


class HashBanks(Protocol):
    """Keeps banks and their entries. A change is durable, and seen by every reader from then on, when its call returns.

    Calls block: make them off the event loop. All of them may raise BanksUnavailable; none answers from memory. What
    is given to them has been checked.
    """

    def create(self, bank: Bank) -> StoredBank:
        """Adds a bank, or finds it with the same configuration. Raises BankExists."""
        ...

    def update(self, bank_id: str, change: BankChange) -> StoredBank:
        """Changes a bank's configuration. Raises BankNotFound."""
        ...

    def delete(self, bank_id: str) -> StoredBank:
        """Deletes a bank with all its entries and returns what it was. Raises BankNotFound."""
        ...

    def banks(self) -> tuple[StoredBank, ...]:
        """All banks, in the order in which they were made."""
        ...

    def add(self, bank_id: str, entries: Sequence[Entry]) -> Added:
        """Adds all of these entries or none. The same entry again changes nothing.

        Raises:
            BankNotFound: There is no such bank.
            EntryExists: It holds one of the ids with other hashes.
        """
        ...

    def remove(self, bank_id: str, entry_ids: Sequence[str]) -> int:
        """Removes entries and returns how many of these there were. Raises BankNotFound."""
        ...

    def entries(self, bank_id: str, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
        """A bank's entries with numbers above `after`, by ascending number. Raises BankNotFound."""
        ...

    def changes_since(self, seen: Revision | None) -> Changes | None:
        """What happened since `seen` (everything, if None), as of one moment; None if nothing did.

        Nothing costs next to nothing, so that every reader can ask twice a second.
        """
        ...
