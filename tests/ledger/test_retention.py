"""Old days go, whole and only when they may; what stays can be verified, and what went is told from what is missing."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest

from tests.ledger.old_decisions import day, decided, exported, ids, retained, write
from tests.ledger.stores import LedgerStore, SqliteStore, verified
from tidegate.ledger.archive import LedgerUnreadableError
from tidegate.ledger.retention import DayOutcome, Rule, retain
from tidegate.ledger.retention_anchors import Reason
from tidegate.ledger.retention_survey import surveyed
from tidegate.ledger.verify import BreakKind
from tidegate.moderation.decision import DecisionRecord
from tidegate.pipeline.recording import Uuid7Ids

WITHOUT_EXPORT = Reason(2, "", "a test")


async def test_days_before_those_that_are_kept_go_and_nothing_else(store: LedgerStore) -> None:
    """Today's and what a fast clock dated ahead stay, too."""
    kept = [decided(days_ago) for days_ago in (-3, 0, 1, 2)]
    await write(store, [*kept, *(decided(days_ago) for days_ago in (5, 6, 400))])
    before = verified(store.place)
    reports = retained(store, keep_days=3)
    assert [(each.day, each.outcome, each.records) for each in reports] == [
        (day(days_ago), DayOutcome.REMOVED, 1) for days_ago in (400, 6, 5)
    ]
    assert ids(store) == {record.decision_id for record in kept}
    after = verified(store.place)
    assert after.breaks == ()
    assert (after.records, after.removed, after.writers) == (4, 3, 1)
    assert after.heads_digest == before.heads_digest
    assert [(each.day, each.records, each.reason.keep_days) for each in after.removals] == [
        (day(400), 1, 3),
        (day(6), 1, 3),
        (day(5), 1, 3),
    ]
    assert retained(store, keep_days=3) == []


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_was_written_by_whom_on_which_days_chains_hold(store: LedgerStore, seed: int) -> None:
    """Days of one writer in any order, as about midnight or with a wrong clock; removed in two runs."""
    dice = random.Random(seed)
    written: list[tuple[int, DecisionRecord]] = []
    for _ in range(dice.randint(1, 3)):
        days = [dice.choice([0, 1, 5, 6, 7, 20]) for _ in range(dice.randint(1, 30))]
        records = [decided(days_ago) for days_ago in days]
        await write(store, records, together=False)
        written += zip(days, records, strict=True)
    for keep_days in (10, 3):
        assert not [each for each in retained(store, keep_days=keep_days) if each.is_left]
        left = {record.decision_id for days_ago, record in written if days_ago <= keep_days}
        assert ids(store) == left
        report = verified(store.place)
        assert report.breaks == ()
        assert (report.records, report.removed) == (len(left), len(written) - len(left))
        assert sum(each.records for each in report.removals) == report.removed
    await write(store, [decided(0) for _ in range(3)])
    assert verified(store.place).intact


@pytest.fixture
async def shortened(store: LedgerStore) -> LedgerStore:
    """One writer's records 1 to 9; 1, 2 and 5, 6 are gone."""
    days = (9, 9, 0, 0, 8, 8, 0, 0, 0)
    records = [decided(days_ago, decision_id=f"d{number}") for number, days_ago in enumerate(days, start=1)]
    await write(store, records, together=False)
    retained(store, keep_days=3)
    assert verified(store.place).removed == 4
    return store


