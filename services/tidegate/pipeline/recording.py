"""Step 5, first half: makes the decision record."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tidegate.moderation.decision import DecisionInputs, DecisionRecord, PolicyOutcome, ShadowOutcome
from tidegate.pipeline.completeness import completeness_of
from tidegate.pipeline.hops import Hops

if TYPE_CHECKING:
    from tidegate.pipeline.moderate import ModerationCall


_ID_BYTES = 10
_DRAWN_IDS = 400


class Uuid7Ids:
    """UUIDs version 7 (RFC 9562, 5.7) in hex: 48 bits of Unix milliseconds, then random. They sort by time.

    Randomness comes from the system for 400 ids at once: each draw lets go of the interpreter's lock, and the request
    then waits behind whichever thread took it.
    """

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def __call__(self) -> str:
        """The next one."""
        if self._used == len(self._random):
            self._random, self._used = os.urandom(_ID_BYTES * _DRAWN_IDS), 0
        drawn = self._random[self._used : self._used + _ID_BYTES]
        self._used += _ID_BYTES
        value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(drawn, "big")
        value = (value & ~(0xF << 76)) | (0x7 << 76)
        value = (value & ~(0x3 << 62)) | (0x2 << 62)
        return f"{value:032x}"


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class RecordMaker:
    """Turns an outcome and its inputs into the record that the ledger keeps."""

    def __init__(self, *, new_id: Callable[[], str] | None = None, now: Callable[[], datetime] = utc_now) -> None:
        self._new_id = new_id or Uuid7Ids()
        self._now = now

    def make(
        self,
        call: "ModerationCall",
        inputs: DecisionInputs,
        outcome: PolicyOutcome,
        shadow: tuple[ShadowOutcome, ...],
        *,
        fingerprint: str,
        hops: Hops,
    ) -> DecisionRecord:
        """The record, with the time spent so far (all hops but the ledger's own)."""
        return DecisionRecord(
            decision_id=self._new_id(),
            trace_id=call.trace.trace_id,
            content_id=call.item.content_id,
            account_id=call.item.account_id,
            decided_at=self._now(),
            inputs=inputs,
            policy=outcome.policy,
            action=outcome.action,
            completeness=completeness_of(inputs.detectors, inputs.account),
            violations=outcome.violations,
            shadow=shadow,
            hops_ms={**hops.elapsed_ms, "total": hops.total_ms()},
            idempotency_key=call.idempotency_key,
            fingerprint=fingerprint,
        )
