"""Two releases on one database, as during an upgrade: the older one goes on where the newer one's tables let it."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests.ledger import next_release
from tests.ledger.lossy_proxy import Cut, LossyProxy
from tests.ledger.next_release import BANKS_STEP, LEDGER_STEP, after
from tests.ledger.postgres_server import PostgresServer
from tests.ledger.sample_records import sample_record
from tests.ledger.stores import PATIENT_S, PostgresStore, verified
from tidegate.cli.main import main
from tidegate.detectors.banks.postgres_schema import BANKS
from tidegate.ledger import postgres_place
from tidegate.ledger.archive import LedgerUnreadableError
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres import schema as schemas
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.schema import ForeignSchemaError, Schema
from tidegate.telemetry.pressure import LedgerFailure, NullLedgerMetrics

pytestmark = pytest.mark.integration

SCHEMAS = pytest.mark.parametrize(("schema", "step"), [(LEDGER, LEDGER_STEP), (BANKS, BANKS_STEP)])
NEXT = LEDGER.newest + 1
REFUSED = (
    f"has schema version {NEXT}, which a newer Tidegate made and which needs one that knows version {NEXT} at least;"
    f" this one knows {LEDGER.newest} at most"
)
POLICY = {"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": "{}"}


class Counted(NullLedgerMetrics):
    """Why records are not durable."""

    def __init__(self) -> None:
        self.failures: list[LedgerFailure] = []

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        self.failures += [cause] * records


@pytest.fixture
async def ledger(target: PostgresTarget) -> AsyncIterator[PostgresLedger]:
    """A router of this release, which is connected."""
    opened = PostgresLedger(target, timeout_s=PATIENT_S)
    await opened.append(sample_record())
    yield opened
    await opened.close()


@pytest.fixture
def empty(target: PostgresTarget) -> Iterator[PostgresTarget]:
    """A database without the banks either, which this leaves behind."""
    asked(target, "DROP SCHEMA IF EXISTS tidegate_banks CASCADE")
    yield target
    asked(target, "DROP SCHEMA IF EXISTS tidegate_banks CASCADE")


def asked(target: PostgresTarget, statement: str) -> list[tuple[object, ...]]:
    """As somebody at a prompt."""
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        answer = outside.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def migrated(target: PostgresTarget, schema: Schema) -> list[str]:
    """Brings the database to the schema's version, and returns what was warned of."""
    told: list[str] = []
    with contextlib.closing(target.connected(name="a test", timeout_s=PATIENT_S)) as connection:
        schema.migrate(connection, warned=told.append)
    return told


def noted(target: PostgresTarget, schema: Schema) -> list[tuple[object, ...]]:
    return asked(target, f"SELECT version, compatible_from FROM {schema.name}.migrations ORDER BY version")


def forget_notes(target: PostgresTarget, schema: Schema) -> None:
    """As every database is that a release made before there were notes."""
    asked(target, f"ALTER TABLE {schema.name}.migrations DROP COLUMN compatible_from")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


@SCHEMAS
def test_every_migration_says_who_may_go_on_and_no_file_is_forgotten(schema: Schema, step: str) -> None:
    del step
    for version, each in enumerate(schema.steps, start=1):
        assert 1 <= each.compatible_from <= version
        assert int(each.file.partition("_")[0]) == version
    folder = Path(sys.modules[schema.package].__path__[0]) / "migrations"
    assert [each.file for each in schema.steps] == sorted(path.name for path in folder.glob("*.sql"))


async def test_an_older_release_reads_and_writes_under_newer_tables_and_connects_again(
    ledger: PostgresLedger, postgres: PostgresServer, target: PostgresTarget, tmp_path: Path
) -> None:
    assert migrated(target, after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=LEDGER.newest)) == []
    keyed = sample_record(idempotency_key="k")
    assert await ledger.append(keyed) == keyed
    await asyncio.to_thread(postgres.restart_at_once)
    later = sample_record(decided_at=datetime(2027, 3, 1, tzinfo=UTC))
    assert await ledger.append(later) == later
    assert await ledger.get(keyed.decision_id) == keyed
    assert await ledger.append(sample_record(idempotency_key="k")) == keyed
    await ledger.keep_policies(POLICY)
    assert await ledger.ready()
    other = PostgresLedger(target, timeout_s=PATIENT_S)  # a replica of this release that starts only now
    assert await other.append(sample_record(idempotency_key="k")) == keyed
    assert await other.policy_document(*POLICY) == "{}"
    await other.close()
    made_by_older = "SELECT attname FROM pg_attribute WHERE attrelid = 'tidegate_ledger.records_20270301'::regclass"
    assert ("release",) in asked(target, made_by_older)


