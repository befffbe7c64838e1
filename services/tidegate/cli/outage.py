"""Tells people when the service does not answer and is waited for, and when it is back."""

import time
from collections.abc import Callable

import grpc


class Outage:
    """Tells once of each. Give `paused` to a `RetryPolicy`, and call `answered` with every answer."""

    def __init__(self, say: Callable[[str], None], *, patience: str) -> None:
        """Tells nothing yet.

        Args:
            say: Takes lines for people.
            patience: For how long it is asked again, in words.
        """
        self._say = say
        self._patience = patience
        self._away_since_s: float | None = None

    def paused(self, code: grpc.StatusCode, pause_s: float) -> None:
        """A call failed with this status and is sent again after so many seconds."""
        del pause_s
        if self._away_since_s is None:
            self._away_since_s = time.monotonic()
            self._say(f"the service does not answer ({code.name}): asking again for {self._patience}")

    def answered(self) -> None:
        """A call was answered."""
        if self._away_since_s is not None:
            self._say(f"the service answers again after {time.monotonic() - self._away_since_s:.0f} s")
            self._away_since_s = None
