"""The SQLite store's statements, each within a transaction that the adapter has opened."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from tidegate.detectors.banks.bank import Bank, BankChange, Entry, StoredBank, StoredEntry
from tidegate.detectors.banks.errors import BankExists, BankNotFound, EntryExists
from tidegate.detectors.banks.pdq import HASH_BYTES
from tidegate.detectors.banks.port import Added, Changes, Revision
from tidegate.detectors.banks.stored_rows import (
    DamagedStoreError,
    entry_columns,
    refuse_miscounted,
    split,
    stored_bank,
)

_SELECT_BANKS: Final = (
    "SELECT number, id, kind, threshold_bits, enabled, description, entries, hashes, created_at_us FROM banks"
)


def all_banks(connection: sqlite3.Connection) -> tuple[StoredBank, ...]:
    """In the order in which they were made."""
    return tuple(stored_bank(row) for row in connection.execute(f"{_SELECT_BANKS} ORDER BY number"))


def bank_of(connection: sqlite3.Connection, bank_id: str) -> StoredBank:
    """The bank. Raises BankNotFound."""
    row = connection.execute(f"{_SELECT_BANKS} WHERE id = ?", (bank_id,)).fetchone()
    if row is None:
        raise BankNotFound
    return stored_bank(row)


def insert_bank(connection: sqlite3.Connection, bank: Bank, *, now_us: int) -> StoredBank:
    """See `HashBanks.create`."""
    row = connection.execute(f"{_SELECT_BANKS} WHERE id = ?", (bank.id,)).fetchone()
    if row is not None:
        if stored_bank(row).bank != bank:
            raise BankExists
        return stored_bank(row)
    connection.execute(
        "INSERT INTO banks (id, kind, threshold_bits, enabled, description, created_at_us, entries, hashes)"
        " VALUES (?, ?, ?, ?, ?, ?, 0, 0)",
        (bank.id, bank.kind, bank.threshold_bits, bank.enabled, bank.description, now_us),
    )
    return bank_of(connection, bank.id)


def update_bank(connection: sqlite3.Connection, bank_id: str, change: BankChange) -> StoredBank:
    """See `HashBanks.update`."""
    bank = change.of(bank_of(connection, bank_id).bank)
    connection.execute(
        "UPDATE banks SET kind = ?, threshold_bits = ?, enabled = ?, description = ? WHERE id = ?",
        (bank.kind, bank.threshold_bits, bank.enabled, bank.description, bank_id),
    )
    return bank_of(connection, bank_id)


def delete_bank(connection: sqlite3.Connection, bank_id: str) -> StoredBank:
    """See `HashBanks.delete`. Readers miss the bank's number and drop its entries."""
    stored = bank_of(connection, bank_id)
    connection.execute("DELETE FROM entries WHERE bank = ?", (stored.number,))
    connection.execute("DELETE FROM banks WHERE number = ?", (stored.number,))
    return stored


def add_entries(connection: sqlite3.Connection, bank: int, entries: Sequence[Entry]) -> Added:
    """See `HashBanks.add`."""
    added = hashes = 0
    for entry in entries:
        joined = b"".join(entry.hashes)
        row = connection.execute("SELECT hashes FROM entries WHERE bank = ? AND id = ?", (bank, entry.id)).fetchone()
        if row is None:
            connection.execute("INSERT INTO entries (bank, id, hashes) VALUES (?, ?, ?)", (bank, entry.id, joined))
            added += 1
            hashes += len(entry.hashes)
        elif row[0] != joined:
            raise EntryExists(entry.id)
    if added:
        _count(connection, bank, entries=added, hashes=hashes)
    return Added(added, len(entries) - added)


def remove_entries(connection: sqlite3.Connection, bank: int, entry_ids: Sequence[str]) -> int:
    """See `HashBanks.remove`."""
    removed = hashes = 0
    for entry_id in entry_ids:
        gone = connection.execute(
            "DELETE FROM entries WHERE bank = ? AND id = ? RETURNING number, length(hashes)", (bank, entry_id)
        ).fetchall()
        for number, size_bytes in gone:
            connection.execute("INSERT INTO removals (entry) VALUES (?)", (number,))
            removed += 1
            hashes += size_bytes // HASH_BYTES
    if removed:
        _count(connection, bank, entries=-removed, hashes=-hashes)
    return removed


def entries_after(connection: sqlite3.Connection, bank: int, *, after: int, limit: int) -> tuple[StoredEntry, ...]:
    """See `HashBanks.entries`."""
    rows = connection.execute(
        "SELECT number, id, hashes FROM entries WHERE bank = ? AND number > ? ORDER BY number LIMIT ?",
        (bank, after, limit),
    )
    return tuple(StoredEntry(number, bank, Entry(entry_id, split(hashes))) for number, entry_id, hashes in rows)


def revision_of(connection: sqlite3.Connection, *, file: str) -> Revision:
    """How far the store is now."""
    state = connection.execute("SELECT store, changes FROM state").fetchone()
    if state is None:
        raise DamagedStoreError("the store has lost its state")
    store, changes = state
    highest = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return Revision(f"{file}/{store}", changes, highest.get("entries", 0), highest.get("removals", 0))


def changes_between(connection: sqlite3.Connection, seen: Revision | None, now: Revision) -> Changes:
    """What happened since `seen`. Raises DamagedStoreError."""
    since = seen if seen is not None and seen.store == now.store and seen.changes < now.changes else None
    banks = all_banks(connection)
    rows = connection.execute(
        "SELECT number, bank, id, hashes FROM entries WHERE number > ? ORDER BY number",
        (since.last_entry if since else 0,),
    )
    added = entry_columns(rows)
    if since is None:
        refuse_miscounted(added, banks)
    removed = (
        connection.execute("SELECT entry FROM removals WHERE number > ? ORDER BY number", (since.last_removal,))
        if since
        else ()
    )
    return Changes(
        revision=now,
        complete=since is None,
        banks=banks,
        added=added,
        removed=tuple(number for (number,) in removed),
    )


def _count(connection: sqlite3.Connection, bank: int, *, entries: int, hashes: int) -> None:
    connection.execute(
        "UPDATE banks SET entries = entries + ?, hashes = hashes + ? WHERE number = ?", (entries, hashes, bank)
    )