@pytest.mark.parametrize(
    ("statement", "kind", "sequence"),
    [
        ("DELETE FROM records WHERE decision_id = 'd3'", BreakKind.GAP, 4),
        ("DELETE FROM records WHERE decision_id = 'd4'", BreakKind.GAP, 5),
        ("DELETE FROM records WHERE decision_id = 'd9'", BreakKind.TRUNCATED, 9),
        ("DELETE FROM records", BreakKind.GAP, 5),
        ("DELETE FROM anchors WHERE first_sequence = 1", BreakKind.GAP, 3),
        ("DELETE FROM anchors WHERE first_sequence = 5", BreakKind.GAP, 7),
        ("UPDATE anchors SET last_sequence = 3 WHERE first_sequence = 1", BreakKind.GAP, 3),
        ("UPDATE anchors SET last_sequence = 7 WHERE first_sequence = 5", BreakKind.GAP, 7),
        ("UPDATE anchors SET hash = zeroblob(32) WHERE first_sequence = 1", BreakKind.WRONG_PREVIOUS, 3),
        ("UPDATE anchors SET previous_hash = hash WHERE first_sequence = 5", BreakKind.WRONG_ANCHOR, 5),
        ("UPDATE anchors SET first_sequence = 4 WHERE first_sequence = 5", BreakKind.WRONG_ANCHOR, 4),
    ],
)
def test_what_is_missing_beside_it_or_does_not_fit_it_is_told_from_what_retention_removed(
    shortened: LedgerStore, statement: str, kind: BreakKind, sequence: int
) -> None:
    shortened.tamper(statement)
    [found] = verified(shortened.place).breaks
    assert (found.kind, found.sequence) == (kind, sequence)


async def test_a_writer_of_which_nothing_is_left_is_still_whole(store: LedgerStore) -> None:
    await write(store, [decided(9), decided(8)], together=False)
    retained(store, keep_days=3)
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed, report.writers) == ((), 0, 2, 1)
    store.tamper("DELETE FROM anchors WHERE first_sequence = 2")
    [found] = verified(store.place).breaks
    assert (found.kind, found.sequence) == (BreakKind.TRUNCATED, 2)


async def test_a_dry_run_finds_the_same_and_removes_nothing(store: LedgerStore) -> None:
    await write(store, [decided(days_ago) for days_ago in (0, 5, 5, 6)])
    tried = retained(store, keep_days=3, dry_run=True)
    assert len(ids(store)) == 4
    assert verified(store.place).removals == ()
    assert [replace(each, outcome=DayOutcome.REMOVED) for each in tried] == retained(store, keep_days=3)


async def test_less_than_a_day_is_never_kept(store: LedgerStore) -> None:
    await write(store, [decided(0)])
    with pytest.raises(ValueError, match="at least one day"):
        retained(store, keep_days=0)


async def test_a_day_that_the_export_holds_goes(store: LedgerStore, tmp_path: Path) -> None:
    """Of several writers, in several files, of several exports."""
    out = tmp_path / "out"
    for _ in range(2):
        await write(store, [decided(number % 2 * 5) for number in range(40)])
        exported(store, out, rows_per_file=7)
    assert [each.outcome for each in retained(store, keep_days=3, exported_to=out)] == [DayOutcome.REMOVED]
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed) == ((), 40, 40)
    assert report.removals[0].reason.exported_to == str(out)
    assert report.removals[0].writers == 2


def spoil_by_more(store: LedgerStore, out: Path) -> None:
    """One more record comes to the day after its export."""
    del out
    asyncio.run(write(store, [decided(5)]))


def spoil_by_loss(store: LedgerStore, out: Path) -> None:
    del store
    next(out.glob(f"decisions/day={day(5)}/part-00001.parquet")).unlink()


def spoil_by_change(store: LedgerStore, out: Path) -> None:
    """Counts and chains are right, and one byte of one record is not."""
    del store
    part = next(out.glob(f"decisions/day={day(5)}/part-00001.parquet"))
    table = pq.read_table(part)
    records = table["record"].to_pylist()
    records[2] = records[2].replace(b"comment-1", b"comment-2")
    changed = table.set_column(table.schema.get_field_index("record"), table.schema.field("record"), [records])
    pq.write_table(changed, part)


def spoil_by_damage(store: LedgerStore, out: Path) -> None:
    del store
    part = next(out.glob(f"decisions/day={day(5)}/part-00001.parquet"))
    part.write_bytes(part.read_bytes()[:-40])


def spoil_by_exchange(store: LedgerStore, out: Path) -> None:
    """As many records of the same day, of another ledger."""
    for part in out.glob(f"decisions/day={day(5)}/*"):
        part.unlink()
    other = SqliteStore(out.parent / "other.db")
    asyncio.run(write(other, [decided(5) for _ in range(9)]))
    exported(other, out)


