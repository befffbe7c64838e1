"""The PostgreSQL ledger keeps the contract, and many of them share one database."""

from collections.abc import AsyncIterator

import pytest

from tests.ledger.ledger_contract import LedgerContract
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_connection import PostgresTarget

pytestmark = pytest.mark.integration


@pytest.fixture
async def ledger(target: PostgresTarget) -> AsyncIterator[PostgresLedger]:
    opened = PostgresLedger(target, timeout_s=30)
    yield opened
    await opened.close()


class TestPostgresLedger(LedgerContract):
    """The `ledger` fixture is this module's."""
