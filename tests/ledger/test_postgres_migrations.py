"""What a migration notes in the database: which releases may go on there. Whom it warns, and whom it waits for."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.ledger.next_release import BANKS_STEP, LEDGER_STEP, after
from tests.ledger.schema_versions import asked, forget_notes, migrated, noted, run
from tests.ledger.stores import PATIENT_S
from tidegate.detectors.banks.postgres_schema import BANKS
from tidegate.ledger import postgres_place
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.postgres import schema as schemas
from tidegate.postgres.connection import PostgresTarget
from tidegate.postgres.schema import ForeignSchemaError, Schema

pytestmark = pytest.mark.integration

SCHEMAS = pytest.mark.parametrize(("schema", "step"), [(LEDGER, LEDGER_STEP), (BANKS, BANKS_STEP)])
NEXT = LEDGER.newest + 1


@pytest.fixture
def empty(target: PostgresTarget) -> Iterator[PostgresTarget]:
    """A database without the banks either, which this leaves behind."""
    asked(target, "DROP SCHEMA IF EXISTS tidegate_banks CASCADE")
    yield target
    asked(target, "DROP SCHEMA IF EXISTS tidegate_banks CASCADE")


@SCHEMAS
def test_every_migration_says_who_may_go_on_and_no_file_is_forgotten(schema: Schema, step: str) -> None:
    del step
    for version, each in enumerate(schema.steps, start=1):
        assert 1 <= each.compatible_from <= version
        assert int(each.file.partition("_")[0]) == version
    folder = Path(sys.modules[schema.package].__path__[0]) / "migrations"
    assert [each.file for each in schema.steps] == sorted(path.name for path in folder.glob("*.sql"))


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
