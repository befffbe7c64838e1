"""How many items come and when: rates over time as steps, the shapes that one starts with, and Poisson arrivals."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

DAY_S = 86_400.0


class TraceError(ValueError):
    """A trace can't be used. The message names the line or option and what is allowed."""


@dataclass(frozen=True, slots=True)
class RateTrace:
    """Items per second as steps."""

    starts_s: tuple[float, ...]
    """When each step begins; the first at 0, ascending."""
    rates: tuple[float, ...]
    """Items per second in each step."""
    end_s: float
    """When the last step ends."""

    def __post_init__(self) -> None:
        """Checks.

        Raises:
            TraceError: Steps are out of order, or a rate is below 0.
        """
        times = [*self.starts_s, self.end_s]
        if not self.rates or len(self.starts_s) != len(self.rates) or times[0] != 0:
            raise TraceError("a trace begins at second 0 and has a rate for every step")
        if any(late <= early for early, late in pairwise(times)):
            raise TraceError("seconds of a trace must ascend")
        if not all(0 <= rate < math.inf for rate in self.rates):
            raise TraceError("items per second must be at least 0 and finite")

    def steps(self) -> Iterator[tuple[float, float, float]]:
        """Start, end and rate of each."""
        yield from zip(self.starts_s, [*self.starts_s[1:], self.end_s], self.rates, strict=True)

    def expected(self) -> float:
        """Items in the mean, in all."""
        return sum((end - start) * rate for start, end, rate in self.steps())

    def drawn(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Arrivals of a Poisson process with these rates, ascending, in seconds.

        Given their number, arrivals within a step are uniform (Kingman, Poisson Processes, 2.4): exact, and fast.
        """
        parts = [
            np.sort(rng.uniform(start, end, rng.poisson((end - start) * rate))) for start, end, rate in self.steps()
        ]
        return np.concatenate(parts)


def steady(rate: float, duration_s: float) -> RateTrace:
    """The same rate throughout."""
    return RateTrace((0.0,), (rate,), duration_s)


def spike(rate: float, duration_s: float, *, factor: float, at_s: float, for_s: float) -> RateTrace:
    """A rate that is suddenly multiplied, and falls back.

    Raises:
        TraceError: The spike does not lie within the duration.
    """
    if not 0 < at_s < at_s + for_s < duration_s:
        raise TraceError(f"the spike, {at_s:g} to {at_s + for_s:g} s, must lie within 0 to {duration_s:g} s")
    return RateTrace((0.0, at_s, at_s + for_s), (rate, rate * factor, rate), duration_s)


def daily(
    peak: float,
    duration_s: float,
    *,
    trough: float,
    peak_at_s: float,
    spikes: Sequence[tuple[float, float, float]] = (),
) -> RateTrace:
    """A day's rhythm as a sine, in steps of a minute, with spikes on top.

    Args:
        peak: Rate at the busiest moment.
        duration_s: Length of the trace.
        trough: Rate of the quietest moment divided by `peak`.
        peak_at_s: Second of the day of the busiest moment.
        spikes: Start, length in seconds and factor of each.
    """
    starts = np.arange(0.0, duration_s, 60.0)
    middle, swing = peak * (1 + trough) / 2, peak * (1 - trough) / 2
    rates = middle + swing * np.cos(2 * np.pi * (starts + 30.0 - peak_at_s) / DAY_S)
    for at_s, for_s, factor in spikes:
        rates[(starts >= at_s) & (starts < at_s + for_s)] *= factor
    return RateTrace(tuple(starts.tolist()), tuple(rates.tolist()), duration_s)


def read_trace(text: str) -> RateTrace:
    """From CSV with the header `at_s,items_per_s`; the last line ends the trace, its rate does not count.

    Raises:
        TraceError: A line that is wrong, by its number.
    """
    lines = text.strip().splitlines()
    if not lines or [name.strip() for name in lines[0].split(",")] != ["at_s", "items_per_s"]:
        raise TraceError("line 1: must be the header at_s,items_per_s")
    pairs: list[tuple[float, float]] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            at_s, rate = map(float, line.split(","))
        except ValueError as error:
            raise TraceError(f"line {number}: must be two numbers, such as 60,1500; is {line!r}") from error
        if not math.isfinite(at_s) or (pairs and at_s <= pairs[-1][0]):
            raise TraceError(f"line {number}: at_s must be above that of the line before")
        pairs.append((at_s, rate))
    if len(pairs) < 2 or pairs[0][0] != 0:  # noqa: PLR2004 - a beginning and an end
        raise TraceError("a trace needs two lines at least, and the first must begin at second 0")
    times, rates = zip(*pairs, strict=True)
    return RateTrace(tuple(times[:-1]), tuple(rates[:-1]), times[-1])