@pytest.mark.parametrize("spoil", [spoil_by_more, spoil_by_loss, spoil_by_change, spoil_by_damage, spoil_by_exchange])
def test_a_day_that_the_export_does_not_hold_whole_stays(
    store: LedgerStore, tmp_path: Path, spoil: Callable[[LedgerStore, Path], None]
) -> None:
    """The others go."""
    out = tmp_path / "out"
    asyncio.run(write(store, [decided(days_ago) for days_ago in [5] * 9 + [6] * 9]))
    exported(store, out, rows_per_file=4)
    spoil(store, out)
    held = ids(store)
    reports = {each.day: each for each in retained(store, keep_days=3, exported_to=out)}
    assert reports[day(6)].outcome is DayOutcome.REMOVED
    assert (reports[day(5)].outcome, reports[day(5)].records) == (DayOutcome.NOT_EXPORTED, 0)
    assert f"day={day(5)}" in reports[day(5)].detail
    assert len(held) - len(ids(store)) == 9
    report = verified(store.place)
    assert (report.breaks, [each.day for each in report.removals]) == ((), [day(6)])


ALTERED = """
UPDATE records SET record = CAST(replace(CAST(record AS TEXT), 'REVIEW', 'ALLOW') AS BLOB) WHERE decision_id = 'd'
"""


async def test_a_day_with_an_altered_record_stays_since_removing_it_would_hide_that(store: LedgerStore) -> None:
    await write(store, [decided(5), decided(5, decision_id="d"), decided(5), decided(6)])
    store.tamper(ALTERED)
    reports = retained(store, keep_days=3)
    assert [(each.day, each.outcome) for each in reports] == [
        (day(6), DayOutcome.REMOVED),
        (day(5), DayOutcome.BROKEN),
    ]
    assert "ALTERED" in reports[1].detail
    assert [found.kind for found in verified(store.place).breaks] == [BreakKind.ALTERED]


async def test_todays_record_filed_under_an_old_day_is_not_removed_with_it(ledger_path: Path) -> None:
    """Only SQLite could: PostgreSQL's day is a table."""
    store = SqliteStore(ledger_path)
    await write(store, [decided(5), decided(0, decision_id="d")])
    with sqlite3.connect(ledger_path) as database:
        database.execute("DROP TRIGGER records_refuse_update")
        database.execute("UPDATE records SET decided_at_us = decided_at_us - 432000000000 WHERE decision_id = 'd'")
    database.close()
    assert [each.outcome for each in retained(store, keep_days=3)] == [DayOutcome.BROKEN]
    assert len(ids(store)) == 2


async def test_a_record_that_comes_to_the_day_after_it_was_surveyed_does_not_go_unseen(store: LedgerStore) -> None:
    await write(store, [decided(5), decided(5)])
    late = decided(5)
    with store.place.opened() as archive, store.place.remover() as remover:
        survey = surveyed(archive, day(5), export=None)
        await write(store, [late])
        removed = remover.remove(survey, WITHOUT_EXPORT)
        assert late.decision_id in ids(store)
        assert verified(store.place).removed == (2 if removed else 0)
        reports = list(retain(archive, remover, Rule(WITHOUT_EXPORT, None)))
        assert [each.records for each in reports] == [1 if removed else 3]
    report = verified(store.place)
    assert (report.breaks, report.records, report.removed) == ((), 0, 3)


async def test_a_day_that_was_removed_may_be_written_to_and_removed_again(store: LedgerStore) -> None:
    """By a router whose clock is late."""
    ledger = store.ledger()
    await ledger.append(decided(5))
    for _ in range(2):
        retained(store, keep_days=3)
        late = await ledger.append(decided(5))
        assert ids(store) == {late.decision_id}
        assert verified(store.place).intact
    await ledger.close()
    assert [each.day for each in verified(store.place).removals] == [day(5), day(5)]


