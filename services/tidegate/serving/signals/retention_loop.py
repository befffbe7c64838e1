"""The thread beside the writer of the event log that measures the log and removes what no signal reads any more."""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tidegate.features.retention.sqlite_remover import SqliteEventRemover
from tidegate.telemetry.measures import EventLogFacts, EventMetrics

_log = logging.getLogger(__name__)

PAUSE_S = 30.0
"""Between two measurements of the log, and after a failure."""
RUNS_APART_S = 3_600.0
"""From the end of one run through all accounts to the next. A run reads all events older than a month."""


class RetentionLoop:
    """Works while it is this process's turn. One that is killed goes on at the next start, wherever it was."""

    def __init__(
        self,
        path: Path,
        remover: SqliteEventRemover,
        *,
        keep_days: int | None,
        turn: Callable[[], bool],
        metrics: EventMetrics,
        pause_s: float = PAUSE_S,
        runs_apart_s: float = RUNS_APART_S,
    ) -> None:
        """Wires the loop.

        Args:
            path: The log.
            remover: Of the same log; closed at the end.
            keep_days: See `features.retention`; None removes nothing.
            turn: Whether it is this process's turn.
            metrics: Told of what was removed, and how large the log is.
            pause_s: See `PAUSE_S`.
            runs_apart_s: See `RUNS_APART_S`.
        """
        self._path = path
        self._remover = remover
        self._keep_days = keep_days
        self._turn = turn
        self._metrics = metrics
        self._pause_s = pause_s
        self._pauses_between_runs = max(1, round(runs_apart_s / pause_s))
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="event-retention", daemon=True)
        self._outage = ""
        self._clock_doubted = False
        self._since: datetime | None = None

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def close(self, timeout_s: float = 10.0) -> None:
        """Ends the thread after the transaction under way."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pauses = 0
        while not self._closing.is_set():
            pauses = self._pauses_between_runs if self._round(due=pauses <= 0) else pauses - 1
            self._closing.wait(self._pause_s)
        self._remover.close()

    def _round(self, *, due: bool) -> bool:
        """Measures, and removes if that is due; whether a run came to its end."""
        try:
            if not self._turn():
                return False
            self._since = self._since or datetime.now(UTC)
            try:
                finished = due and self._keep_days is not None and self._removed(self._keep_days)
            finally:  # just when it can't remove, how full the volume is has to be known
                self._measure()
        except Exception as error:  # noqa: BLE001 - thread boundary: what failed now is tried again after a pause
            self._failed(type(error).__name__)
            return False
        if self._outage:
            _log.warning("event_retention.works_again", extra={"error": self._outage})
        self._outage = ""
        return finished

    def _removed(self, keep_days: int) -> bool:
        if self._doubtful():
            return True
        removed, measured_s = 0, time.monotonic()
        while not self._closing.is_set():
            step = self._remover.step(keep_days, stop=self._closing.is_set)
            self._metrics.removed(step.events)
            removed += step.events
            if step.finished:
                if removed:
                    _log.info("event_retention.removed", extra={"events": removed})
                return True
            if time.monotonic() - measured_s >= self._pause_s:  # a run may take hours
                self._measure()
                if self._doubtful():  # a clock may be set meanwhile
                    return True
                measured_s = time.monotonic()
        return False

    def _doubtful(self) -> bool:
        doubted, self._clock_doubted = self._clock_doubted, not self._remover.clock_borne_out()
        if self._clock_doubted and not doubted:
            _log.error(
                "event_retention.clock_doubted",
                extra={
                    "now": datetime.now(UTC).isoformat(),
                    "error": "no event but decisions occurred within a day of now, so nothing is removed: set the"
                    " clock if it is wrong; else it goes on within an hour of the next event, or by"
                    " `tidegate events retention --clock-is-right`",
                },
            )
        return self._clock_doubted

    def _measure(self) -> None:
        state, volume = self._remover.state(), shutil.disk_usage(self._path.parent)
        beside = self._path.with_name(f"{self._path.name}-wal")
        files = (each for each in (self._path, beside) if each.exists())
        self._metrics.measured(
            EventLogFacts(
                size_bytes=sum(each.stat().st_size for each in files),
                reusable_bytes=state.reusable_bytes,
                volume_bytes=volume.total,
                volume_free_bytes=volume.free,
                oldest=state.oldest,
                cleaned_at=None if self._keep_days is None else state.finished_at or self._since,
            )
        )

    def _failed(self, error: str) -> None:
        if error != self._outage:
            _log.warning("event_retention.waits", extra={"error": error})
        self._outage = error
