"""The decision ledger in memory: for tests and for trying things out. Durable until the process ends."""

from collections.abc import Mapping

from tidegate.ledger.record_format import decode, encode
from tidegate.ledger.retention_anchors import Removal
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import IdempotencyKeyReused, LedgerUnavailable


class MemoryLedger:
    """`DecisionLedger` in dictionaries. Keeps records as bytes, so that it refuses what a real one would."""

    def __init__(self) -> None:
        self._records: dict[str, bytes] = {}
        self._by_key: dict[str, str] = {}
        self._policies: dict[str, str] = {}
        self._open = True

    async def append(self, record: DecisionRecord) -> DecisionRecord:
        """See `DecisionLedger.append`."""
        self._check_open()
        payload = encode(record)
        earlier = await self.find_by_key(record.idempotency_key)
        if earlier is not None:
            if earlier.fingerprint != record.fingerprint:
                raise IdempotencyKeyReused
            return earlier
        if self._records.setdefault(record.decision_id, payload) != payload:
            raise LedgerUnavailable
        if record.idempotency_key:
            self._by_key[record.idempotency_key] = record.decision_id
        return record

    async def get(self, decision_id: str) -> DecisionRecord | None:
        """See `DecisionLedger.get`."""
        self._check_open()
        payload = self._records.get(decision_id)
        return None if payload is None else decode(payload)

    async def removal_of(self, decision_id: str) -> Removal | None:
        """See `DecisionLedger.removal_of`. Nothing is removed from memory."""
        del decision_id
        self._check_open()
        return None

    async def find_by_key(self, idempotency_key: str) -> DecisionRecord | None:
        """See `DecisionLedger.find_by_key`."""
        self._check_open()
        decision_id = self._by_key.get(idempotency_key)
        return None if decision_id is None else await self.get(decision_id)

    async def keep_policies(self, documents: Mapping[str, str]) -> None:
        """See `DecisionLedger.keep_policies`."""
        self._check_open()
        self._policies = {**documents, **self._policies}

    async def policy_document(self, digest: str) -> str | None:
        """See `DecisionLedger.policy_document`."""
        self._check_open()
        return self._policies.get(digest)

    async def ready(self) -> bool:
        """See `DecisionLedger.ready`."""
        return self._open

    async def close(self) -> None:
        """See `DecisionLedger.close`."""
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise LedgerUnavailable
