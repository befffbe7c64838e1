"""The thread that keeps signals up to date: woken by intake, looking for due accounts by itself otherwise."""

import logging
import random
import threading
from collections.abc import Callable

from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.processor import Applied

_log = logging.getLogger(__name__)

POLL_S = 0.1
"""The longest that an account waits which became due by itself, or in another process."""
BACKOFF_S = 0.1
"""The shortest pause after a failure; it doubles from failure to failure."""
BACKOFF_CAP_S = 2.0
"""The longest, so that signals are caught up soon after a store comes back."""


class ProcessorLoop:
    """Runs rounds until closed."""

    def __init__(
        self,
        apply_due: Callable[[], Applied],
        fresh: FreshlyTouched,
        *,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Wires the loop.

        Args:
            apply_due: One round, as `SignalProcessor.apply_due`.
            fresh: What intake adds to; the loop sleeps on it.
            jitter: Uniform in 0 to 1.
        """
        self._apply_due = apply_due
        self._fresh = fresh
        self._jitter = jitter
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signal-processor", daemon=True)
        self._outage = ""
        self._failures = 0

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Ends the thread after the round under way. What is still due is due at the next start."""
        self._closing.set()
        self._fresh.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            more = self._round()
            if self._failures:
                self._closing.wait(self._pause_s())
            elif not more:
                self._fresh.wait(POLL_S)

    def _round(self) -> bool:
        """True if there is more to do at once."""
        try:
            applied = self._apply_due()
        except (EventLogUnavailableError, OnlineStoreUnavailableError) as error:
            self._failed(type(error).__name__)
            return False
        except Exception as error:  # noqa: BLE001 - thread boundary: a round that broke must not end all others
            self._failed(type(error).__name__)
            return False
        if self._outage:
            _log.warning("signals.caught_up_again", extra={"error": self._outage, "rounds_failed": self._failures})
        self._outage, self._failures = "", 0
        return applied.more

    def _failed(self, error: str) -> None:
        # One line when an outage begins or changes: a driver's message may quote a key, so only its type.
        if error != self._outage:
            _log.warning("signals.not_updated", extra={"error": error})
        self._outage = error
        self._failures += 1

    def _pause_s(self) -> float:
        doubled = BACKOFF_S * 2.0 ** min(self._failures - 1, 10)
        return min(BACKOFF_CAP_S, doubled) * (0.5 + 0.5 * self._jitter())
