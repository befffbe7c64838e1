"""Account signals from Feast's online store: the real adapter behind `AccountFeatures`.

Stands in the gather step. One read for a whole batch.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AttributeValue

from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import signals_of
from tidegate.enrichment.online_reads import OnlineReads
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.signals import AccountSignals, Freshness, LookupStatus
from tidegate.telemetry.batches import batch_span
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.recorder import Recorder
from tidegate.telemetry.spans import mark_failed, span

logger = logging.getLogger(__name__)

_PROBE = ["tidegate-readiness-probe"]
"""Looked up by `ready`: an account that no product has, so the answer is "unknown", if there is one."""


def _utc_now() -> datetime:
    return datetime.now(tz=UTC)


class FeastAccountFeatures:
    """Looks accounts up in batches; what the store can't tell in time is TIMED_OUT or FAILED, never an exception."""

    def __init__(
        self,
        reader: FeastReader,
        *,
        tracer: Recorder,
        clock: Callable[[], datetime] = _utc_now,
        concurrency: int = 4,
        waiting: int = 16,
        probe_timeout_ms: float = 1_000,
    ) -> None:
        """Wires the adapter; connects to nothing yet.

        Args:
            reader: Of the online store; closed with this adapter.
            tracer: Of this process.
            clock: What ages are measured by, timezone-aware.
            concurrency: Most reads at a time: connections to Redis, threads with other stores.
            waiting: Most batches that wait for one; beyond that a batch is FAILED at once.
            probe_timeout_ms: Longest wait of `ready`.
        """
        self._reads = OnlineReads(reader, concurrency=concurrency, waiting=waiting)
        self._tracer = tracer
        self._clock = clock
        self._probe_timeout_ms = probe_timeout_ms
        self._failure = ""

    async def lookup(self, batch: Sequence[SignalsRequest]) -> Sequence[AccountSignals]:
        """See `AccountFeatures`. An account that is asked for twice in a batch is read once.

        Waits as long as the request with the largest budget: a caller with less has given up by then, and one late
        caller must not spoil the batch for the others.
        """
        if not batch:
            return []
        with batch_span(self._tracer, SpanName.FEATURES_LOOKUP, [request.trace for request in batch]) as lookup_span:
            account_ids = list(dict.fromkeys(request.account_id for request in batch))
            found = await self._signals(account_ids, budget_ms=max(request.budget_ms for request in batch))
            answers = [found[request.account_id] for request in batch]
            if lookup_span.is_recording():  # counting takes longer than reading
                lookup_span.set_attributes(
                    {
                        Attribute.FEATURE_STATUS: answers[0].status,
                        Attribute.FEATURE_STALE: _count(answers, Freshness.STALE),
                        Attribute.FEATURE_MISSING: _count(answers, Freshness.MISSING),
                    }
                )
            return answers

    async def ready(self) -> bool:
        """True if the online store answers a read now, with the definitions that this release needs."""
        try:
            await self._reads.read(_PROBE, timeout_s=self._probe_timeout_ms / 1000)
        except Exception as error:  # noqa: BLE001 - whatever keeps the store from answering means not ready
            logger.info("online store is not ready", extra={"error": type(error).__name__})
            return False
        return True

    async def close(self) -> None:
        """Closes the store's connections. Reads under way end in their own time."""
        await self._reads.close()

    async def _signals(self, account_ids: Sequence[str], *, budget_ms: float) -> dict[str, AccountSignals]:
        attributes: dict[str, AttributeValue] = {Attribute.BATCH_SIZE: len(account_ids), Attribute.BUDGET_MS: budget_ms}
        with span(
            self._tracer, SpanName.FEATURES_ONLINE_READ, kind=SpanKind.CLIENT, attributes=attributes
        ) as read_span:
            try:
                rows = await self._reads.read(account_ids, timeout_s=budget_ms / 1000)
            except Exception as error:  # noqa: BLE001 - an outage is data, whatever broke the store
                mark_failed(read_span, error)
                self._note(type(error).__name__)
                outage = AccountSignals(
                    status=LookupStatus.TIMED_OUT if isinstance(error, TimeoutError) else LookupStatus.FAILED
                )
                return dict.fromkeys(account_ids, outage)
        self._note("")
        now = self._clock()
        return {account_id: signals_of(account, now=now) for account_id, account in zip(account_ids, rows, strict=True)}

    def _note(self, failure: str) -> None:
        """Logs an outage when it begins, changes or ends, and not once per batch: that would be hundreds a second.

        An exception's message stays out: a driver's may quote a key, and a key holds an account id.
        """
        if failure == self._failure:
            return
        if failure:
            logger.warning("online feature reads fail", extra={"error": failure})
        else:
            logger.warning("online feature reads work again", extra={"error": self._failure})
        self._failure = failure


def _count(answers: Sequence[AccountSignals], freshness: Freshness) -> int:
    return sum(value.freshness is freshness for answer in answers for value in answer.values)
