"""The search is exact: what it finds is what comparing with every hash finds, whatever was added and removed before."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.detectors.bank_pictures import distance, flipped, random_hash
from tidegate.detectors.banks.bank import MAX_THRESHOLD_BITS, hash_of_hex
from tidegate.detectors.banks.columns import EntryColumns, EntryRow
from tidegate.detectors.banks.index import HashIndex

UPSTREAM = Path(__file__).resolve().parents[3] / "shared/data/pdq"
EMPTY = HashIndex(EntryColumns.of([]))
QUERY = random_hash(0)

near_hashes = st.builds(
    lambda bits, seed: flipped(QUERY, bits, seed=seed), st.integers(0, 256), st.integers(0, 2**32 - 1)
)
"""At every distance from the query; random ones are all about 128 bits away."""
entries = st.lists(st.tuples(st.integers(1, 3), st.lists(near_hashes, min_size=1, max_size=8)), max_size=12)


def rows_of(given_entries: list[tuple[int, list[bytes]]], *, first: int) -> list[EntryRow]:
    return [
        (first + at, bank, f"entry {first + at}", b"".join(hashes)) for at, (bank, hashes) in enumerate(given_entries)
    ]


def found_by_search(index: HashIndex, within_bits: int) -> list[tuple[str, int, int]]:
    found = index.search(QUERY, within_bits=within_bits)
    ids = [str(index.columns.ids[at]) for at in found.entries]
    return sorted(zip(ids, found.banks.tolist(), found.distances.tolist(), strict=True))


def found_by_comparing(rows: list[EntryRow], within_bits: int) -> list[tuple[str, int, int]]:
    return sorted(
        (entry_id, bank, distance(joined[at : at + 32], QUERY))
        for _, bank, entry_id, joined in rows
        for at in range(0, len(joined), 32)
        if distance(joined[at : at + 32], QUERY) <= within_bits
    )


@settings(deadline=None, max_examples=150)
@given(
    batches=st.lists(st.tuples(entries, st.sets(st.integers(1, 40)), st.sets(st.integers(1, 3))), max_size=5),
    within_bits=st.integers(0, 256),
)
def test_a_search_finds_what_comparing_with_every_hash_finds(
    batches: list[tuple[list[tuple[int, list[bytes]]], set[int], set[int]]], within_bits: int
) -> None:
    """After any history of additions, removals and deleted banks, at any distance."""
    index, held, number = EMPTY, list[EntryRow](), 1
    for new, removed, banks in batches:
        rows = rows_of(new, first=number)
        number += len(rows)
        index = index.changed(added=EntryColumns.of(rows), removed=sorted(removed), banks=sorted(banks))
        held = [row for row in [*held, *rows] if row[0] not in removed and row[1] in banks]
        assert found_by_search(index, within_bits) == found_by_comparing(held, within_bits)


@pytest.mark.parametrize("within_bits", [0, 31, 40, 41, MAX_THRESHOLD_BITS])
def test_hashes_are_found_at_the_distance_and_not_one_bit_beyond(within_bits: int) -> None:
    """In more hashes than one block holds, at its borders too; and where all bits that differ lie in the same words."""
    hashes = [random_hash(1)] * 140_000
    for at in (0, 65_535, 65_536, 131_072, 139_998):
        hashes[at] = flipped(QUERY, within_bits, seed=at)
        hashes[at + 1] = flipped(QUERY, within_bits + 1, seed=at)
    low, high = int.from_bytes(QUERY) ^ (2**within_bits - 1), int.from_bytes(QUERY) ^ (2**within_bits - 1) << 192
    hashes[7], hashes[8] = low.to_bytes(32), high.to_bytes(32)
    index = HashIndex(EntryColumns.of((at + 1, 1, str(at), each) for at, each in enumerate(hashes)))
    found = index.search(QUERY, within_bits=within_bits)
    assert sorted(found.entries.tolist()) == [0, 7, 8, 65_535, 65_536, 131_072, 139_998][: len(found.entries)]
    assert len(found.entries) == 7
    assert set(found.distances.tolist()) == {within_bits}


def test_an_index_is_not_changed_by_the_one_made_from_it() -> None:
    first = EMPTY.changed(added=EntryColumns.of([(1, 1, "a", QUERY)]), removed=[], banks=[1])
    second = first.changed(added=EntryColumns.of([(2, 1, "b", QUERY)]), removed=[1], banks=[1])
    assert [found_by_search(each, 0) for each in (first, second)] == [[("a", 1, 0)], [("b", 1, 0)]]


@pytest.mark.skipif(not UPSTREAM.is_dir(), reason="upstream's hashes are not part of this repository")
def test_upstreams_needles_are_found_in_upstreams_haystack_as_by_comparing() -> None:
    haystack = [hash_of_hex(line) for line in (UPSTREAM / "haystack.txt").read_text().split()]
    needles = [hash_of_hex(line) for line in (UPSTREAM / "needles.txt").read_text().split()]
    index = HashIndex(EntryColumns.of((at + 1, 1, str(at), each) for at, each in enumerate(haystack)))
    hits = 0
    for needle in needles:
        found = index.search(needle, within_bits=31)
        expected = [(at, distance(each, needle)) for at, each in enumerate(haystack) if distance(each, needle) <= 31]
        assert list(zip(found.entries.tolist(), found.distances.tolist(), strict=True)) == expected
        hits += len(expected)
    assert hits > 100
    assert np.all(found.banks == 1)
