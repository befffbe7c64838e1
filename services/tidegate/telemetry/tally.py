"""A counter by labels that costs a request a fraction of a microsecond: it is read only when metrics are sent.

OpenTelemetry's own counters build and hash a set of attributes at each `add`, some microseconds; a decision adds to
about thirty series.
"""

import threading
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.telemetry.names import MetricLabel, MetricName

OVERFLOW = "otel.metric.overflow"
"""The label of what came after the limit (OpenTelemetry metrics SDK, "Cardinality limits")."""


class Tally:
    """Counts by label values. Any thread may add; the bound keeps a mistake in a label from eating memory."""

    def __init__(self, labels: tuple[MetricLabel, ...], *, max_series: int = 1_500) -> None:
        """Starts empty.

        Args:
            labels: Names of the labels, in the order of the keys' values.
            max_series: Beyond it new keys are counted together. Below the SDK's own limit of 2,000.
        """
        self._labels = labels
        self._max_series = max_series
        self._counts: dict[tuple[str, ...], int] = {}
        self._overflow = 0
        self._lock = threading.Lock()

    def add(self, *values: str, count: int = 1) -> None:
        """Adds to the series of these values; a count of 0 makes the series known."""
        with self._lock:
            held = self._counts.get(values)
            if held is not None:
                self._counts[values] = held + count
            elif len(self._counts) < self._max_series:
                self._counts[values] = count
            else:
                self._overflow += count

    def observations(self) -> list[Observation]:
        """All series, cumulative since the start of the process."""
        with self._lock:
            counts, overflow = self._counts.copy(), self._overflow
        found = [
            Observation(count, dict(zip(self._labels, values, strict=True))) for values, count in sorted(counts.items())
        ]
        return [*found, Observation(overflow, {OVERFLOW: True})] if overflow else found

    def observed_by(self, meter: Meter, name: MetricName, description: str) -> "Tally":
        """Has the meter read it under this name. Returns itself."""

        def read(_: CallbackOptions) -> Iterable[Observation]:
            return self.observations()

        meter.create_observable_counter(name, [read], description=description)
        return self
