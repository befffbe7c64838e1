"""The port to the decision ledger, as the pipeline needs it."""

from collections.abc import Mapping
from typing import Protocol

from tidegate.ledger.retention_anchors import Removal
from tidegate.moderation.decision import DecisionRecord


class DecisionLedger(Protocol):
    """Keeps decisions, append-only. The last step before the reply: what it has accepted is durable."""

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """Makes the record durable, then returns it.

        If its idempotency key is already there for the same fingerprint, nothing is added and the earlier record
        is returned.

        Raises:
            LedgerUnavailable: It could not be made durable.
            IdempotencyKeyReused: The key was used for another fingerprint.
        """
        ...

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """The record with this id. Raises LedgerUnavailable if it can't be read."""
        ...

    async def removal_of(self, decision_id: str) -> Removal | None:
        """What retention removed last of the day that the id tells, on which the decision would have been made.

        None if it removed nothing of it, or if the id tells no day. Raises LedgerUnavailable if it can't be read.
        """
        ...

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """The record made under this key. Raises LedgerUnavailable if it can't be read."""
        ...

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """Keeps policy documents (canonical JSON by digest), so that every decision can be replayed."""
        ...

    async def policy_document(self, digest: str) -> str | None:
        """A kept policy document. Raises LedgerUnavailable if it can't be read."""
        ...

    async def ready(self) -> bool:
        """True if a record could be written now."""
        ...

    async def close(self) -> None:
        """Writes out what was accepted and closes."""
        ...
