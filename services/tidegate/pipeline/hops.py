"""Time spent by hop within one request, for the decision record."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Hops:
    """Collects elapsed milliseconds by hop name."""

    def __init__(self, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._start = clock()
        self.elapsed_ms: dict[str, float] = {}

    @contextmanager
    def timed(self, hop: str) -> Iterator[None]:
        """Takes the time inside the block as `hop`'s; of blocks that run side by side, the longest."""
        start = self._clock()
        try:
            yield
        finally:
            elapsed_ms = round((self._clock() - start) * 1000.0, 3)
            self.elapsed_ms[hop] = max(elapsed_ms, self.elapsed_ms.get(hop, 0.0))

    def total_ms(self) -> float:
        """Since construction."""
        return round((self._clock() - self._start) * 1000.0, 3)
