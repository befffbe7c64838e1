"""Plays of an account's content; one event tells of many."""

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.instants import Ints
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.seen import Seen

MOST_PLAYS = 2**40
"""What one event can count for: eight million such events still sum up exactly. Intake refuses far smaller numbers."""


def plays(seen: Seen, events: OrderedEvents, window_us: int) -> tuple[Seen, Ints]:
    """Pairs within the window that tell of at least one play, and per question the plays."""
    played = seen.of(EventKind.PLAY).within(window_us)
    if not played.row.size:
        return played, np.zeros(seen.at.size, dtype=np.int64)
    told = np.clip(events.values("count", played.row).to_numpy(), 0, MOST_PLAYS)
    played, told = played.only(told > 0), told[told > 0]
    upto = np.concatenate(([0], np.cumsum(told)))
    ends = np.cumsum(played.count())
    return played, np.diff(upto[ends], prepend=0)
