"""How long events take until the next decision can see them, measured and not assumed."""

import threading
import time
from collections import deque
from collections.abc import Callable

from tidegate.telemetry.measures import EventMetrics

_MOST_PENDING = 10_000
"""Calls remembered. While more are pending, the oldest are not measured."""


class Visibility:
    """Between the intake, which acknowledges, and the processor, whose rounds make visible. Shared by their threads."""

    def __init__(self, metrics: EventMetrics, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._pending: deque[float] = deque(maxlen=_MOST_PENDING)
        self._lock = threading.Lock()

    def acknowledged(self) -> None:
        """Notes that a call's events are durable as of now."""
        with self._lock:
            self._pending.append(self._clock())

    def now_s(self) -> float:
        """When a round begins."""
        return self._clock()

    def caught_up(self, begun_s: float) -> None:
        """Measures what was acknowledged before a round that left nothing over.

        Args:
            begun_s: When the round began.
        """
        now_s = self._clock()
        while True:
            with self._lock:
                if not self._pending or self._pending[0] > begun_s:
                    return
                acknowledged_s = self._pending.popleft()
            self._metrics.visible(now_s - acknowledged_s)

    def forget(self) -> None:
        """Another process computes: what is pending here is made visible there."""
        with self._lock:
            self._pending.clear()
