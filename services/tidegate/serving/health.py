"""Whether this router can decide: what `grpc.health.v1` answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

logger = logging.getLogger(__name__)

PROBE_TIMEOUT_S = 2.0
"""Longest wait for one stage."""
PROBE_INTERVAL_S = 0.5
"""Between two answers of a health watch."""


class Readiness:
    """Ready once every stage has answered; after that as long as decisions can be recorded.

    A stage that breaks later is an outage that decisions tell of (PARTIAL), not a reason to take the router out of
    service; a ledger that can't be written is, since every answer would be UNAVAILABLE.
    """

    def __init__(
        self, *, stages: Mapping[str, Callable[[], Awaitable[bool]]], ledger: Callable[[], Awaitable[bool]]
    ) -> None:
        """Wires the probes.

        Args:
            stages: Probes by stage name, needed at start.
            ledger: Probe of the ledger, needed always.
        """
        self._waiting = dict(stages)
        self._ledger = ledger

    async def probe(self) -> bool:
        """One round."""
        for name, stage in list(self._waiting.items()):
            if await _answers(stage):
                logger.info("stage is reachable", extra={"stage": name})
                del self._waiting[name]
        return not self._waiting and await _answers(self._ledger)


async def _answers(probe: Callable[[], Awaitable[bool]]) -> bool:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await probe()
    except Exception:  # noqa: BLE001 - a probe that breaks is a "no"
        return False
