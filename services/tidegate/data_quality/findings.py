"""What an expectation came to: the value that was observed beside those that are allowed."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Whether an expectation holds."""

    HOLDS = "holds"
    BROKEN = "broken"
    TOO_FEW = "too few"
    """There was too little to judge by."""


class Subject(StrEnum):
    """What was looked at."""

    EVENTS = "events"
    """The event log."""
    ROWS = "published rows"
    """The feature rows of the published run."""
    SERVED = "served values"
    """Signals in decision records: what the online store answered."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation about one thing."""

    subject: Subject
    """Where it was looked at."""
    about: str
    """A kind of event, `KIND.field`, a view, or a feature by its full name."""
    check: str
    """What was measured: a share of `count`, a quotient, an age in days, or a range of values."""
    observed: tuple[float, ...]
    """What was found; of a range the lowest and the highest. Empty if there was nothing."""
    allowed: tuple[float, float]
    """From, to; both included."""
    count: int
    """How many it was found in."""
    fewest: int = 1
    """It is judged if there are so many."""

    @property
    def verdict(self) -> Verdict:
        """Whether it holds."""
        if self.count < self.fewest or not self.observed:
            return Verdict.TOO_FEW
        low, high = self.allowed
        return Verdict.HOLDS if all(low <= each <= high for each in self.observed) else Verdict.BROKEN
