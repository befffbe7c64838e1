"""How crowded the cores are, as a thread feels it: the share of time that it could run and had no core.

What batchers make of it (`rest_s`) stands beside it, since the pipeline and the ledger both go by it.
"""

import math
import os
import threading
import time
from pathlib import Path

CROWDED = 0.1
"""Share of time from which cores count as crowded: below it a rest costs more than it saves."""
LONGEST_REST_S = 0.025
"""Bounds what a rest can add to an answer: a batch may take long for other reasons."""

_SCHEDSTAT = Path("/proc/thread-self/schedstat")
"""Of the calling thread: nanoseconds on a core, nanoseconds waited for one, slices
(https://docs.kernel.org/scheduler/sched-stats.html)."""
_SAMPLED_EVERY_S = 0.05
_SMOOTHED_OVER_S = 0.1


class CoreWait:
    """The share of time that one thread waits for a core. Used by that thread alone.

    It tells a busy process on a busy machine from a busy process with cores to spare, which its CPU time can't. Where
    the kernel does not say, or before the second sample, it is 0. Waiting that a container's CPU limit imposes is not
    in it.
    """

    def __init__(self) -> None:
        """Opens nothing yet."""
        self._told = True
        self._at_s = 0.0
        self._waited_ns = 0
        self._share = 0.0

    def share(self) -> float:
        """From 0 to 1, smoothed over a tenth of a second: what was found before counts less, the longer ago it was."""
        now_s = time.monotonic()
        passed_s = now_s - self._at_s
        if passed_s >= _SAMPLED_EVERY_S and self._told:
            waited_ns = self._read()
            if self._at_s:
                kept = math.exp(-passed_s / _SMOOTHED_OVER_S)
                found = (waited_ns - self._waited_ns) / 1e9 / passed_s
                self._share = kept * self._share + (1 - kept) * min(1.0, found)
            self._at_s, self._waited_ns = now_s, waited_ns
        return self._share

    def _read(self) -> int:
        try:
            return int(os.pread(_schedstat(), 80, 0).split()[1])
        except (OSError, ValueError, IndexError):
            self._told = False
            return self._waited_ns


_OPENED = threading.local()


def _schedstat() -> int:
    """The calling thread's file, opened once and open as long as the process: one per event loop and ledger writer."""
    descriptor: int | None = getattr(_OPENED, "descriptor", None)
    if descriptor is None:
        descriptor = _OPENED.descriptor = os.open(_SCHEDSTAT, os.O_RDONLY | os.O_CLOEXEC)
    return descriptor


def rest_s(took_s: float, *, waits: float, size: int, enough: int) -> float:
    """How long to let work gather after a batch, in seconds, where cores are crowded; 0 where they are not.

    What a batch costs whatever its size is taken from those who wait for a core. So the more time goes to waiting, the
    longer a small batch is followed by a rest: as long as it took itself, once a quarter of the time goes there.

    Args:
        took_s: The batch, from its start to its end.
        waits: `CoreWait.share`.
        size: What was in the batch.
        enough: The size from which on the cost of a batch is small beside that of what is in it: no rest then.
    """
    if waits < CROWDED or size >= enough:
        return 0.0
    return min(took_s, LONGEST_REST_S) * min(1.0, 4 * waits) * (1 - size / enough)
