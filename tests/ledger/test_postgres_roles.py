"""What k8s/components/postgres/README.md tells an administrator to run is enough, and what a role lacks is named."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from tests.ledger.postgres_server import PostgresServer
from tests.ledger.sample_records import sample_record
from tidegate.cli.main import main
from tidegate.detectors.banks.postgres_adapter import PostgresBanks
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.postgres_schema import LEDGER
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.postgres.connection import PostgresTarget

pytestmark = pytest.mark.integration

README = Path(__file__).parents[2] / "k8s/components/postgres/README.md"
ROLES = ("tidegate_ledger", "tidegate_banks", "tidegate_banks_reader")
NEWER = 99


def administer(postgres: PostgresServer, *statements: str, database: str = "postgres") -> None:
    with contextlib.closing(psycopg.connect(postgres.dsn(database), autocommit=True)) as outside:
        for each in statements:
            outside.execute(each.encode())


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[str]:
    """A database named as in the README, and none of its roles."""
    administer(postgres, "DROP DATABASE IF EXISTS tidegate WITH (FORCE)", "CREATE DATABASE tidegate")
    yield "tidegate"
    administer(postgres, "DROP DATABASE tidegate WITH (FORCE)", *(f"DROP ROLE IF EXISTS {role}" for role in ROLES))


def dsn(postgres: PostgresServer, role: str) -> str:
    return postgres.dsn("tidegate").replace("tidegate@", f"{role}@", 1)


def migrate(store: str, dsn: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setenv(f"TIDEGATE_{store.upper()}__STORE", "postgres")
    monkeypatch.setenv(f"TIDEGATE_{store.upper()}_DSN", dsn)
    result = CliRunner().invoke(main, [store, "migrate"], catch_exceptions=False)
    return result.exit_code, result.output


async def test_the_documented_roles_are_enough(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (statements,) = re.findall(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    administer(postgres, statements, database=database)
    for store in ("ledger", "banks"):
        for _ in range(2):
            code, told = migrate(store, dsn(postgres, f"tidegate_{store}"), monkeypatch)
            assert code == 0, told
    record = sample_record()
    ledger = PostgresLedger(PostgresTarget(dsn(postgres, "tidegate_ledger")), timeout_s=30)
    assert await ledger.append(record) == record
    await ledger.close()
    reader = PostgresTarget(dsn(postgres, "tidegate_banks_reader"))
    with contextlib.closing(PostgresBanks(reader, timeout_s=30)) as banks:
        assert banks.banks()
    with (
        psycopg.connect(reader.dsn) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM tidegate_banks.entries")


@pytest.mark.parametrize("store", ["ledger", "banks"])
def test_a_role_that_may_make_no_schema_is_told_what_lets_it(
    store: str, postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"tidegate_{store}"
    administer(postgres, f"CREATE ROLE {role} LOGIN")
    code, told = migrate(store, dsn(postgres, role), monkeypatch)
    assert code == 1
    told = " ".join(told.split())
    (grant,) = re.findall(r"GRANT CREATE ON DATABASE \S+ TO \"\w+\"", told)
    administer(postgres, grant)
    assert migrate(store, dsn(postgres, role), monkeypatch)[0] == 0


def test_a_role_that_does_not_own_the_schema_is_told_who_does(
    postgres: PostgresServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    administer(postgres, "CREATE ROLE tidegate_ledger LOGIN")
    administer(postgres, "CREATE SCHEMA tidegate_ledger", database=database)
    code, told = migrate("ledger", dsn(postgres, "tidegate_ledger"), monkeypatch)
    assert code == 1
    assert 'migrate as its owner, "tidegate"' in " ".join(told.split())


async def test_the_log_says_that_the_schema_is_newer(target: PostgresTarget, caplog: pytest.LogCaptureFixture) -> None:
    """As for a router of the release before, which connects again: `k8s/README.md`, "Upgrades"."""
    PostgresPlace(target).migrate()
    connected, again = PostgresLedger(target, timeout_s=30), PostgresLedger(target, timeout_s=30)
    await connected.append(sample_record())
    with contextlib.closing(psycopg.connect(target.dsn, autocommit=True)) as outside:
        outside.execute("INSERT INTO tidegate_ledger.migrations (version) VALUES (%s)", (NEWER,))
    record = sample_record()
    assert await connected.append(record) == record
    with pytest.raises(LedgerUnavailable):
        await again.append(sample_record())
    for each in (connected, again):
        await each.close()
    (failed,) = [each for each in caplog.records if each.message == "ledger.commit_failed"]
    assert f"schema version {NEWER}, which a newer Tidegate made" in failed.__dict__["cause"]
    assert f"knows {LEDGER.newest} at most" in failed.__dict__["cause"]