async def test_who_looks_back_goes_on_and_nothing_is_removed(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path
) -> None:
    """What was removed under rules that are not known could not be put back."""
    newer = after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=LEDGER.newest)
    migrated(target, newer)
    await ledger.append(sample_record())
    for command in (["verify"], ["stats"], ["migrate"], ["export", "--out", str(tmp_path / "out")]):
        result = run("ledger", *command, "--ledger", target.dsn)
        assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert noted(target, newer)[-1] == (NEXT, LEDGER.newest)
    with contextlib.closing(PostgresStore(target).place.follower(lambda _: "")) as follower:
        assert [len(stretch.payloads) for stretch in follower.unread(limit=10)] == [2]
    result = run("ledger", "retention", "--keep-days", "1", "--not-exported", "--ledger", target.dsn)
    assert result.exit_code == 1
    assert f"its schema version {NEXT} is of a newer Tidegate, and this one knows {LEDGER.newest}" in result.stderr
    assert verified(PostgresStore(target).place).records == 2


async def test_two_releases_write_at_the_same_time_and_the_ledger_is_whole(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path
) -> None:
    """Under the same keys, of which each stands for one decision, whoever made it."""
    keys, arguments = 60, [target.dsn, str(tmp_path), "2", "60", "shared"]
    program = [sys.executable, "-m", next_release.__name__, *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    newer = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE, env=environment)
    assert newer.stdout is not None
    assert await newer.stdout.readline() == b"READY\n"  # it has brought the tables to its version
    older = {
        key: await ledger.append(sample_record(idempotency_key=f"shared-{key}", account_id="a"))
        for key in reversed(range(keys))
    }
    answers = [line.split() for line in (await newer.stdout.read()).decode().splitlines()]
    assert await newer.wait() == 0
    assert len(answers) == 2 * keys
    assert {(int(key), decision_id) for key, decision_id in answers} == {
        (key, kept.decision_id) for key, kept in older.items()
    }
    report = verified(PostgresStore(target).place)
    assert (report.intact, report.writers, report.records) == (True, 2, keys + 2)
    releases = "SELECT writer_id, min(release), max(release), count(*) = count(release) FROM tidegate_ledger.records"
    found = {row[1:] for row in asked(target, f"{releases} GROUP BY writer_id")}
    assert found == {("next", "next", True), (None, None, False)}


async def test_an_older_release_is_refused_by_tables_that_break_it_and_told_why(
    ledger: PostgresLedger, target: PostgresTarget, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [told] = migrated(target, after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=NEXT))
    assert f"know version {LEDGER.newest} at most are refused" in told
    again = PostgresLedger(target, timeout_s=PATIENT_S)
    with pytest.raises(LedgerUnavailable):
        await again.append(sample_record())
    with pytest.raises(LedgerUnavailable):
        await again.get("d")
    await again.close()
    [failed] = [each for each in caplog.records if each.message == "ledger.commit_failed"]
    assert REFUSED in failed.__dict__["cause"]
    for command in (["verify"], ["stats"], ["migrate"]):
        result = run("ledger", *command, "--ledger", target.dsn)
        assert result.exit_code == 1
        assert REFUSED in result.stderr
    place = PostgresStore(target).place
    with pytest.raises(LedgerUnreadableError, match=REFUSED), place.remover():
        pass
    with contextlib.closing(place.follower(lambda _: "")) as follower, pytest.raises(ForeignSchemaError, match=REFUSED):
        follower.unread(limit=10)


