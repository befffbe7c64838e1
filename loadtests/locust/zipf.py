"""Few are asked for often, many seldom."""

import bisect
import itertools
import random


class Zipf:
    """Ranks from 0, the n-th with a probability in proportion to 1 / n to the power of `skew`."""

    def __init__(self, count: int, *, skew: float) -> None:
        """Takes how many ranks there are, and how unequal they are: 0 is uniform, 1 the classical law.

        Raises:
            ValueError: There is nothing to draw from.
        """
        if count < 1:
            raise ValueError("a Zipf law needs at least one rank")
        self._summed = list(itertools.accumulate(rank**-skew for rank in range(1, count + 1)))

    def draw(self, drawn: random.Random) -> int:
        """A rank."""
        return bisect.bisect_left(self._summed, drawn.random() * self._summed[-1])
