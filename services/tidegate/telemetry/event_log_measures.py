"""Gauges of the event log on its disk: of one that nothing is known of, nothing is told."""

import time
from collections.abc import Callable
from datetime import datetime

from tidegate.telemetry.instruments import Instruments
from tidegate.telemetry.measures import EventLogFacts
from tidegate.telemetry.names import MetricName


class EventLogGauges:
    """Tells what it was told last. Ages grow in between."""

    def __init__(self, made: Instruments, *, now_s: Callable[[], float] = time.time) -> None:
        """Makes the instruments.

        Args:
            made: By the process.
            now_s: Seconds since 1970, UTC.
        """
        self.facts: EventLogFacts | None = None
        """Set by any thread."""
        self._now_s = now_s
        for name, description, read in (
            (MetricName.EVENT_LOG_SIZE, "Files of the event log", lambda facts: facts.size_bytes),
            (MetricName.EVENT_LOG_REUSABLE, "Of these, free for new events", lambda facts: facts.reusable_bytes),
            (MetricName.EVENT_LOG_VOLUME, "The event log's volume", lambda facts: facts.volume_bytes),
            (MetricName.EVENT_LOG_VOLUME_FREE, "Of this, free", lambda facts: facts.volume_free_bytes),
        ):
            made.gauge(name, description, self._told(read), unit="By")
        made.gauge(
            MetricName.EVENT_LOG_OLDEST,
            "Since the oldest event that removal left",
            self._told(lambda facts: self._age_s(facts.oldest)),
            unit="s",
        )
        made.gauge(
            MetricName.EVENT_LOG_CLEANED,
            "Since removal last went through all accounts, or began",
            self._told(lambda facts: self._age_s(facts.cleaned_at)),
            unit="s",
        )

    def _told(self, read: Callable[[EventLogFacts], float | None]) -> Callable[[], float | None]:
        return lambda: None if self.facts is None else read(self.facts)

    def _age_s(self, moment: datetime | None) -> float | None:
        return None if moment is None else max(0.0, self._now_s() - moment.timestamp())
