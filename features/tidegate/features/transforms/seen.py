"""Events as each question sees them: those that had happened, and were known, at its instant."""

from dataclasses import dataclass

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.instants import NEVER, Bools, Floats, Ints
from tidegate.features.transforms.ordered_events import OrderedEvents, of_kinds
from tidegate.features.transforms.questions import Questions


@dataclass(frozen=True, slots=True)
class Seen:
    """Pairs of a question and an event that it sees, by question, then in the order of events.

    Sums run in that order (`np.bincount` adds one after the other), so they have the same bits in every batch.
    """

    at: Ints
    """Per question: its instant."""
    question: Ints
    """Per pair: number of the question; never falls."""
    row: Ints
    """Per pair: row of the event in `OrderedEvents`."""
    kind: Ints
    """Per pair: kind of the event."""
    age: Ints
    """Per pair: microseconds from the event to the question's instant, 0 or more; never rises within a question."""

    def only(self, wanted: Bools) -> "Seen":
        """These pairs only."""
        pairs = wanted.nonzero()[0]
        if pairs.size == wanted.size:
            return self
        return Seen(self.at, self.question[pairs], self.row[pairs], self.kind[pairs], self.age[pairs])

    def of(self, *kinds: EventKind) -> "Seen":
        """Pairs whose event is of one of these kinds."""
        return self.only(of_kinds(*kinds)[self.kind]) if self.kind.size else self

    def within(self, window_us: int) -> "Seen":
        """Pairs whose event lies in the window (at - W, at]."""
        return self.only(self.age < window_us) if self.age.size else self

    def count(self) -> Ints:
        """Per question: its pairs."""
        return np.bincount(self.question, minlength=self.at.size)

    def sum(self, weights: Floats) -> Floats:
        """Per question: the sum of its pairs' weights, added in order."""
        return np.bincount(self.question, weights, minlength=self.at.size).astype(np.float64, copy=False)

    def last(self) -> Ints:
        """Per question: its last pair, -1 if it has none."""
        pairs = np.full(self.at.size, -1)
        pairs[self.question] = np.arange(self.question.size)  # the last one written stays
        return pairs

    def leaves(self, window_us: int) -> Ints:
        """Per question: when the first of its pairs leaves a window that all lie in; NEVER if it has none."""
        leaves = np.full(self.at.size, NEVER)
        # Backwards, so that the oldest, which leaves first, is written last.
        leaves[self.question[::-1]] = (self.at[self.question] - self.age + window_us)[::-1]
        return leaves

    def last_leaves(self, window_us: int) -> Ints:
        """Per question: when the last of its pairs leaves a window that all lie in; NEVER if it has none."""
        leaves = np.full(self.at.size, NEVER)
        leaves[self.question] = self.at[self.question] - self.age + window_us
        return leaves


def seen(events: OrderedEvents, asked: Questions) -> Seen:
    """Pairs every question with the events of its account that it sees."""
    starts, lengths = spans(events, asked)
    question = np.repeat(np.arange(asked.at.size), lengths)
    row = np.arange(question.size) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
    age = asked.at[question] - events.occurred[row]
    sees = age >= 0
    if asked.known_at is not None:
        sees &= events.recorded[row] <= asked.known_at[question]
    question, row, age = question[sees], row[sees], age[sees]
    return Seen(asked.at, question, row, events.kind[row], age)


def spans(events: OrderedEvents, asked: Questions) -> tuple[Ints, Ints]:
    """Per question: the first row of its account's events, and how many there are."""
    per_account = np.bincount(events.account, minlength=len(asked.accounts))
    ends = np.cumsum(per_account)
    return (ends - per_account)[asked.account], per_account[asked.account]
