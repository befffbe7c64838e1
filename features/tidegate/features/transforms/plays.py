"""Plays of an account's content in 30 days; one event tells of many."""

from dataclasses import dataclass

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.instants import MONTH_US, NEVER, Ints
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.seen import Seen

MOST_PLAYS = 2**40
"""What one event can count for: eight million such events still sum up exactly. Intake refuses far smaller numbers."""


@dataclass(frozen=True, slots=True)
class Plays:
    """Plays per question."""

    counts: Ints
    """How many."""
    leaves: Ints
    """When the first leave the window; NEVER if there are none."""
    last_leaves: Ints
    """When the last leave it; NEVER if there are none."""


def plays(seen: Seen, events: OrderedEvents) -> Plays:
    """Counts the plays that each question sees."""
    played = seen.of(EventKind.PLAY).within(MONTH_US)
    if not played.row.size:
        never = np.full(seen.at.size, NEVER)
        return Plays(np.zeros_like(seen.at), never, never)
    told = np.minimum(events.numbers("count", played.row), MOST_PLAYS)
    played, told = played.only(told > 0), told[told > 0]
    upto = np.zeros(told.size + 1, dtype=np.int64)
    told.cumsum(out=upto[1:])
    count = played.count()
    ends = count.cumsum()
    return Plays(upto[ends] - upto[ends - count], played.leaves(MONTH_US), played.last_leaves(MONTH_US))
