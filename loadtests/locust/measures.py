"""The measures of a level that thresholds may name."""

from collections.abc import Callable, Mapping
from enum import StrEnum

from loadtests.locust.levels import Level


class Measure(StrEnum):
    """Names, with their units in them."""

    P50_MS = "p50_ms"
    P95_MS = "p95_ms"
    P99_MS = "p99_ms"
    FROM_SEND_P99_MS = "from_send_p99_ms"
    P99_OVER_P50 = "p99_over_p50"
    GOODPUT_PER_S = "goodput_per_s"
    GOOD_SHARE = "good_share"
    SHED_SHARE = "shed_share"
    ERROR_SHARE = "error_share"
    GENERATOR_CPU_SHARE = "generator_cpu_share"
    GENERATOR_LATE_P99_MS = "generator_late_p99_ms"

    @property
    def unit(self) -> str:
        """Of its values; empty for ratios and shares."""
        return {"_ms": "ms", "r_s": "1/s"}.get(self.value[-3:], "")

    @property
    def counts_errors(self) -> bool:
        """Whether it gets worse with each error. The others tell only of the requests that did not fail."""
        return self in {Measure.GOODPUT_PER_S, Measure.GOOD_SHARE, Measure.ERROR_SHARE}


READ: Mapping[Measure, Callable[[Level], float]] = {
    Measure.P50_MS: lambda level: level.from_intended.p50_ms,
    Measure.P95_MS: lambda level: level.from_intended.p95_ms,
    Measure.P99_MS: lambda level: level.from_intended.p99_ms,
    Measure.FROM_SEND_P99_MS: lambda level: level.from_send.p99_ms,
    Measure.P99_OVER_P50: lambda level: level.from_intended.p99_ms / level.from_intended.p50_ms,
    Measure.GOODPUT_PER_S: lambda level: level.goodput_per_s,
    Measure.GOOD_SHARE: lambda level: level.good_share,
    Measure.SHED_SHARE: lambda level: level.sheds / level.arrivals if level.arrivals else 0.0,
    Measure.ERROR_SHARE: lambda level: level.error_share,
    Measure.GENERATOR_CPU_SHARE: lambda level: level.cpu_share,
    Measure.GENERATOR_LATE_P99_MS: lambda level: level.late_p99_ms,
}
"""Exhaustive; latencies without another name are from the intended start."""
