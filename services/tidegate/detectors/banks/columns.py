"""Entries as columns of numbers: a million of them as Python objects would take seconds and a gigabyte."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.banks.pdq import HASH_BYTES

WORDS: Final = HASH_BYTES // 8
"""64-bit words of a hash."""

_CHUNK: Final = 20_000

EntryRow = tuple[int, int, str, bytes]
"""Number, number of the bank, id, and all hashes of an entry one after the other."""


@dataclass(frozen=True, slots=True, eq=False)
class EntryColumns:
    """Entries by ascending number, and their hashes."""

    numbers: NDArray[np.int64]
    """[entries]: the store's numbers."""
    banks: NDArray[np.int64]
    """[entries]: numbers of banks."""
    ids: NDArray[np.object_]
    """[entries]: the callers' ids."""
    counts: NDArray[np.int64]
    """[entries]: how many hashes each has."""
    words: NDArray[np.uint64]
    """[4, hashes]: entry by entry, one row per word, so that a search reads only the words that it needs."""

    @classmethod
    def of(cls, rows: Iterable[EntryRow]) -> Self:
        """From rows by ascending number."""
        return cls.joined([cls._of_chunk(chunk) for chunk in _chunks(rows)])

    @classmethod
    def joined(cls, columns: Iterable[Self]) -> Self:
        """One after the other."""
        pieces = [cls._of_chunk([]), *columns]
        return cls(
            numbers=np.concatenate([piece.numbers for piece in pieces]),
            banks=np.concatenate([piece.banks for piece in pieces]),
            ids=np.concatenate([piece.ids for piece in pieces]),
            counts=np.concatenate([piece.counts for piece in pieces]),
            words=np.concatenate([piece.words for piece in pieces], axis=1),
        )

    @classmethod
    def _of_chunk(cls, rows: list[EntryRow]) -> Self:
        ids = np.empty(len(rows), dtype=np.object_)
        ids[:] = [row[2] for row in rows]
        hashes = np.frombuffer(b"".join(row[3] for row in rows), dtype=np.uint64)
        return cls(
            numbers=np.array([row[0] for row in rows], dtype=np.int64),
            banks=np.array([row[1] for row in rows], dtype=np.int64),
            ids=ids,
            counts=np.array([len(row[3]) // HASH_BYTES for row in rows], dtype=np.int64),
            words=np.ascontiguousarray(hashes.reshape(-1, WORDS).T),
        )

    def kept(self, keep: NDArray[np.bool_]) -> "EntryColumns":
        """Only those entries for which `keep` holds."""
        return EntryColumns(
            numbers=self.numbers[keep],
            banks=self.banks[keep],
            ids=self.ids[keep],
            counts=self.counts[keep],
            words=np.ascontiguousarray(self.words[:, np.repeat(keep, self.counts)]),
        )


def _chunks(rows: Iterable[EntryRow]) -> Iterator[list[EntryRow]]:
    source = iter(rows)
    while chunk := list(itertools.islice(source, _CHUNK)):
        yield chunk
