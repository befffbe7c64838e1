"""A router that keeps no decision: to measure what keeping them costs. There is no such switch in the product."""

from collections.abc import Mapping
from typing import Any

from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.decision import DecisionRecord
from tidegate.serving import composition
from tidegate.serving.deployments import ModerationRouter
from tidegate.serving.settings import Settings
from tidegate.telemetry.pressure import LedgerMetrics


class NoLedger:
    """`DecisionLedger` that forgets."""

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """Returns the record."""
        return record

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """Finds nothing."""
        del decision_id
        return None

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """Finds nothing."""
        del idempotency_key
        return None

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """Keeps none."""

    async def policy_document(self, digest: str) -> str | None:
        """Finds nothing."""
        del digest
        return None

    async def ready(self) -> bool:
        """Always."""
        return True

    async def close(self) -> None:
        """Nothing to do."""


def no_ledger(settings: Settings, metrics: LedgerMetrics | None = None) -> DecisionLedger:
    """In place of `composition.ledger`."""
    del settings, metrics
    return NoLedger()


class UnrecordedRouter(ModerationRouter):
    """The router over `NoLedger`."""

    def __init__(self, settings: dict[str, Any], **stages: Any) -> None:
        composition.ledger = no_ledger  # in this replica's process only
        super().__init__(settings, **stages)