async def test_a_lost_commit_is_not_looked_for_where_looking_is_refused(
    ledger: PostgresLedger,
    postgres: PostgresServer,
    target: PostgresTarget,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The callers hear of it at once: to ask a newer router under the same key is safe, and to wait is no use."""
    newer, metrics = after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=NEXT), Counted()
    proxy = LossyProxy(postgres.port)
    through = PostgresTarget(f"postgresql://tidegate@127.0.0.1:{proxy.port}/postgres")
    distant = PostgresLedger(through, timeout_s=PATIENT_S, metrics=metrics)
    await distant.append(sample_record())
    record = sample_record(content_id="the-marked-one", idempotency_key="k")

    def upgraded() -> None:
        migrated(target, newer)

    proxy.cut_at(b"the-marked-one", Cut.AFTER_THE_ANSWER, meanwhile=upgraded)
    with pytest.raises(LedgerUnavailable):
        await distant.append(record)
    assert metrics.failures == [LedgerFailure.COMMIT]
    [failed] = [each for each in caplog.records if each.message == "ledger.commit_failed"]
    assert REFUSED in failed.__dict__["cause"]
    await distant.close()
    proxy.close()
    kept = "SELECT count(*) FROM tidegate_ledger.idempotency_keys WHERE idempotency_key = 'k'"
    assert asked(target, kept) == [(1,)]


@SCHEMAS
def test_the_oldest_that_may_go_on_is_the_strictest_of_all_migrations(
    schema: Schema, step: str, empty: PostgresTarget, tmp_path: Path
) -> None:
    """Several releases may be skipped: what broke in between stays broken."""
    first = after(schema, tmp_path, step, compatible_from=schema.newest + 1)
    second = after(first, tmp_path, f"CREATE TABLE {schema.name}.one_more ()", compatible_from=1)
    assert migrated(empty, second) == []
    with contextlib.closing(empty.connected(name="a test", timeout_s=PATIENT_S)) as connection:
        assert first.version(connection) == second.newest
        with pytest.raises(ForeignSchemaError, match=f"needs one that knows version {first.newest} at least"):
            schema.version(connection)


@SCHEMAS
def test_a_database_without_notes_gets_them_by_migrate_and_its_version_stays(
    schema: Schema, step: str, empty: PostgresTarget, tmp_path: Path
) -> None:
    """Releases before there were notes go on there: they do not look, and refuse a version that they do not know."""
    migrated(empty, schema)
    forget_notes(empty, schema)
    with contextlib.closing(empty.connected(name="a test", timeout_s=PATIENT_S)) as connection:
        schema.ensure(connection)  # as routers do, which leave it as it is
    with pytest.raises(psycopg.errors.UndefinedColumn):
        noted(empty, schema)
    assert migrated(empty, schema) == []
    assert noted(empty, schema) == [(number, None) for number in range(1, schema.newest + 1)]
    assert migrated(empty, after(schema, tmp_path, step, compatible_from=schema.newest)) == []
    assert noted(empty, schema)[-1] == (schema.newest + 1, schema.newest)


@SCHEMAS
def test_where_there_were_no_notes_releases_that_do_not_look_are_warned_of(
    schema: Schema, step: str, empty: PostgresTarget, tmp_path: Path
) -> None:
    migrated(empty, schema)
    forget_notes(empty, schema)
    [told] = migrated(empty, after(schema, tmp_path, step, compatible_from=schema.newest))
    assert "of a release that did not yet ask the database who may go on are refused" in told
    with contextlib.closing(empty.connected(name="a test", timeout_s=PATIENT_S)) as connection:
        assert schema.version(connection) == schema.newest + 1


@SCHEMAS
def test_a_connection_of_point_reads_asks_for_the_version_by_an_index(
    schema: Schema, step: str, empty: PostgresTarget
) -> None:
    """A scan of the smallest table counts as so dear there that the server compiles it first, for a second and more."""
    del step
    migrated(empty, schema)
    used = f"SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relid = '{schema.name}.migrations'::regclass"
    connection = empty.connected(name="a test", timeout_s=PATIENT_S, point_reads=True)
    with contextlib.closing(connection), connection.transaction():
        assert schema.version(connection) == schema.newest
        [(scans, by_index)] = connection.execute(used.encode()).fetchall()
    assert (scans, by_index > 0) == (0, True)


def test_notes_wait_for_no_dump_and_need_no_owner(target: PostgresTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing depends on them. A migration does, and fails."""
    monkeypatch.setattr(schemas, "STATING_WAIT_MS", 50)
    migrated(target, LEDGER)
    forget_notes(target, LEDGER)
    with psycopg.connect(target.dsn) as dump:
        dump.execute("LOCK TABLE tidegate_ledger.migrations IN ACCESS SHARE MODE")
        assert migrated(target, LEDGER) == []
        dump.rollback()
        dump.execute("DELETE FROM tidegate_ledger.migrations WHERE version = %s", (LEDGER.newest,))
        dump.commit()
        dump.execute("LOCK TABLE tidegate_ledger.migrations IN ACCESS SHARE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            migrated(target, LEDGER)
    asked(target, f"INSERT INTO tidegate_ledger.migrations (version) VALUES ({LEDGER.newest})")
    asked(target, "CREATE ROLE clerk LOGIN")
    try:
        asked(target, "GRANT USAGE ON SCHEMA tidegate_ledger TO clerk")
        asked(target, "GRANT SELECT ON ALL TABLES IN SCHEMA tidegate_ledger TO clerk")
        assert migrated(PostgresTarget(target.dsn.replace("tidegate@", "clerk@")), LEDGER) == []
    finally:
        asked(target, "DROP OWNED BY clerk")
        asked(target, "DROP ROLE clerk")


def test_the_command_warns_before_it_breaks_older_releases(
    target: PostgresTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(target, LEDGER)
    told_at: list[list[tuple[object, ...]]] = []
    newer = after(LEDGER, tmp_path, LEDGER_STEP, compatible_from=NEXT)
    monkeypatch.setattr(postgres_place, "LEDGER", newer)

    def echo(told: str, *, err: bool = False) -> None:
        if "right after this" in told:
            told_at.append(noted(target, newer))
        print(told, file=sys.stderr if err else sys.stdout)

    monkeypatch.setattr("click.echo", echo)
    result = run("ledger", "migrate", "--ledger", target.dsn)
    assert result.exit_code == 0
    assert f"warning: The ledger goes from schema version {LEDGER.newest} to {NEXT}" in result.stderr
    assert told_at == [[(1, 1), (2, 2)]], "nothing is changed yet"
    assert noted(target, newer)[-1] == (NEXT, NEXT)
    assert run("ledger", "migrate", "--ledger", target.dsn).stderr == ""
