"""The common start of all processes that take part."""

import time
from dataclasses import dataclass

LEAD_S = 0.5
"""From the word to the start of the plan."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of the load a process takes."""

    number: int
    """Counting from 0."""
    parts: int
    """How many take part."""


@dataclass(frozen=True, slots=True)
class PlanClock:
    """Since when the plan runs, by this process's monotonic clock."""

    started: float
    """The moment; it may lie ahead."""

    @classmethod
    def soon(cls) -> "PlanClock":
        """Counted from now. A delay travels, a moment does not: clocks of machines differ."""
        return cls(time.perf_counter() + LEAD_S)

    @property
    def elapsed_s(self) -> float:
        """Of the plan; below 0 before it starts."""
        return time.perf_counter() - self.started
