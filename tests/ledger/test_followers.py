"""Who follows a ledger gets every record once, in the order of each writer, wherever it was interrupted."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from tests.ledger.sample_records import SAMPLE_TIME, sample_record
from tests.ledger.stores import LedgerStore, PostgresStore
from tidegate.ledger.archive import LedgerFollower
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.record_format import decode
from tidegate.postgres.connection import PostgresTarget


class Reader:
    """Takes up what it is given and notes the places, as the signals' loop does."""

    def __init__(self, store: LedgerStore) -> None:
        self.notes: dict[str, str] = {}
        self.seen: list[str] = []
        self._store = store
        self.follower = self.restarted()

    def restarted(self) -> LedgerFollower:
        self.follower = self._store.place.follower(lambda name: self.notes.get(name, ""))
        return self.follower

    def read(self, *, limit: int = 100) -> list[str]:
        """Ids of what was new."""
        new: list[str] = []
        for stretch in self.follower.unread(limit=limit):
            new += [decode(payload).decision_id for payload in stretch.payloads]
            self.notes[stretch.cursor] = stretch.place
            self.follower.taken_up(stretch)
        self.seen += new
        return new


@pytest.fixture
def reader(store: LedgerStore) -> Iterator[Reader]:
    opened = Reader(store)
    yield opened
    opened.follower.close()


async def write(store: LedgerStore, count: int, *, days: int = 1) -> list[str]:
    """By a writer of its own; ids in the order of recording."""
    ledger = store.ledger()
    records = [sample_record(decided_at=SAMPLE_TIME - timedelta(days=number % days)) for number in range(count)]
    for record in records:
        await ledger.append(record)
    await ledger.close()
    return [record.decision_id for record in records]


async def test_a_ledger_that_is_not_there_yet_is_waited_for(store: LedgerStore, reader: Reader) -> None:
    assert reader.read() == []
    written = await write(store, 3)
    assert reader.read() == written
    assert reader.read() == []


async def test_it_goes_on_where_it_stopped(store: LedgerStore, reader: Reader) -> None:
    first = await write(store, 3)
    assert reader.read() == first
    reader.follower.close()
    second = await write(store, 3)
    reader.restarted()
    assert reader.read() == second


async def test_writers_at_once_and_clocks_days_apart_lose_nothing(store: LedgerStore, reader: Reader) -> None:
    ledgers = [store.ledger() for _ in range(3)]
    written: list[str] = []

    async def record(number: int) -> None:
        made = sample_record(decided_at=SAMPLE_TIME - timedelta(days=number % 4))
        await ledgers[number % 3].append(made)
        written.append(made.decision_id)

    for start in range(0, 60, 12):
        await asyncio.gather(*map(record, range(start, start + 12)))
        await asyncio.to_thread(reader.read, limit=7)
    while await asyncio.to_thread(reader.read, limit=7):
        pass
    for ledger in ledgers:
        await ledger.close()
    assert len(reader.seen) == len(set(reader.seen)) == 60
    assert set(reader.seen) == set(written)


async def test_what_was_not_taken_up_comes_again(store: LedgerStore, reader: Reader) -> None:
    written = await write(store, 3, days=3)
    payloads = [payload for stretch in reader.follower.unread(limit=100) for payload in stretch.payloads]
    assert [decode(payload).decision_id for payload in payloads] == written
    assert reader.read() == written


@pytest.mark.integration
async def test_a_record_that_becomes_visible_late_is_not_missed(target: PostgresTarget) -> None:
    """On PostgreSQL a transaction may begin before another and commit after it."""
    store = PostgresStore(target)
    reader = Reader(store)
    await write(store, 1)
    assert len(reader.read()) == 1
    slow, quick = store.ledger(), store.ledger()
    first = await slow.append(sample_record())
    assert reader.read() == [first.decision_id]
    with contextlib.closing(psycopg.connect(target.dsn)) as holding:
        holding.execute("LOCK TABLE tidegate_ledger.idempotency_keys IN ACCESS EXCLUSIVE MODE")
        late = asyncio.create_task(slow.append(sample_record(idempotency_key="late")))
        await _waits(target)
        early = await quick.append(sample_record())
        assert await asyncio.to_thread(reader.read) == [early.decision_id]
        holding.rollback()
    recorded = await late
    assert reader.read() == [recorded.decision_id]
    await slow.close()
    await quick.close()
    reader.follower.close()


@pytest.mark.integration
async def test_what_is_recorded_while_it_looks_is_left_for_the_next_look(target: PostgresTarget) -> None:
    """A chain's days are read before its records: one of another day must not be passed over for what follows it."""
    store, loop = PostgresStore(target), asyncio.get_running_loop()
    ledger = store.ledger()
    records = [sample_record(), sample_record(decided_at=SAMPLE_TIME + timedelta(days=1)), sample_record()]
    ids = [record.decision_id for record in records]
    await ledger.append(records[0])

    def noted(_: str) -> str:
        """Is asked once a chain's end and days are read."""
        while len(records) > 1:
            asyncio.run_coroutine_threadsafe(ledger.append(records.pop(1)), loop).result()
        return ""

    follower = PostgresPlace(target).follower(noted)
    looks = []
    for _ in range(3):
        stretches = await asyncio.to_thread(follower.unread, limit=100)
        for stretch in stretches:
            follower.taken_up(stretch)
        looks.append([decode(payload).decision_id for stretch in stretches for payload in stretch.payloads])
    assert looks == [ids[:1], ids[1:], []]
    follower.close()
    await ledger.close()


async def _waits(target: PostgresTarget) -> None:
    """Until somebody waits for a lock."""

    def waiting() -> bool:
        with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
            row = outside.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
            return row is not None and row[0] > 0

    while not await asyncio.to_thread(waiting):
        pass
