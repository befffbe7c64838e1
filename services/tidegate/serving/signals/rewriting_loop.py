"""The thread beside the writer of the event log that rewrites the log for erasures whose command is gone."""

import logging
import threading
from collections.abc import Callable

from tidegate.features.events.sqlite_rewriter import SqliteEventRewriter

_log = logging.getLogger(__name__)

PAUSE_S = 30.0
"""Between two looks at whether an erasure waits, and after a failure."""


class RewritingLoop:
    """Works while it is this process's turn, by turns with a command that erases. Killed, it goes on when it starts."""

    def __init__(self, rewriter: SqliteEventRewriter, *, turn: Callable[[], bool], pause_s: float = PAUSE_S) -> None:
        """Wires the loop.

        Args:
            rewriter: Of the log; closed at the end.
            turn: Whether it is this process's turn.
            pause_s: See `PAUSE_S`.
        """
        self._rewriter = rewriter
        self._turn = turn
        self._pause_s = pause_s
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-rewriting", daemon=True)
        self._outage = ""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Ends the thread after the transaction under way."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._round()
            self._closing.wait(self._pause_s)
        self._rewriter.close()

    def _round(self) -> None:
        try:
            if self._turn():
                self._rewriter.take_up(stop=lambda: self._closing.is_set() or not self._turn())
        except Exception as error:  # noqa: BLE001 - thread boundary: what failed now is tried again after a pause
            name = type(error).__name__
            if name != self._outage:
                _log.warning("event_rewriting.waits", extra={"error": name})
            self._outage = name
            return
        if self._outage:
            _log.warning("event_rewriting.works_again", extra={"error": self._outage})
        self._outage = ""
