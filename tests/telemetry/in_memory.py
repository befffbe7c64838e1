"""What a process would send, read in this process."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, Metric

from tidegate.telemetry.histogram import Histogram, gathered
from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.names import MetricName

Labels = tuple[str, ...]


class InMemory:
    """A process's instruments, and their present values."""

    def __init__(self) -> None:
        self._reader = InMemoryMetricReader()
        self._histograms: list[Histogram] = []
        provider = MeterProvider(metric_readers=[self._reader])
        self.instruments = Instruments(provider.get_meter("test"), self._histograms)

    def values(self, name: MetricName) -> dict[Labels, float]:
        """By the values of its labels; of a histogram how many were measured."""
        return {
            tuple(str(value) for value in (point.attributes or {}).values()): float(
                point.count if isinstance(point, HistogramDataPoint) else getattr(point, "value", 0.0)
            )
            for metric in self._metrics()
            if metric.name == name
            for point in metric.data.data_points
        }

    def _metrics(self) -> list[Metric]:
        data = self._reader.get_metrics_data()
        found = [] if data is None else data.resource_metrics
        sdk = [metric for each in found for scope in each.scope_metrics for metric in scope.metrics]
        return [*sdk, *gathered(self._histograms)]
