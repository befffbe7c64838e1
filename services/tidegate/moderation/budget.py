"""Time as a budget handed down: made once per request, cut at every hop, carried between processes as what is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """A deadline on the monotonic clock of this process."""

    deadline_s: float
    """On `clock`."""
    clock: Callable[[], float] = time.monotonic
    """Injected in tests."""

    @classmethod
    def of_ms(cls, budget_ms: float, *, clock: Callable[[], float] = time.monotonic) -> "Budget":
        """A budget that ends `budget_ms` from now."""
        return cls(clock() + budget_ms / 1000.0, clock)

    def left_ms(self) -> float:
        """Milliseconds left, never below zero."""
        return max(0.0, (self.deadline_s - self.clock()) * 1000.0)

    def left_s(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.deadline_s - self.clock())

    def cut_ms(self, limit_ms: float) -> "Budget":
        """The sooner of this budget's end and `limit_ms` from now."""
        return Budget(min(self.deadline_s, self.clock() + limit_ms / 1000.0), self.clock)
