"""What banks are made of: known pictures, as hashes, under the caller's own ids."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.detectors.banks.pdq import HASH_BYTES

DEFAULT_THRESHOLD_BITS: Final = 31
"""What upstream calls a match (PDQ README, "distance threshold")."""
MAX_THRESHOLD_BITS: Final = 64
"""Unrelated pictures are 128 bits apart, give or take 8: above this, a million entries would match at random."""
MAX_HASHES: Final = 24
"""Hashes of one entry: eight rotations and flips of up to three frames."""
MAX_ENTRY_ID: Final = 128
MAX_DESCRIPTION: Final = 500

BANK_ID: Final = re.compile(r"[a-z0-9_]{1,64}")
_HEX_HASH: Final = re.compile(rf"[0-9a-fA-F]{{{2 * HASH_BYTES}}}")


class BankKind(StrEnum):
    """What a match in a bank means."""

    MATCH = "MATCH"
    """The picture is a known one, for policies to act on."""
    ALLOW = "ALLOW"
    """A negative bank: the picture is known to be allowed, and matches of other banks are taken back."""


@dataclass(frozen=True, slots=True)
class Bank:
    """A bank's configuration."""

    id: str
    """One to 64 of a-z, 0-9 and _; the label that policies read."""
    kind: BankKind = BankKind.MATCH
    """What a match means."""
    threshold_bits: int = DEFAULT_THRESHOLD_BITS
    """The largest Hamming distance that is a match, 0 to 64 of 256 bits."""
    enabled: bool = True
    """A disabled bank keeps its entries and matches nothing; for policies it does not exist."""
    description: str = ""
    """For people."""


DEFAULT_BANK: Final = Bank("known_violations", description="Pictures that were found to violate policy before.")
"""Exists in every new store."""


@dataclass(frozen=True, slots=True)
class BankChange:
    """What to set anew; None leaves as it is."""

    kind: BankKind | None = None
    """See `Bank.kind`."""
    threshold_bits: int | None = None
    """See `Bank.threshold_bits`."""
    enabled: bool | None = None
    """See `Bank.enabled`."""
    description: str | None = None
    """See `Bank.description`."""

    def of(self, bank: Bank) -> Bank:
        """The bank with the change."""
        return Bank(
            id=bank.id,
            kind=bank.kind if self.kind is None else self.kind,
            threshold_bits=bank.threshold_bits if self.threshold_bits is None else self.threshold_bits,
            enabled=bank.enabled if self.enabled is None else self.enabled,
            description=bank.description if self.description is None else self.description,
        )


@dataclass(frozen=True, slots=True)
class StoredBank:
    """A bank as the store has it."""

    number: int
    """The store's own number, never used again: a bank made anew under the same id is another bank."""
    bank: Bank
    """Its configuration."""
    entries: int
    """How many entries it holds."""
    hashes: int
    """How many hashes these have together."""
    created_at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A known picture."""

    id: str
    """The caller's, 1 to 128 characters; it stands in decisions, so it should say nothing about people."""
    hashes: tuple[bytes, ...]
    """One to 24 PDQ hashes of 32 bytes, without repetition: of the picture, and of its rotations and flips."""


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the store has it."""

    number: int
    """The store's own number: ascending in the order of adding, never used again."""
    bank: int
    """The number of its bank."""
    entry: Entry
    """The entry."""


def hash_of_hex(text: str) -> bytes:
    """The hash that 64 hexadecimal digits stand for. Raises ValueError for anything else."""
    if not _HEX_HASH.fullmatch(text):
        raise ValueError(f"must be {2 * HASH_BYTES} hexadecimal digits")
    return bytes.fromhex(text)
