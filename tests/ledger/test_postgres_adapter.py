"""The PostgreSQL ledger keeps the contract, and many replicas share one database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from tests.ledger.ledger_contract import LedgerContract
from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S, verified
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_partitions import AHEAD_DAYS
from tidegate.ledger.postgres_place import MIGRATED_AHEAD_DAYS, PostgresPlace
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.ledger.record_format import RecordFormatError
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.pipeline.recording import Uuid7Ids
from tidegate.postgres.connection import PostgresTarget

pytestmark = pytest.mark.integration


@pytest.fixture
async def ledger(target: PostgresTarget) -> AsyncIterator[PostgresLedger]:
    opened = PostgresLedger(target, timeout_s=PATIENT_S)
    yield opened
    await opened.close()


class TestPostgresLedger(LedgerContract):
    """The `ledger` fixture is this module's."""


def asked(target: PostgresTarget, statement: str) -> list[tuple[object, ...]]:
    """As somebody at a prompt."""
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        return outside.execute(statement).fetchall()


def days(target: PostgresTarget) -> list[str]:
    """Days that have a table."""
    found = asked(
        target, "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent::regclass::text ~ 'records$'"
    )
    return sorted(str(name).rpartition("records_")[2] for (name,) in found)


async def test_many_replicas_that_start_at_once_make_one_ledger(target: PostgresTarget) -> None:
    replicas = [PostgresLedger(target, timeout_s=PATIENT_S) for _ in range(8)]
    records = [sample_record() for _ in replicas]
    assert await asyncio.gather(*map(PostgresLedger.append, replicas, records)) == records
    await asyncio.gather(*map(PostgresLedger.close, replicas))
    assert asked(target, "SELECT version FROM tidegate_ledger.migrations") == [
        (number + 1,) for number in range(LEDGER.newest)
    ]
    report = verified(PostgresPlace(target))
    assert (report.records, report.writers, report.breaks) == (8, 8, ())


async def test_replicas_that_get_one_key_at_the_same_moment_make_one_decision(target: PostgresTarget) -> None:
    replicas = [PostgresLedger(target, timeout_s=PATIENT_S) for _ in range(3)]
    for number in range(20):
        keys = [f"{number}-{each}" for each in range(4)]
        answers = await asyncio.gather(
            *(ledger.append(sample_record(idempotency_key=key)) for ledger in replicas for key in keys)
        )
        assert len({answer.decision_id for answer in answers}) == len(keys)
    await asyncio.gather(*map(PostgresLedger.close, replicas))
    report = verified(PostgresPlace(target))
    assert (report.records, report.intact) == (80, True)


async def test_concurrent_appends_share_commits(ledger: PostgresLedger, target: PostgresTarget) -> None:
    await ledger.append(sample_record())
    before = asked(target, "SELECT xmin::text::bigint FROM tidegate_ledger.heads")
    await asyncio.gather(*(ledger.append(sample_record()) for _ in range(500)))
    after = asked(target, "SELECT xmin::text::bigint FROM tidegate_ledger.heads")
    assert 1 <= int(str(after[0][0])) - int(str(before[0][0])) < 50


async def test_each_day_has_its_table_and_the_next_ones_are_made_ahead(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    await ledger.append(sample_record(decided_at=datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC)))
    assert days(target) == ["20261231", "20270101", "20270102"]
    assert AHEAD_DAYS == 2
    await ledger.append(sample_record(decided_at=datetime(2027, 1, 1, tzinfo=UTC)))
    assert days(target)[-1] == "20270103"


async def test_decisions_about_midnight_and_of_late_clocks_find_their_day(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """In one transaction."""
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    moments = [
        midnight,
        midnight - timedelta(microseconds=1),
        midnight - timedelta(days=40),
        datetime(1970, 1, 2, tzinfo=UTC),
    ]
    moments += [datetime(2026, 11, 23, 1, tzinfo=UTC).astimezone(), datetime(9999, 12, 30, tzinfo=UTC)]
    records = [sample_record(decided_at=moment) for moment in moments]
    assert await asyncio.gather(*map(ledger.append, records)) == records
    assert [await ledger.get(record.decision_id) for record in records] == records
    with PostgresPlace(target).opened() as archive:
        assert [(day, count) for day, count in archive.days() if day.year == 2026] == [
            (date(2026, 10, 14), 1),
            (date(2026, 11, 22), 1),
            (date(2026, 11, 23), 2),
        ]
        assert archive.count(since=midnight) == 3


async def test_a_reader_that_takes_long_holds_up_no_new_day(ledger: PostgresLedger, target: PostgresTarget) -> None:
    await ledger.append(sample_record())
    with PostgresPlace(target).opened() as archive, archive.snapshot():
        entries = archive.entries()
        next(entries)
        record = sample_record(decided_at=datetime(2027, 6, 1, tzinfo=UTC))
        assert await ledger.append(record) == record


async def test_who_holds_the_table_at_midnight_holds_up_no_decision_of_a_day_that_has_one(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """ANALYZE takes this lock, for as long as it takes."""
    evening = sample_record(decided_at=datetime(2026, 12, 31, 23, tzinfo=UTC))
    morning = sample_record(decided_at=datetime(2027, 1, 1, tzinfo=UTC))
    await ledger.append(evening)
    with contextlib.closing(psycopg.connect(target.dsn)) as analyst:
        analyst.execute("LOCK TABLE tidegate_ledger.records IN SHARE UPDATE EXCLUSIVE MODE")
        assert await ledger.append(morning) == morning
        assert days(target)[-1] == "20270102", "a third day could not be made"
    other = PostgresLedger(target, timeout_s=PATIENT_S)
    await other.append(sample_record(decided_at=datetime(2027, 1, 1, 1, tzinfo=UTC)))
    assert days(target)[-1] == "20270103"
    await other.close()


async def test_a_day_that_was_dropped_is_made_again_when_it_is_written_to(
    ledger: PostgresLedger, target: PostgresTarget
) -> None:
    """As retention drops it. An idempotency key goes with its record."""
    first = await ledger.append(sample_record(idempotency_key="k"))
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("DROP TABLE tidegate_ledger.records_20261122")
    again = sample_record(idempotency_key="k", fingerprint="another")
    assert await ledger.append(again) == again
    assert await ledger.get(first.decision_id) is None
    assert await ledger.find_by_key("k") == again


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tidegate_ledger.records SET fingerprint = ''",
        "DELETE FROM tidegate_ledger.records",
        "DELETE FROM tidegate_ledger.records_20261122",
        "TRUNCATE tidegate_ledger.records",
        "TRUNCATE tidegate_ledger.records_20261122",
        "UPDATE tidegate_ledger.policies SET document = 'changed'",
        "DELETE FROM tidegate_ledger.policies",
        "UPDATE tidegate_ledger.heads SET sequence = 0",
        "DELETE FROM tidegate_ledger.heads",
        "UPDATE tidegate_ledger.idempotency_keys SET decision_id = 'another'",
        "DELETE FROM tidegate_ledger.idempotency_keys",
    ],
)
async def test_the_tables_themselves_refuse_changes(
    ledger: PostgresLedger, target: PostgresTarget, statement: str
) -> None:
    record = await ledger.append(sample_record(idempotency_key="k"))
    await ledger.keep_policies({"ab": "kept"})
    with pytest.raises(psycopg.errors.RestrictViolation, match=r"append-only|only grows"):
        asked(target, statement)
    assert await ledger.find_by_key("k") == record


