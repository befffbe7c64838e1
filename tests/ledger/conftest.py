"""A SQLite ledger in a folder of its own, closed after the test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tidegate.ledger.sqlite_adapter import SqliteLedger


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger" / "decisions.db"


@pytest.fixture
async def ledger(ledger_path: Path) -> AsyncIterator[SqliteLedger]:
    opened = SqliteLedger(ledger_path)
    yield opened
    await opened.close()
