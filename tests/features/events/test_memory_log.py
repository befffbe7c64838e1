"""The event log in memory keeps the contract."""

import pytest

from tests.features.events.log_contract import EventLogContract
from tidegate.features.events.log import EventLog
from tidegate.features.events.memory_log import MemoryEventLog


class TestMemoryEventLog(EventLogContract):
    @pytest.fixture
    def log(self) -> EventLog:
        return MemoryEventLog()
