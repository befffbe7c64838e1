"""Sending spans away without the request path noticing: losing them is counted and said seldom, never raised."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import grpc
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from tidegate.telemetry.otlp_spans import Envelope

_LOG = logging.getLogger(__name__)

# These report each failed attempt of each batch, several lines a second while a collector is away.
_NOISY_LOGGERS = ("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal")

_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def quieten_exporters() -> None:
    """Leaves the reporting of failed exports to `ForgivingSender`."""
    for name in _NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class SpanSender(Protocol):
    """Sends encoded spans to a receiver."""

    def send(self, spans: Sequence[bytes], *, count: int) -> bool:
        """Whether they arrived. May wait, up to its own timeout.

        Args:
            spans: Each piece as `otlp_spans.encoded` writes it.
            count: How many spans are in the pieces.
        """

    def close(self) -> None:
        """Closes the connection."""


class OtlpSender:
    """Sends spans over OTLP/gRPC, by OpenTelemetry's exporter: its connection, TLS, headers, timeout and retries."""

    def __init__(
        self, endpoint: str, *, envelope: Envelope, timeout_s: float, retryable: Sequence[grpc.StatusCode]
    ) -> None:
        self._exporter = _EncodedSpanExporter(
            endpoint=endpoint,
            insecure=not endpoint.startswith("https://"),
            timeout=timeout_s,
            retryable_error_codes=retryable,
        )
        self._envelope = envelope

    def send(self, spans: Sequence[bytes], *, count: int) -> bool:
        """See `SpanSender`."""
        del count
        return self._exporter.send(self._envelope.around(spans)) is SpanExportResult.SUCCESS

    def close(self) -> None:
        """See `SpanSender`."""
        self._exporter.shutdown()


class _EncodedSpanExporter(OTLPSpanExporter):
    """The SDK's exporter, but for the encoding: what it sends is a request already."""

    def send(self, request: bytes) -> SpanExportResult:
        return self._export(request)  # type: ignore[arg-type]  # handed to `_translate_data` only

    def _translate_data(self, data: bytes) -> bytes:  # type: ignore[override]
        return data

    def _count_data(self, data: bytes) -> int:  # type: ignore[override]
        return len(data)

    def _initialize_channel_and_stub(self) -> None:
        super()._initialize_channel_and_stub()  # type: ignore[no-untyped-call]  # the SDK's method has no annotation
        self._client = _BytesStub(self._channel)  # type: ignore[assignment, arg-type]  # the SDK's annotations say None


class _BytesStub:
    def __init__(self, channel: grpc.Channel) -> None:
        self.Export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            _EXPORT
        )  # the name that the exporter calls


class ForgivingSender:
    """Passes spans to another sender; says at most once per interval how many were lost.

    Used by one thread at a time.
    """

    def __init__(
        self,
        sender: SpanSender,
        *,
        report_interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sender = sender
        self._report_interval_s = report_interval_s
        self._clock = clock
        self._ends_at_s: float | None = None
        self._reported_at_s: float | None = None
        self._lost = 0

    def finish_within(self, limit_s: float) -> None:
        """From `limit_s` on nothing more is sent, so that a shutdown with a full queue and no receiver ends."""
        self._ends_at_s = self._clock() + limit_s

    def send(self, spans: Sequence[bytes], *, count: int) -> bool:
        """Sends the spans; never raises."""
        if self._ends_at_s is not None and self._clock() >= self._ends_at_s:
            return False
        try:
            arrived = self._sender.send(spans, count=count)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: whatever goes wrong here costs spans only
            arrived = False
        if arrived:
            self._recovered()
        else:
            self.lost(count)
        return arrived

    def lost(self, count: int) -> None:
        """Counts spans that will not arrive, and says so if that was not said lately."""
        self._lost += count
        now_s = self._clock()
        if self._reported_at_s is None or now_s - self._reported_at_s >= self._report_interval_s:
            _LOG.warning("trace_export_failed", extra={"lost_spans": self._lost})
            self._reported_at_s = now_s

    def close(self) -> None:
        """Closes the connection."""
        self._sender.close()

    def _recovered(self) -> None:
        if self._reported_at_s is not None:
            _LOG.info("trace_export_recovered", extra={"lost_spans": self._lost})
            self._reported_at_s, self._lost = None, 0
