"""The thread that keeps signals up to date: woken by intake, looking for due accounts by itself otherwise."""

import logging
import random
import threading
import time
from collections.abc import Callable

from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.processor import Applied

_log = logging.getLogger(__name__)

BEAT_S = 0.5
"""From the beginning of rounds that had something to do to that of the next: what happens to an account meanwhile is
computed once and written once. A round takes 15 ms of a core however few accounts it has: with one at every event, 100
decisions a second took three times the CPU time. Half of the second that is promised is left for the rounds. After a
quiet beat the first event is taken up at once."""
BACKOFF_S = 0.1
"""The shortest pause after a failure; it doubles from failure to failure."""
BACKOFF_CAP_S = 2.0
"""The longest, so that signals are caught up soon after a store comes back."""

_NOTHING = Applied(0, 0, more=False)


class ProcessorLoop:
    """Runs rounds until closed."""

    def __init__(
        self,
        apply_due: Callable[[], Applied],
        fresh: FreshlyTouched,
        *,
        beat_s: float = BEAT_S,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wires the loop.

        Args:
            apply_due: One round, as `SignalProcessor.apply_due`.
            fresh: What intake adds to; the loop sleeps on it.
            beat_s: See `BEAT_S`; also the longest that an account waits which became due by itself, or elsewhere.
            jitter: Uniform in 0 to 1.
            monotonic: Seconds that only grow.
        """
        self._apply_due = apply_due
        self._fresh = fresh
        self._beat_s = beat_s
        self._jitter = jitter
        self._monotonic = monotonic
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
        began, busy = self._monotonic(), False
        while not self._closing.is_set():
            applied = self._round()
            busy = busy or bool(applied.accounts or applied.failed)
            if applied.more and not self._failures:
                continue
            if self._failures:
                self._closing.wait(self._pause_s())
            elif busy:
                self._closing.wait(max(0.0, began + self._beat_s - self._monotonic()))
                busy = False
            else:
                # What woke it may have to wait, and must not wake it again at once.
                busy = self._fresh.wait(self._beat_s)
            began = self._monotonic()

    def _round(self) -> Applied:
        try:
            applied = self._apply_due()
        except (EventLogUnavailableError, OnlineStoreUnavailableError) as error:
            self._failed(type(error).__name__)
            return _NOTHING
        except Exception as error:  # noqa: BLE001 - thread boundary: a round that broke must not end all others
            self._failed(type(error).__name__)
            return _NOTHING
        if self._outage:
            _log.warning("signals.caught_up_again", extra={"error": self._outage, "rounds_failed": self._failures})
        self._outage, self._failures = "", 0
        return applied

    def _failed(self, error: str) -> None:
        # One line when an outage begins or changes: a driver's message may quote a key, so only its type.
        if error != self._outage:
            _log.warning("signals.not_updated", extra={"error": error})
        self._outage = error
        self._failures += 1

    def _pause_s(self) -> float:
        doubled = BACKOFF_S * 2.0 ** min(self._failures - 1, 10)
        return min(BACKOFF_CAP_S, doubled) * (0.5 + 0.5 * self._jitter())
