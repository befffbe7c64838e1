"""A run second by second: what a level's quantiles blur, a stall for instance, shows there."""

from collections.abc import Iterable
from dataclasses import dataclass

from loadtests.locust.quantile import quantile
from loadtests.locust.sample import Sample


@dataclass(frozen=True, slots=True)
class Second:
    """All requests that were meant to start in one second."""

    at_s: int
    """From the start of the plan."""
    from_intended_p99_ms: float
    """Of all but sheds and errors that are no timeouts."""
    from_send_p99_ms: float
    """The same requests as a closed loop would time them."""


def seconds_of(samples: Iterable[Sample]) -> list[Second]:
    """Every second in which something was meant to start, in order."""
    by_second: dict[int, list[Sample]] = {}
    for sample in samples:
        if sample.timed:
            by_second.setdefault(int(sample.intended_s), []).append(sample)
    return [
        Second(
            at_s,
            quantile(sorted(each.from_intended_s * 1_000 for each in found), 0.99),
            quantile(sorted(each.took_s * 1_000 for each in found), 0.99),
        )
        for at_s, found in sorted(by_second.items())
    ]
