"""When requests arrive, decided before the first is sent: an open loop does not wait for answers."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from loadtests.locust.phases import Plan


@dataclass(frozen=True, slots=True)
class Arrival:
    """One intended start."""

    at_s: float
    """Seconds from the start of the plan."""
    phase: int
    """The phase it belongs to, counting from 0."""


@dataclass(frozen=True, slots=True)
class ArrivalSchedule:
    """A Poisson process that follows a plan: users who do not know of each other.

    Several processes take part by running one each, of `parts` times less intensity and with a seed of its own: the
    sum of independent Poisson processes is the Poisson process of the whole (Kingman, Poisson Processes, 2.2).
    """

    plan: Plan
    """Arrivals per second, by phase."""
    seed: int
    """The same seed gives the same arrivals."""
    part: int = 0
    """This process's place among those that take part, counting from 0."""
    parts: int = 1
    """How many take part."""
    burst_mean: float = 1.0
    """Mean number of items that arrive at one moment (an album's covers, a raid); geometric. 1: each comes alone."""

    def __post_init__(self) -> None:
        """Checks.

        Raises:
            ValueError: A part that does not exist, or bursts of less than one.
        """
        if not 0 <= self.part < self.parts or self.burst_mean < 1:
            raise ValueError(f"part {self.part} of {self.parts}, bursts of {self.burst_mean}: no such schedule")

    def __iter__(self) -> Iterator[Arrival]:
        """All of them, in order."""
        drawn = random.Random(f"{self.seed}/{self.part}/{self.parts}")  # noqa: S311 - not a secret
        for number, (phase, start, end) in enumerate(self.plan.spans()):
            moments_per_s = phase.level / self.parts / self.burst_mean
            if moments_per_s <= 0:
                continue
            at_s = start + drawn.expovariate(moments_per_s)
            while at_s < end:
                for _ in range(self._together(drawn)):
                    yield Arrival(at_s, number)
                at_s += drawn.expovariate(moments_per_s)

    def _together(self, drawn: random.Random) -> int:
        if self.burst_mean == 1:
            return 1
        return 1 + int(math.log(1 - drawn.random()) / math.log(1 - 1 / self.burst_mean))
