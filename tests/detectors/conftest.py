"""One real Triton and one real PostgreSQL for the tests of this folder; what breaks them leaves them running."""

from collections.abc import Iterator

import pytest

from tests.detectors.bank_stores import PostgresBankStore
from tests.ledger.postgres_server import PostgresServer, running_server
from tests.models.running_triton import RunningTriton, running
from tidegate.postgres.connection import PostgresTarget


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTriton]:
    with running(tmp_path_factory.mktemp("triton")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_banks(postgres: PostgresServer) -> Iterator[PostgresBankStore]:
    store = PostgresBankStore(PostgresTarget(postgres.dsn()))
    yield store
    store.close()
