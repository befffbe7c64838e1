"""Metrics for one process: aggregated in it, sent every few seconds to the endpoint that its spans go to."""

import logging
import time
from collections.abc import Callable, Sequence

from grpc import StatusCode
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from tidegate.telemetry.export import quieten_exporters
from tidegate.telemetry.histogram import Histogram, gathered
from tidegate.telemetry.instance import instance_id
from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.process_measures import measure_process

_LOG = logging.getLogger(__name__)

METER_NAME = "tidegate"
"""The instrumentation scope of our counters and gauges."""
HISTOGRAMS_NAME = "tidegate.histograms"
"""The instrumentation scope of our histograms."""
_READ_TO_THE_END_MS = 3_600_000
"""How long the reader may take to read all counters. It is the time of the sending that is bounded, by the exporter: a
reader that gives up half way keeps what it has read, and adds it to the next reading. Counters were then twice as high
for one sending, which is an increase to Prometheus (seen with 2 s on a machine with thirty waiting for each core)."""


class ForgivingMetricExporter(MetricExporter):
    """Passes metrics to another exporter; says at most once per interval that they do not arrive.

    Nothing is lost by it: counts are cumulative, so the next sending that succeeds carries them. Used by one thread at
    a time: the reader holds a lock.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        *,
        report_interval_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._exporter = exporter
        self._report_interval_s = report_interval_s
        self._clock = clock
        self._reported_at_s: float | None = None
        self._failures = 0

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **_: object,
    ) -> MetricExportResult:
        """Sends the metrics; never raises."""
        try:
            result = self._exporter.export(metrics_data, timeout_millis=timeout_millis)
        except Exception:  # noqa: BLE001 - telemetry is a boundary: whatever goes wrong here costs metrics only
            result = MetricExportResult.FAILURE
        self._account(result)
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held here."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Closes the connection."""
        self._exporter.shutdown(timeout_millis)

    def _account(self, result: MetricExportResult) -> None:
        if result is MetricExportResult.SUCCESS:
            if self._reported_at_s is not None:
                _LOG.info("metric_export_recovered", extra={"failed_exports": self._failures})
                self._reported_at_s, self._failures = None, 0
            return
        self._failures += 1
        now_s = self._clock()
        if self._reported_at_s is None or now_s - self._reported_at_s >= self._report_interval_s:
            _LOG.warning("metric_export_failed", extra={"failed_exports": self._failures})
            self._reported_at_s = now_s


class SentWithHistograms(MetricExporter):
    """Adds the process's own histograms to what the SDK hands over, and passes both on."""

    def __init__(self, exporter: MetricExporter, *, resource: Resource, histograms: Sequence[Histogram]) -> None:
        super().__init__()
        self._exporter = exporter
        self._resource = resource
        self._histograms = histograms

    def export(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **_: object,
    ) -> MetricExportResult:
        """Sends all metrics."""
        # The encoder keeps one entry per resource, and in it one per scope: of two, the last.
        scopes = [scope for each in metrics_data.resource_metrics for scope in each.scope_metrics]
        own = ScopeMetrics(InstrumentationScope(HISTOGRAMS_NAME), gathered(self._histograms), schema_url="")
        resource_metrics = ResourceMetrics(self._resource, [*scopes, own], schema_url="")
        return self._exporter.export(MetricsData([resource_metrics]), timeout_millis=timeout_millis)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Nothing is held here."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Closes the connection."""
        self._exporter.shutdown(timeout_millis)


class BoundedMeterProvider(MeterProvider):
    """A provider whose shutdown is bounded: the SDK's waits up to 30 s, a replica that is told to stop has less."""

    def __init__(
        self,
        *,
        readers: list[MetricReader],
        resource: Resource,
        histograms: list[Histogram],
        shutdown_timeout_ms: int,
    ) -> None:
        # The SDK's exemplars would look for the current span at every measurement; our histograms are told of it.
        super().__init__(metric_readers=readers, resource=resource, exemplar_filter=AlwaysOffExemplarFilter())
        self._histograms = histograms
        self._shutdown_timeout_ms = shutdown_timeout_ms

    def instruments(self) -> Instruments:
        """What adapters get through their constructors."""
        return Instruments(self.get_meter(METER_NAME), self._histograms)

    def shutdown(self, timeout_millis: float | None = None) -> None:
        """Sends the last counts and closes, within the bound."""
        super().shutdown(timeout_millis=self._shutdown_timeout_ms if timeout_millis is None else timeout_millis)


def configure_metrics(
    *,
    service_name: str,
    endpoint: str | None,
    interval_ms: int = 5_000,
    export_timeout_ms: int = 2_000,
    shutdown_timeout_ms: int = 5_000,
) -> BoundedMeterProvider:
    """Metrics for this process. Touches no OpenTelemetry global; whoever made it calls `shutdown()` at the end.

    Call it in the process that measures, not before a fork. An endpoint that is away costs a line a minute.

    Args:
        service_name: A `ServiceName`.
        endpoint: OTLP over gRPC, `http://host:port` without and `https://host:port` with TLS. None measures nothing.
        interval_ms: Between two sendings.
        export_timeout_ms: For one sending, retries included.
        shutdown_timeout_ms: How long `shutdown()` may take; enough for a sending on its way and the last one.
    """
    resource = Resource.create({SERVICE_NAME: str(service_name), SERVICE_INSTANCE_ID: instance_id()})
    readers: list[MetricReader] = []
    histograms: list[Histogram] = []
    if endpoint:
        quieten_exporters()
        exporter = OTLPMetricExporter(
            endpoint=endpoint,
            insecure=not endpoint.startswith("https://"),
            timeout=export_timeout_ms / 1000,
            retryable_error_codes=(StatusCode.UNAVAILABLE,),
        )
        readers.append(
            PeriodicExportingMetricReader(
                ForgivingMetricExporter(
                    SentWithHistograms(exporter, resource=resource, histograms=histograms),
                ),
                export_interval_millis=interval_ms,
                export_timeout_millis=_READ_TO_THE_END_MS,
            )
        )
    provider = BoundedMeterProvider(
        readers=readers, resource=resource, histograms=histograms, shutdown_timeout_ms=shutdown_timeout_ms
    )
    measure_process(provider.instruments())
    return provider


def meter_of(provider: BoundedMeterProvider) -> Instruments:
    """What adapters get through their constructors."""
    return provider.instruments()
