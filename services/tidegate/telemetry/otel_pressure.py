"""The adapters of the ports in `pressure.py`, and what a replica of any deployment tells of itself."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import TracebackType

from tidegate.telemetry.histogram import Histogram, Scale
from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.names import MetricLabel, MetricName
from tidegate.telemetry.otel_measures import DURATIONS
from tidegate.telemetry.pressure import LedgerFailure

_L = MetricLabel

SIZES = Scale("", (1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
"""Of batches. A unit would become part of the name in Prometheus."""


class Ongoing:
    """How many calls a replica has taken on and not answered. Belongs to one event loop; a context for each call."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.count -= 1


def ongoing_calls(made: Instruments) -> Ongoing:
    """Counts the calls of this process's replica."""
    calls = Ongoing()
    watch_ongoing(made, lambda: calls.count)
    return calls


def watch_ongoing(made: Instruments, read: Callable[[], int]) -> None:
    """From now on tells how many calls this process's replica has taken on and not answered."""
    made.gauge(MetricName.ONGOING, "Calls taken on and not answered", read)


class OtelStages:
    """Makes the `StageMetrics` of each stage of a router."""

    def __init__(self, made: Instruments) -> None:
        self._sizes = made.histogram(
            MetricName.STAGE_BATCH_SIZE, "Requests in a batch", scale=SIZES, labels=(_L.STAGE,)
        )
        self._durations = made.histogram(
            MetricName.STAGE_BATCH_DURATION, "A batch's call", scale=DURATIONS, labels=(_L.STAGE, _L.OUTCOME)
        )
        self._waiting: dict[str, Callable[[], int]] = {}
        self._under_way: dict[str, Callable[[], int]] = {}
        made.gauges(MetricName.STAGE_WAITING, "Requests that wait for a batch", _L.STAGE, lambda: _read(self._waiting))
        made.gauges(MetricName.STAGE_UNDER_WAY, "Batches under way", _L.STAGE, lambda: _read(self._under_way))

    def stage(self, name: str) -> "OtelStageMetrics":
        """Of one stage.

        Args:
            name: As it is shown.
        """
        return OtelStageMetrics(name, self._sizes, self._durations, self._waiting, self._under_way)


class OtelStageMetrics:
    """`StageMetrics` of one stage."""

    def __init__(
        self,
        name: str,
        sizes: Histogram,
        durations: Histogram,
        waiting: dict[str, Callable[[], int]],
        under_way: dict[str, Callable[[], int]],
    ) -> None:
        self._name, self._sizes, self._durations = name, sizes, durations
        self._waiting, self._under_way = waiting, under_way

    def batched(self, size: int, *, duration_s: float, failed: bool) -> None:
        """See `StageMetrics`."""
        self._sizes.record(size, self._name)
        self._durations.record(duration_s, self._name, "failed" if failed else "answered")

    def watch(self, *, waiting: Callable[[], int], under_way: Callable[[], int]) -> None:
        """See `StageMetrics`."""
        self._waiting[self._name] = waiting
        self._under_way[self._name] = under_way


class OtelAdmissionMetrics:
    """`AdmissionMetrics` on a process's instruments."""

    def __init__(self, made: Instruments) -> None:
        self._made = made
        self._shed = made.tally(MetricName.ADMISSION_SHED, "Calls that were told to come back", (_L.CAUSE,))

    def shed(self, cause: StrEnum, *, calls: int = 1) -> None:
        """See `AdmissionMetrics`."""
        self._shed.add(str(cause), count=calls)

    def watch(
        self,
        *,
        under_way: Callable[[], int],
        waiting: Callable[[], Mapping[str, int]],
        places: int,
        limit: Callable[[], int],
    ) -> None:
        """See `AdmissionMetrics`."""
        made = self._made
        made.gauge(MetricName.ADMISSION_PLACES, "Most requests that are ever worked on at a time", lambda: places)
        made.gauge(MetricName.ADMISSION_LIMIT, "Most requests that are worked on at a time at the moment", limit)
        made.gauge(MetricName.ADMISSION_UNDER_WAY, "Requests that are worked on", under_way)
        made.gauges(MetricName.ADMISSION_WAITING, "Requests that wait for a place", _L.CALL, waiting)


class OtelLedgerMetrics:
    """`LedgerMetrics` on a process's instruments."""

    def __init__(self, made: Instruments) -> None:
        self._made = made
        self._sizes = made.histogram(MetricName.LEDGER_BATCH_SIZE, "Records in a transaction", scale=SIZES)
        self._durations = made.histogram(MetricName.LEDGER_COMMIT_DURATION, "One transaction", scale=DURATIONS)
        self._failures = made.tally(MetricName.LEDGER_FAILURES, "Records that are not durable", (_L.CAUSE,))
        for cause in LedgerFailure:
            self._failures.add(cause, count=0)  # so that the first failure is an increase

    def committed(self, records: int, *, duration_s: float) -> None:
        """See `LedgerMetrics`."""
        self._sizes.record(records)
        self._durations.record(duration_s)

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        """See `LedgerMetrics`."""
        self._failures.add(cause, count=records)

    def watch(self, waiting: Callable[[], int]) -> None:
        """See `LedgerMetrics`."""
        self._made.gauge(MetricName.LEDGER_WAITING, "Records that wait for a transaction", waiting)


def _read(watched: Mapping[str, Callable[[], int]]) -> dict[str, float]:
    return {name: read() for name, read in watched.items()}
