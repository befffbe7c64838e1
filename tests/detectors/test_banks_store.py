"""What every store of hash banks promises, held to all adapters."""

from pathlib import Path

import pytest

from tests.detectors.bank_pictures import random_hash
from tests.detectors.bank_stores import PostgresBankStore
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, BankChange, BankKind, Entry
from tidegate.detectors.banks.errors import BankExists, BankNotFound, EntryExists
from tidegate.detectors.banks.memory_adapter import MemoryBanks
from tidegate.detectors.banks.port import Added, HashBanks
from tidegate.detectors.banks.sqlite_adapter import SqliteBanks

BANK = DEFAULT_BANK.id


def entry(name: str, *seeds: int) -> Entry:
    return Entry(name, tuple(random_hash(seed) for seed in seeds or (0,)))


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def banks(request: pytest.FixtureRequest, tmp_path: Path) -> HashBanks:
    if request.param == "memory":
        return MemoryBanks()
    if request.param == "sqlite":
        return SqliteBanks(tmp_path / "new" / "banks.db")
    store: PostgresBankStore = request.getfixturevalue("postgres_banks")
    return store.banks()


def ids(banks: HashBanks, bank_id: str = BANK) -> list[str]:
    return [stored.entry.id for stored in banks.entries(bank_id, after=0, limit=100)]


def test_a_new_store_has_the_default_bank_and_nothing_in_it(banks: HashBanks) -> None:
    (only,) = banks.banks()
    assert (only.bank, only.entries, only.hashes) == (DEFAULT_BANK, 0, 0)
    assert (DEFAULT_BANK.id, DEFAULT_BANK.threshold_bits, DEFAULT_BANK.enabled) == ("known_violations", 31, True)


def test_a_bank_is_made_once_and_the_same_again_changes_nothing(banks: HashBanks) -> None:
    made = banks.create(Bank("covers", BankKind.ALLOW, 10, enabled=False, description="Licensed."))
    seen = banks.changes_since(None)
    assert seen is not None
    assert banks.create(made.bank) == made
    assert banks.changes_since(seen.revision) is None
    with pytest.raises(BankExists):
        banks.create(Bank("covers", BankKind.ALLOW, 11))
    assert [stored.bank for stored in banks.banks()] == [DEFAULT_BANK, made.bank]


def test_an_update_changes_what_it_names(banks: HashBanks) -> None:
    changed = banks.update(BANK, BankChange(threshold_bits=0, enabled=False))
    assert (changed.bank.threshold_bits, changed.bank.enabled) == (0, False)
    assert changed.bank.description == DEFAULT_BANK.description
    assert banks.update(BANK, BankChange(kind=BankKind.ALLOW, description="")).bank == Bank(
        BANK, BankKind.ALLOW, 0, enabled=False, description=""
    )


def test_entries_are_counted_listed_in_order_and_removed(banks: HashBanks) -> None:
    assert banks.add(BANK, [entry("b", 1, 2), entry("a", 3)]) == Added(2, 0)
    assert banks.add(BANK, [entry("c", 4)]) == Added(1, 0)
    (bank,) = banks.banks()
    assert (bank.entries, bank.hashes) == (3, 4)
    first = banks.entries(BANK, after=0, limit=2)
    assert [stored.entry for stored in first] == [entry("b", 1, 2), entry("a", 3)]
    assert [stored.entry.id for stored in banks.entries(BANK, after=first[-1].number, limit=2)] == ["c"]
    assert banks.remove(BANK, ["b", "never there", "b"]) == 1
    assert ids(banks) == ["a", "c"]
    (bank,) = banks.banks()
    assert (bank.entries, bank.hashes) == (2, 2)


def test_the_same_entry_again_changes_nothing_and_another_under_its_id_is_refused_with_all_beside_it(
    banks: HashBanks,
) -> None:
    banks.add(BANK, [entry("a", 1)])
    seen = banks.changes_since(None)
    assert seen is not None
    assert banks.add(BANK, [entry("a", 1)]) == Added(0, 1)
    assert banks.changes_since(seen.revision) is None
    with pytest.raises(EntryExists, match='"a"'):
        banks.add(BANK, [entry("new", 5), entry("a", 2)])
    with pytest.raises(EntryExists, match='"twice"'):
        banks.add(BANK, [entry("twice", 5), entry("twice", 6)])
    assert banks.add(BANK, [entry("twice", 5), entry("twice", 5)]) == Added(1, 1)
    assert ids(banks) == ["a", "twice"]


def test_a_deleted_bank_made_anew_is_empty_and_another_bank(banks: HashBanks) -> None:
    banks.add(BANK, [entry("a")])
    deleted = banks.delete(BANK)
    assert (deleted.entries, banks.banks()) == (1, ())
    made = banks.create(DEFAULT_BANK)
    assert made.number != deleted.number
    assert ids(banks) == []


def test_what_is_asked_of_a_bank_that_does_not_exist_is_refused(banks: HashBanks) -> None:
    for ask in (
        lambda: banks.update("nothing", BankChange()),
        lambda: banks.delete("nothing"),
        lambda: banks.add("nothing", [entry("a")]),
        lambda: banks.remove("nothing", ["a"]),
        lambda: banks.entries("nothing", after=0, limit=1),
    ):
        with pytest.raises(BankNotFound):
            ask()


def test_changes_tell_what_is_new_since_a_revision(banks: HashBanks) -> None:
    banks.add(BANK, [entry("a", 1), entry("b", 2, 3)])
    everything = banks.changes_since(None)
    assert everything is not None
    assert (everything.complete, everything.added.ids.tolist()) == (True, ["a", "b"])
    assert everything.added.words.shape == (4, 3)
    assert everything.added.words[:, 2].tobytes() == random_hash(3)
    banks.remove(BANK, ["a"])
    banks.add(BANK, [entry("c", 4), entry("d", 5)])
    banks.remove(BANK, ["c"])
    later = banks.changes_since(everything.revision)
    assert later is not None
    assert (later.complete, later.added.ids.tolist()) == (False, ["d"])
    assert everything.added.numbers[0] in later.removed
    assert everything.added.numbers[1] not in later.removed
    assert banks.changes_since(later.revision) is None
    banks.delete(BANK)
    last = banks.changes_since(later.revision)
    assert last is not None
    assert last.banks == ()
