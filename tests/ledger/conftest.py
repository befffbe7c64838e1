"""A SQLite ledger in a folder of its own, closed after the test; a PostgreSQL server for all tests here."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.ledger.postgres_server import PostgresServer, binaries
from tidegate.ledger.postgres_connection import PostgresTarget
from tidegate.ledger.sqlite_adapter import SqliteLedger

_numbers = itertools.count()


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
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    server = PostgresServer(programs)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def target(postgres: PostgresServer) -> PostgresTarget:
    """An empty database of the test's own."""
    return PostgresTarget(postgres.create_database(f"ledger_{next(_numbers)}"))
