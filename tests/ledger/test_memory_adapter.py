"""The in-memory ledger keeps the contract."""

import pytest

from tests.ledger.ledger_contract import LedgerContract
from tidegate.ledger.memory_adapter import MemoryLedger


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self) -> MemoryLedger:
        return MemoryLedger()
