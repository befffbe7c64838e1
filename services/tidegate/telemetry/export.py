"""Sending spans away without the request path noticing: losing them is counted and said seldom, never raised."""

import logging
import time
from collections.abc import Callable, Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

_LOG = logging.getLogger(__name__)

# These report each failed attempt of each batch, several lines a second while a collector is away.
_NOISY_LOGGERS = ("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal")


def quieten_exporters() -> None:
    """Leaves the reporting of failed exports to `ForgivingExporter`."""
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class ForgivingExporter(SpanExporter):
    """Passes spans to another exporter; says at most once per interval how many were lost.

    Used by one thread at a time: the batch processor's worker.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        *,
        report_interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exporter = exporter
        self._report_interval_s = report_interval_s
        self._clock = clock
        self._ends_at_s: float | None = None
        self._reported_at_s: float | None = None
        self._lost = 0

    def finish_within(self, limit_s: float) -> None:
        """From `limit_s` on nothing more is sent, so that a shutdown with a full queue and no receiver ends."""
        self._ends_at_s = self._clock() + limit_s

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Sends the spans; never raises."""
        if self._ends_at_s is not None and self._clock() >= self._ends_at_s:
            return SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: whatever goes wrong here costs spans only
            result = SpanExportResult.FAILURE
        self._account(len(spans), result)
        return result

    def shutdown(self) -> None:
        """Closes the connection."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held here."""
        return self._exporter.force_flush(timeout_millis)

    def _account(self, count: int, result: SpanExportResult) -> None:
        if result is SpanExportResult.SUCCESS:
            if self._reported_at_s is not None:
                _LOG.info("trace_export_recovered", extra={"lost_spans": self._lost})
                self._reported_at_s, self._lost = None, 0
            return
        self._lost += count
        now_s = self._clock()
        if self._reported_at_s is None or now_s - self._reported_at_s >= self._report_interval_s:
            _LOG.warning("trace_export_failed", extra={"lost_spans": self._lost})
            self._reported_at_s = now_s


class BoundedBatchSpanProcessor(BatchSpanProcessor):
    """A batch processor whose shutdown is bounded.

    The SDK's waits up to 30 s; a replica that is told to stop has less. Bound: `flush_timeout_ms` plus the exporter's
    own timeout for the one call that may be on its way.
    """

    def __init__(
        self,
        exporter: ForgivingExporter,
        *,
        schedule_delay_ms: int,
        max_queue_size: int,
        flush_timeout_ms: int,
    ) -> None:
        super().__init__(
            exporter,
            max_queue_size=max_queue_size,
            schedule_delay_millis=schedule_delay_ms,
            max_export_batch_size=min(512, max_queue_size),
        )
        self._forgiving = exporter
        self._flush_timeout_ms = flush_timeout_ms

    def shutdown(self) -> None:
        """Sends what is queued, within the bound, and closes."""
        self._forgiving.finish_within(self._flush_timeout_ms / 1000)
        super().shutdown()  # type: ignore[no-untyped-call]  # the SDK's method has no annotation
