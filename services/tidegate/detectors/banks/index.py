"""Exact search among hashes: every one within a Hamming distance, and no other.

A plain scan with numpy. A million hashes on one core (`loadtests/hash_search.py`): 2 ms, where the target is 20.
Measured beside it, same machine and data: naive numpy (all words of all rows) 25 ms, faiss-cpu 1.15.1
`IndexBinaryFlat` 1.0 ms, multi-index hashing 0.7 ms. The scan needs no library, no index to build, and removal is
leaving out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.banks.columns import WORDS, EntryColumns

_FEW_BITS: Final = 40
"""Unrelated hashes are 64 bits apart in half of their words, give or take 6. Up to this distance practically none of
them has to be looked at further after half of the words; up to 64 bits, after three quarters."""

_BLOCK: Final = 65_536
"""Hashes at a time: intermediate results stay in the processor's cache."""

_MOST_GONE: Final = 0.25
"""Share of entries that may be gone before they are taken out, which takes half a second in a million."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Hashes within the distance, in the order of the index. The three arrays run in parallel."""

    entries: NDArray[np.int64]
    """[found]: positions in `HashIndex.columns`; an entry may be there once for each of its hashes."""
    banks: NDArray[np.int64]
    """[found]: numbers of banks."""
    distances: NDArray[np.int64]
    """[found]: in bits."""


class HashIndex:
    """Immutable, so that searches go on in any thread while the next one is made."""

    def __init__(self, columns: EntryColumns, *, gone: NDArray[np.bool_] | None = None) -> None:
        """Takes the entries.

        Args:
            columns: All entries.
            gone: [entries]: those that are not to be found any more; None means that all are.
        """
        self.columns = columns
        self._gone = np.zeros(len(columns.numbers), dtype=np.bool_) if gone is None else gone
        self._entry_of_hash = np.repeat(np.arange(len(columns.counts)), columns.counts)

    def changed(self, *, added: EntryColumns, removed: Sequence[int], banks: Sequence[int]) -> "HashIndex":
        """The index after changes.

        Args:
            added: New entries, with higher numbers than all others.
            removed: Numbers of entries that are gone.
            banks: Numbers of the banks that there are; entries of others are gone.
        """
        columns = EntryColumns.joined([self.columns, added]) if len(added.numbers) else self.columns
        gone = np.concatenate([self._gone, np.zeros(len(added.numbers), dtype=np.bool_)])
        gone |= ~np.isin(columns.banks, banks)
        positions = np.searchsorted(columns.numbers, removed)
        known = positions < len(columns.numbers)
        at, numbers = positions[known], np.asarray(removed, dtype=np.int64)[known]
        gone[at[columns.numbers[at] == numbers]] = True
        if np.count_nonzero(gone) > _MOST_GONE * len(gone):
            return HashIndex(columns.kept(~gone))
        return HashIndex(columns, gone=gone)

    def search(self, hash_: bytes, *, within_bits: int) -> Found:
        """Every hash at most `within_bits` away from this one."""
        query = np.frombuffer(hash_, dtype=np.uint64)
        near = self._near(query, within_bits)
        apart = np.bitwise_xor(self.columns.words[:, near], query[:, None])
        distances = np.bitwise_count(apart).sum(axis=0, dtype=np.int64)
        entries = self._entry_of_hash[near]
        found = (distances <= within_bits) & ~self._gone[entries]
        entries = entries[found]
        return Found(entries=entries, banks=self.columns.banks[entries], distances=distances[found])

    def _near(self, query: NDArray[np.uint64], within_bits: int) -> NDArray[np.intp]:
        """Positions of all hashes that may be within the distance: the distance in some words bounds it from below."""
        scanned = WORDS // 2 if within_bits <= _FEW_BITS else WORDS - 1
        words = self.columns.words
        near = [np.empty(0, dtype=np.intp)]
        for start in range(0, words.shape[1], _BLOCK):
            block = words[:scanned, start : start + _BLOCK]
            apart = np.bitwise_count(block ^ query[:scanned, None]).sum(axis=0, dtype=np.uint8)
            near.append(np.flatnonzero(apart <= within_bits) + start)
        return np.concatenate(near)
