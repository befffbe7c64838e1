"""The port to a ledger as retention needs it: days that are due, and their removal beside whoever writes."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from tidegate.ledger.retention_anchors import Reason, Survey


class DayHeldError(Exception):
    """Somebody held the day until patience was out: what is left of it goes the next time. For people."""


class RetentionUnderWayError(Exception):
    """Another process removes days from this ledger. For people."""


class DayRemover(Protocol):
    """Removes days of one ledger. For one thread; what it has returned from is durable."""

    def today(self) -> date:
        """The UTC day, by whichever of the clocks that there are is behind."""
        ...

    def days(self, *, before: date) -> Sequence[date]:
        """UTC days before this one of which something is stored, in order."""
        ...

    def remove(self, survey: Survey, reason: Reason) -> bool:
        """Removes what the survey found, and leaves its anchors in the same transaction.

        Killed at any moment, it leaves a ledger that can be verified, and can be called again after another survey.

        Returns:
            False if records came to the day since the survey: then nothing was removed.

        Raises:
            DayHeldError: Who reads or writes held the day for too long.
        """
        ...

    def finish(self, *, before: date) -> None:
        """Removes what else belonged to days before this one that are gone. What is held up goes the next time."""
        ...

    def reclaimable_bytes(self) -> int:
        """Free within the ledger's file, for new records; 0 where the room was given back."""
        ...