async def test_a_key_goes_with_its_decision_and_the_item_is_decided_anew(store: LedgerStore) -> None:
    ledger = store.ledger()
    await ledger.append(decided(5, idempotency_key="k"))
    young = await ledger.append(decided(0, idempotency_key="young"))
    retained(store, keep_days=3)
    assert await ledger.find_by_key("k") is None
    again = decided(0, idempotency_key="k", fingerprint="another")
    assert await ledger.append(again) == again
    assert await ledger.append(decided(0, idempotency_key="k", fingerprint="another")) == again
    assert await ledger.append(decided(0, idempotency_key="young")) == young
    await ledger.close()
    assert verified(store.place).intact


async def test_an_id_that_tells_its_day_tells_that_the_day_was_removed(store: LedgerStore) -> None:
    old = decided(5)
    told = f"{int(old.decided_at.timestamp() * 1000):012x}{Uuid7Ids()()[12:]}"
    ledger = store.ledger()
    await ledger.append(replace(old, decision_id=told))
    today = await ledger.append(replace(decided(0), decision_id=Uuid7Ids()()))
    assert await ledger.removal_of(told) is None
    retained(store, keep_days=3)
    assert await ledger.get(told) is None
    removal = await ledger.removal_of(told)
    assert removal is not None
    assert (removal.day, removal.records, removal.reason.keep_days) == (day(5), 1, 3)
    assert removal.removed_at.date() in {day(0), day(-1)}
    for other in (today.decision_id, "no id of ours", "f" * 32):
        assert await ledger.removal_of(other) is None
    await ledger.close()


async def test_only_one_removes_at_a_time(store: LedgerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.ledger.postgres_retention.ALONE_WITHIN_MS", 50)
    await write(store, [decided(5)])
    with store.place.remover(), pytest.raises(LedgerUnreadableError, match="another process removes days"):
        retained(store, keep_days=3)
    assert retained(store, keep_days=3)[0].records == 1


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {schema}records WHERE decision_id = 'd3'",
        "UPDATE {schema}anchors SET hash = previous_hash",
        "DELETE FROM {schema}anchors",
        "UPDATE {schema}removals SET keep_days = 1",
        "DELETE FROM {schema}removals",
    ],
)
def test_the_tables_refuse_to_forget_what_was_removed_and_to_lose_more(shortened: LedgerStore, statement: str) -> None:
    postgres = not isinstance(shortened, SqliteStore)
    refused = psycopg.errors.RestrictViolation if postgres else sqlite3.IntegrityError
    with pytest.raises(refused, match=r"append-only|only grows"):
        _at_a_prompt(shortened, statement.format(schema="tidegate_ledger." if postgres else ""))


def _at_a_prompt(store: LedgerStore, statement: str) -> None:
    connection = sqlite3.connect(store.named) if isinstance(store, SqliteStore) else psycopg.connect(store.named)
    try:
        connection.execute(statement)
        connection.commit()
    finally:
        connection.close()


async def test_days_go_while_routers_write(store: LedgerStore) -> None:
    """To today and with keys, by two of them, from before the first removal until after the last."""
    await write(store, [decided(5 + number % 4, idempotency_key=f"old-{number}") for number in range(600)])
    ledgers, done = [store.ledger() for _ in range(2)], asyncio.Event()
    recorded: list[str] = []

    async def caller(number: int) -> None:
        while not done.is_set():
            record = decided(0, idempotency_key=f"{number}-{len(recorded)}")
            recorded.append((await ledgers[number % 2].append(record)).decision_id)

    async def some_are_recorded() -> None:
        recorded.extend([(await ledger.append(decided(0))).decision_id for ledger in ledgers])

    callers = [asyncio.create_task(caller(number)) for number in range(6)]
    await some_are_recorded()
    reports = await asyncio.to_thread(retained, store, keep_days=3)
    await some_are_recorded()
    done.set()
    await asyncio.gather(*callers)
    for ledger in ledgers:
        await ledger.close()
    assert [each.outcome for each in reports] == [DayOutcome.REMOVED] * 4
    assert ids(store) == set(recorded)
    report = verified(store.place)
    assert (report.breaks, report.removed, report.records) == ((), 600, len(recorded))