async def test_a_key_and_an_id_may_hold_any_character_that_a_caller_may_send(ledger: PostgresLedger) -> None:
    record = sample_record(idempotency_key="zero \0, snow ☃")
    assert await ledger.append(record) == record
    assert await ledger.find_by_key("zero \0, snow ☃") == record
    assert await ledger.get("zero \0") is None
    with pytest.raises(RecordFormatError):
        await ledger.append(sample_record(decision_id="zero \0"))


async def test_an_id_that_tells_its_day_is_found_whatever_day_it_tells(ledger: PostgresLedger) -> None:
    """Ids are of now, and the sample's decision is not."""
    record = sample_record(decision_id=Uuid7Ids()())
    await ledger.append(record)
    assert await ledger.get(record.decision_id) == record


@pytest.mark.parametrize("decision_id", ["e677d21fdbff7" + 19 * "0", "ffffffffffff7" + 19 * "f"])
async def test_an_id_that_tells_a_day_beyond_the_calendar_is_not_found(
    ledger: PostgresLedger, decision_id: str
) -> None:
    assert await ledger.get(decision_id) is None


async def test_a_ledger_of_a_newer_version_is_left_alone(ledger: PostgresLedger, target: PostgresTarget) -> None:
    await ledger.append(sample_record())
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("INSERT INTO tidegate_ledger.migrations (version) VALUES (99)")
    old = PostgresLedger(target, timeout_s=PATIENT_S)
    with pytest.raises(LedgerUnavailable):
        await old.append(sample_record())
    await old.close()


async def test_somebody_elses_schema_is_left_alone(target: PostgresTarget) -> None:
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("CREATE SCHEMA tidegate_ledger")
        outside.execute("CREATE TABLE tidegate_ledger.theirs (a integer)")
    ledger = PostgresLedger(target, timeout_s=PATIENT_S)
    with pytest.raises(LedgerUnavailable):
        await ledger.append(sample_record())
    await ledger.close()
    assert asked(target, "SELECT count(*) FROM pg_class WHERE relnamespace = 'tidegate_ledger'::regnamespace") == [(1,)]


async def test_who_may_only_use_the_tables_can_record(ledger: PostgresLedger, target: PostgresTarget) -> None:
    """Nothing is created where all is there: a role without the right to is enough for a day that has its table."""
    await ledger.append(sample_record())
    PostgresPlace(target).migrate()
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("DROP ROLE IF EXISTS router")
        outside.execute("CREATE ROLE router LOGIN")
        outside.execute("GRANT USAGE ON SCHEMA tidegate_ledger TO router")
        outside.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA tidegate_ledger TO router")
    humble = PostgresLedger(PostgresTarget(target.dsn.replace("tidegate@", "router@")), timeout_s=PATIENT_S)
    last = datetime.now(UTC) + timedelta(days=MIGRATED_AHEAD_DAYS)  # the days ahead of it have no table
    for record in (sample_record(), sample_record(decided_at=last), sample_record(decided_at=last)):
        assert await humble.append(record) == record
    with pytest.raises(LedgerUnavailable):
        await humble.append(sample_record(decided_at=last + timedelta(days=1)))
    keyed = sample_record(idempotency_key="k")
    assert await humble.append(keyed) == keyed
    await humble.close()
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("DROP OWNED BY router")
        outside.execute("DROP ROLE router")


async def test_readiness_of_an_idle_ledger_is_probed_and_of_a_busy_one_is_known(target: PostgresTarget) -> None:
    now = 0.0
    ledger = PostgresLedger(target, timeout_s=PATIENT_S, clock=lambda: now)
    probes = "SELECT sum(probes)::integer FROM tidegate_ledger.readiness"
    await ledger.append(sample_record())
    assert await ledger.ready()
    assert asked(target, probes) == [(0,)]
    now = 2.0
    assert await ledger.ready()
    assert asked(target, probes) == [(1,)]
    await ledger.close()
