"""The PostgreSQL store's statements that change it, each within a transaction that holds the store's row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from tidegate.detectors.banks.bank import Bank, BankChange, Entry, StoredBank
from tidegate.detectors.banks.errors import BankExists, BankNotFound, EntryExists
from tidegate.detectors.banks.pdq import HASH_BYTES
from tidegate.detectors.banks.port import Added
from tidegate.detectors.banks.stored_rows import DamagedStoreError, stored_bank
from tidegate.postgres.connection import BoundedConnection

CHANGE_S: Final = 30.0
"""For what a change takes once it has its turn: a bank of a million entries is deleted in seconds."""

_SELECT_BANKS: Final[LiteralString] = (
    "SELECT number, id, kind, threshold_bits, enabled, description, entries, hashes, created_at_us"
    " FROM tidegate_banks.banks"
)
_LOCK: Final = (
    "SELECT changes, last_bank, last_entry, last_removal, set_config('statement_timeout', %s, true)"
    " FROM tidegate_banks.state WHERE id = 1 FOR UPDATE"
)


@dataclass(slots=True)
class Turn:
    """The store's row while it is ours: nobody else changes anything, so numbers follow the order of COMMITs."""

    changes: int
    """Made before."""
    last_bank: int
    """The highest number of a bank that was ever given."""
    last_entry: int
    """The same of entries."""
    last_removal: int
    """The same of removals."""
    changed: bool = False
    """Whether anything was changed in this turn."""


def turn_of(connection: BoundedConnection) -> Turn:
    """Waits for the store's row and holds it until the transaction ends."""
    row = connection.execute(_LOCK, (str(int(CHANGE_S * 1000)),)).fetchone()
    if row is None:
        raise DamagedStoreError("the store has lost its state")
    return Turn(*row[:4])


def was_made(connection: BoundedConnection, mark: UUID) -> bool:
    """Whether a change was committed under this mark."""
    found = connection.execute("SELECT FROM tidegate_banks.changes WHERE mark = %s", (mark,)).fetchone()
    return found is not None


def note_change(connection: BoundedConnection, turn: Turn, mark: UUID) -> None:
    """Tells readers that there is something new."""
    connection.execute(
        "UPDATE tidegate_banks.state SET changes = %s, last_bank = %s, last_entry = %s, last_removal = %s",
        (turn.changes + 1, turn.last_bank, turn.last_entry, turn.last_removal),
    )
    connection.execute("INSERT INTO tidegate_banks.changes (number, mark) VALUES (%s, %s)", (turn.changes + 1, mark))


def all_banks(connection: BoundedConnection) -> tuple[StoredBank, ...]:
    """In the order in which they were made."""
    return tuple(stored_bank(row) for row in connection.execute(_SELECT_BANKS + " ORDER BY number"))


def bank_of(connection: BoundedConnection, bank_id: str) -> StoredBank:
    """The bank. Raises BankNotFound."""
    row = connection.execute(_SELECT_BANKS + " WHERE id = %s", (bank_id,)).fetchone()
    if row is None:
        raise BankNotFound
    return stored_bank(row)


def insert_bank(connection: BoundedConnection, turn: Turn, bank: Bank) -> StoredBank:
    """See `HashBanks.create`."""
    row = connection.execute(_SELECT_BANKS + " WHERE id = %s", (bank.id,)).fetchone()
    if row is not None:
        stored = stored_bank(row)
        if stored.bank != bank:
            raise BankExists
        return stored
    turn.last_bank += 1
    turn.changed = True
    connection.execute(
        "INSERT INTO tidegate_banks.banks"
        " (number, id, kind, threshold_bits, enabled, description, created_at_us, entries, hashes)"
        " VALUES (%s, %s, %s, %s, %s, %s, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, 0)",
        (turn.last_bank, bank.id, bank.kind, bank.threshold_bits, bank.enabled, bank.description),
    )
    return bank_of(connection, bank.id)


def update_bank(connection: BoundedConnection, turn: Turn, bank_id: str, change: BankChange) -> StoredBank:
    """See `HashBanks.update`."""
    bank = change.of(bank_of(connection, bank_id).bank)
    turn.changed = True
    connection.execute(
        "UPDATE tidegate_banks.banks SET kind = %s, threshold_bits = %s, enabled = %s, description = %s WHERE id = %s",
        (bank.kind, bank.threshold_bits, bank.enabled, bank.description, bank_id),
    )
    return bank_of(connection, bank_id)


def delete_bank(connection: BoundedConnection, turn: Turn, bank_id: str) -> StoredBank:
    """See `HashBanks.delete`. Readers miss the bank's number and drop its entries."""
    stored = bank_of(connection, bank_id)
    turn.changed = True
    connection.execute("DELETE FROM tidegate_banks.entries WHERE bank = %s", (stored.number,))
    connection.execute("DELETE FROM tidegate_banks.banks WHERE number = %s", (stored.number,))
    return stored


def add_entries(connection: BoundedConnection, turn: Turn, bank: int, entries: Sequence[Entry]) -> Added:
    """See `HashBanks.add`."""
    ids = [entry.id for entry in entries]
    found = connection.execute(
        "SELECT id, hashes FROM tidegate_banks.entries WHERE bank = %s AND id = ANY(%s)", (bank, ids)
    )
    known: dict[str, bytes] = dict(found.fetchall())
    new: dict[str, bytes] = {}
    for entry in entries:
        joined = b"".join(entry.hashes)
        if known.get(entry.id, joined) != joined or new.get(entry.id, joined) != joined:
            raise EntryExists(entry.id)
        if entry.id not in known:
            new[entry.id] = joined
    if new:
        first, turn.last_entry = turn.last_entry + 1, turn.last_entry + len(new)
        turn.changed = True
        connection.execute(
            "INSERT INTO tidegate_banks.entries (number, bank, id, hashes)"
            " SELECT number, %s, id, hashes"
            " FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS new(number, id, hashes)",
            (bank, list(range(first, turn.last_entry + 1)), list(new), list(new.values())),
        )
        _count(connection, bank, entries=len(new), hashes=sum(map(len, new.values())) // HASH_BYTES)
    return Added(len(new), len(entries) - len(new))


def remove_entries(connection: BoundedConnection, turn: Turn, bank: int, entry_ids: Sequence[str]) -> int:
    """See `HashBanks.remove`."""
    gone = connection.execute(
        "DELETE FROM tidegate_banks.entries WHERE bank = %s AND id = ANY(%s) RETURNING number, length(hashes)",
        (bank, list(entry_ids)),
    ).fetchall()
    if gone:
        first, turn.last_removal = turn.last_removal + 1, turn.last_removal + len(gone)
        turn.changed = True
        connection.execute(
            "INSERT INTO tidegate_banks.removals (number, entry) SELECT * FROM unnest(%s::bigint[], %s::bigint[])",
            (list(range(first, turn.last_removal + 1)), sorted(number for number, _ in gone)),
        )
        hashes = sum(size_bytes // HASH_BYTES for _, size_bytes in gone)
        _count(connection, bank, entries=-len(gone), hashes=-hashes)
    return len(gone)


def _count(connection: BoundedConnection, bank: int, *, entries: int, hashes: int) -> None:
    connection.execute(
        "UPDATE tidegate_banks.banks SET entries = entries + %s, hashes = hashes + %s WHERE number = %s",
        (entries, hashes, bank),
    )
