"""What a process counts with: the one object that adapters of the ports in `measures.py` get."""

from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from tidegate.telemetry.histogram import Histogram, Scale
from tidegate.telemetry.names import MetricLabel, MetricName
from tidegate.telemetry.tally import Tally


class Instruments:
    """Makes counters, gauges and histograms that are read when metrics are sent, and cost next to nothing before."""

    def __init__(self, meter: Meter, histograms: list[Histogram]) -> None:
        """Makes instruments of one meter.

        Args:
            meter: OpenTelemetry's, of the process.
            histograms: Where new histograms are put, for whoever sends them.
        """
        self._meter = meter
        self._histograms = histograms

    @property
    def meter(self) -> Meter:
        """OpenTelemetry's own, for what is none of the kinds below."""
        return self._meter

    def tally(
        self, name: MetricName, description: str, labels: tuple[MetricLabel, ...], *, max_series: int = 1_500
    ) -> Tally:
        """A counter by labels."""
        return Tally(labels, max_series=max_series).observed_by(self._meter, name, description)

    def histogram(
        self, name: MetricName, description: str, *, scale: Scale, labels: tuple[MetricLabel, ...] = ()
    ) -> Histogram:
        """A histogram by labels."""
        made = Histogram(name, description, scale=scale, labels=labels)
        self._histograms.append(made)
        return made

    def gauge(self, name: MetricName, description: str, read: Callable[[], float | None], *, unit: str = "") -> None:
        """A number that is asked for when metrics are sent.

        Args:
            name: As declared.
            description: For people.
            read: Tells it, or None where there is none; called by the thread that sends.
            unit: UCUM.
        """

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            number = read()
            return [] if number is None else [Observation(number)]

        self._meter.create_observable_gauge(name, [observed], unit=unit, description=description)

    def gauges(
        self,
        name: MetricName,
        description: str,
        label: MetricLabel,
        read: Callable[[], Mapping[str, float]],
    ) -> None:
        """Numbers by one label's values that are asked for when metrics are sent."""

        def observed(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(number, {label: value}) for value, number in read().items()]

        self._meter.create_observable_gauge(name, [observed], description=description)

    def running_total(self, name: MetricName, description: str, read: Callable[[], float], *, unit: str) -> None:
        """A sum that only grows and is asked for when metrics are sent."""
        self._meter.create_observable_counter(
            name, [lambda _: [Observation(read())]], unit=unit, description=description
        )
