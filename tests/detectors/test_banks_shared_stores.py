"""What holds for every store that processes share: a SQLite file, and a database of a real PostgreSQL server."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.detectors.bank_pictures import picture, random_hash
from tests.detectors.bank_stores import BankStore, PostgresBankStore, SqliteBankStore
from tidegate.detectors.banks.bank import DEFAULT_BANK, Bank, BankChange, Entry
from tidegate.detectors.banks.columns import EntryColumns
from tidegate.detectors.banks.errors import BanksUnavailable, EntryExists
from tidegate.detectors.banks.matcher import BankMatcher
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.port import HashBanks, Revision
from tidegate.moderation.detection import DetectorStatus

ROOT = Path(__file__).resolve().parents[2]
BANK = DEFAULT_BANK.id
KNOWN = picture(1)
KNOWN_ENTRY = Entry("k", (pdq(KNOWN).hash,))

ADD_MANY = """
import sys
from tests.detectors.bank_stores import banks_at
from tidegate.detectors.banks.bank import Entry
banks = banks_at(sys.argv[1])
for at in range(20):
    name = f"{sys.argv[2]} {at}"
    banks.add("known_violations", [Entry(name, (name.encode().ljust(32),))])
    if at % 2:
        banks.remove("known_violations", [name])
"""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BankStore:
    if request.param == "sqlite":
        return SqliteBankStore(tmp_path / "banks.db")
    found: PostgresBankStore = request.getfixturevalue("postgres_banks")
    return found


def run(store: BankStore, *statements: str) -> None:
    """As somebody may who owns the store. In words that both databases understand."""
    if isinstance(store, PostgresBankStore):
        store.run("SET search_path = tidegate_banks", *statements)
        return
    with contextlib.closing(sqlite3.connect(store.named)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def filled(store: BankStore) -> HashBanks:
    banks = store.banks()
    banks.add(BANK, [KNOWN_ENTRY, Entry("other", (random_hash(2), random_hash(3)))])
    return banks


def one(name: str, seed: int = 0) -> Entry:
    return Entry(name, (random_hash(seed),))


def test_what_was_added_is_there_for_the_next_process(store: BankStore) -> None:
    filled(store)
    assert [stored.entry.id for stored in store.banks().entries(BANK, after=0, limit=9)] == ["k", "other"]


@pytest.mark.integration
def test_processes_that_write_at_the_same_time_lose_nothing(store: BankStore) -> None:
    """Three of them, each of which removes half of what it adds."""
    command = [sys.executable, "-c", ADD_MANY, store.named]
    writers = [subprocess.Popen([*command, f"w{at}"], cwd=ROOT) for at in range(3)]
    assert [writer.wait(timeout=150) for writer in writers] == [0] * 3
    banks = store.banks()
    held = {stored.entry.id for stored in banks.entries(BANK, after=0, limit=1000)}
    assert held == {f"w{writer} {at}" for writer in range(3) for at in range(0, 20, 2)}
    (bank,) = banks.banks()
    assert (bank.entries, bank.hashes) == (30, 30)


async def test_a_reader_follows_another_process_addition_by_addition(store: BankStore) -> None:
    matcher = BankMatcher(store.banks())
    await matcher.refresh()
    assert matcher.match(KNOWN) == ()
    writer = filled(store)
    await matcher.refresh()
    assert [match.entry for match in matcher.match(KNOWN)] == ["k"]
    writer.remove(BANK, ["k"])
    await matcher.refresh()
    assert matcher.match(KNOWN) == ()


def test_a_reader_misses_nothing_of_what_several_change_at_once(store: BankStore) -> None:
    """What it has collected change by change is in the end what one reads who reads everything."""
    done, held, seen = threading.Event(), set[int](), list[Revision]()

    def change(writer: int) -> None:
        banks = store.banks()
        for at in range(12):
            banks.add(BANK, [one(f"{writer} {at} {each}") for each in range(3)])
            banks.remove(BANK, [f"{writer} {at} 1", f"{writer} {at - 1} 0"])

    def follow() -> None:
        reader, last = store.banks(), False
        while not last:
            last = done.is_set()
            if changes := reader.changes_since(seen[-1] if seen else None):
                assert changes.complete == (not seen)
                held.difference_update(changes.removed)
                held.update(numbers(changes.added).difference(changes.removed))
                seen.append(changes.revision)

    with ThreadPoolExecutor(4) as threads:
        following = threads.submit(follow)
        try:
            list(threads.map(change, range(3)))
        finally:
            done.set()
        following.result()
    everything = store.banks().changes_since(None)
    assert everything is not None
    assert held == numbers(everything.added)
    assert len(held) == 3 * (12 + 1)
    assert seen[-1] == everything.revision


def numbers(columns: EntryColumns) -> set[int]:
    return set(columns.numbers.tolist())


def test_of_several_who_add_one_entry_with_different_hashes_one_does(store: BankStore) -> None:
    def add(seed: int) -> bool:
        try:
            return bool(store.banks().add(BANK, [one("contested", seed), one(f"beside {seed}", seed)]).added)
        except EntryExists:
            return False

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(add, range(8))) == 1
    (contested, beside) = store.banks().entries(BANK, after=0, limit=9)
    assert contested.entry.hashes == beside.entry.hashes
    (bank,) = store.banks().banks()
    assert (bank.entries, bank.hashes) == (2, 2)


def test_of_several_who_configure_a_bank_each_changes_what_it_names(store: BankStore) -> None:
    changes = [BankChange(threshold_bits=7), BankChange(enabled=False), BankChange(description="Theirs.")]
    store.banks().create(Bank("covers"))
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda change: store.banks().update("covers", change), changes))
    assert store.banks().banks()[1].bank == Bank("covers", threshold_bits=7, enabled=False, description="Theirs.")


def test_numbers_are_never_used_again(store: BankStore) -> None:
    """Not of the last entry and not of the last bank, which a counter that looks at what is there would give anew."""
    banks = filled(store)
    last = banks.entries(BANK, after=0, limit=9)[-1].number
    banks.remove(BANK, ["other"])
    banks.add(BANK, [one("new")])
    assert banks.entries(BANK, after=0, limit=9)[-1].number > last
    first = banks.create(Bank("covers"))
    banks.delete("covers")
    assert banks.create(Bank("covers")).number > first.number


def lost_an_entry(store: BankStore) -> None:
    run(store, "DELETE FROM entries WHERE id = 'k'")


def lost_its_state(store: BankStore) -> None:
    run(store, "DELETE FROM state")


def of_a_newer_tidegate(store: BankStore) -> None:
    if isinstance(store, PostgresBankStore):
        run(store, "INSERT INTO migrations (version) VALUES (99)")
    else:
        run(store, "PRAGMA user_version = 99")


def with_a_bank_of_a_strange_kind(store: BankStore) -> None:
    run(store, "UPDATE banks SET kind = 'OTHER'")


def without_a_table(store: BankStore) -> None:
    run(store, "DROP TABLE removals", "DROP TABLE entries")


@pytest.mark.parametrize(
    "damage", [lost_an_entry, lost_its_state, of_a_newer_tidegate, with_a_bank_of_a_strange_kind, without_a_table]
)
async def test_a_store_that_is_not_whole_fails_every_answer(
    store: BankStore, damage: Callable[[BankStore], None]
) -> None:
    filled(store)
    damage(store)
    matcher = BankMatcher(store.banks(), max_age_s=60)
    with pytest.raises(BanksUnavailable):
        await matcher.refresh()
    assert matcher.answer(KNOWN).status is DetectorStatus.FAILED
    assert not await matcher.ready()
