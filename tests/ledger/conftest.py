"""Ledgers in stores of their own: a SQLite file, or a database of a PostgreSQL server that all tests here share."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.ledger.postgres_server import PostgresServer, running_server
from tests.ledger.stores import LedgerStore, PostgresStore, SqliteStore
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.postgres.connection import PostgresTarget


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "decisions.db"


@pytest.fixture
async def ledger(ledger_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(ledger_path)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running server, which tests may restart and suspend, and leave running."""
    with running_server() as server:
        yield server


@pytest.fixture
def target(postgres: PostgresServer) -> PostgresTarget:
    """A database without a ledger. The same one for all tests: making and deleting many takes longer than the tests."""
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA IF EXISTS tidegate_ledger CASCADE")
    return PostgresTarget(postgres.dsn())


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, ledger_path: Path) -> LedgerStore:
    """Each store in turn, empty: what these tests say holds for all of them."""
    if request.param == "sqlite":
        return SqliteStore(ledger_path)
    return PostgresStore(request.getfixturevalue("target"))
