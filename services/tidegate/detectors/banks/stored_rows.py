"""What the stores' tables hold, as the domain has it. Both adapters read the same columns."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tidegate.detectors.banks.bank import Bank, BankKind, StoredBank
from tidegate.detectors.banks.columns import EntryColumns, EntryRow
from tidegate.detectors.banks.pdq import HASH_BYTES

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class DamagedStoreError(Exception):
    """The store holds what Tidegate never writes, or not all that its banks count."""


def stored_bank(row: tuple[Any, ...]) -> StoredBank:
    """A bank from its columns, in the order in which they are named here. Raises DamagedStoreError."""
    number, bank_id, kind, threshold_bits, enabled, description, entries, hashes, created_at_us = row
    if kind not in BankKind.__members__:
        raise DamagedStoreError("a bank is of no known kind")
    return StoredBank(
        number=number,
        bank=Bank(bank_id, BankKind[kind], threshold_bits, bool(enabled), description),
        entries=entries,
        hashes=hashes,
        created_at=_EPOCH + timedelta(microseconds=created_at_us),
    )


def entry_columns(rows: Iterable[EntryRow]) -> EntryColumns:
    """Entries by ascending number. Raises DamagedStoreError."""
    try:
        return EntryColumns.of(rows)
    except ValueError as error:
        raise DamagedStoreError("an entry's hashes are no hashes") from error


def refuse_miscounted(entries: EntryColumns, banks: Iterable[StoredBank]) -> None:
    """Of all entries of a store. Raises DamagedStoreError if its banks count others."""
    if entries.words.shape[1] != sum(stored.hashes for stored in banks):
        raise DamagedStoreError("the banks count other hashes than there are")


def split(hashes: bytes) -> tuple[bytes, ...]:
    """An entry's hashes, which are stored one after the other."""
    return tuple(hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES))
