"""How long to wait before the next start: exponential, with full jitter and a cap.

Source: Brooker 2015, "Exponential Backoff And Jitter", AWS Architecture Blog.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """The schedule of restarts."""

    first_s: float = 0.5
    """Upper bound of the first wait."""
    longest_s: float = 30.0
    """Upper bound of every wait."""
    reset_after_s: float = 60.0
    """A server that was ready this long starts again from the first wait."""

    def wait_s(self, failures: int, chance: random.Random) -> float:
        """Returns the wait after this many failures in a row, from 1."""
        bound = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 16))
        return chance.uniform(bound / 2, bound)
