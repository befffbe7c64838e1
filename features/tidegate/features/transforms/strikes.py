"""Strikes: a strike is issued, may expire by its time or by an event, and counts nowhere once it was reversed."""

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.instants import MONTH_US, NEVER, QUARTER_US, YEAR_US, Ints
from tidegate.features.transforms.latest import latest, touched
from tidegate.features.transforms.ordered_events import KINDS, OrderedEvents
from tidegate.features.transforms.seen import Seen

STRIKES = (EventKind.STRIKE_ISSUED, EventKind.STRIKE_EXPIRED, EventKind.STRIKE_REVERSED)
_WINDOWS = {"strikes_30d": MONTH_US, "strikes_90d": QUARTER_US, "strikes_365d": YEAR_US}


def put_strikes(answers: Answers, seen: Seen, events: OrderedEvents, subjects: Ints) -> None:
    """Adds the features of strikes. A strike that was issued twice is as it was issued last.

    Args:
        answers: Where to.
        seen: What each question sees.
        events: The events.
        subjects: Code of the strike's id by row of the events.
    """
    told = seen.of(*STRIKES)
    codes = subjects[told.row]
    reversed_ = touched(told, codes, told.kind == KINDS.index(EventKind.STRIKE_REVERSED))
    expired = touched(told, codes, told.kind == KINDS.index(EventKind.STRIKE_EXPIRED))
    issued = told.kind == KINDS.index(EventKind.STRIKE_ISSUED)
    standing = _latest(told.only(issued & ~reversed_), subjects)
    answers.put_counts(standing, _WINDOWS)
    _put_points(answers, _latest(told.only(issued & ~reversed_ & ~expired), subjects), events)


def _latest(issued: Seen, subjects: Ints) -> Seen:
    return latest(issued, subjects[issued.row])


def _put_points(answers: Answers, strikes: Seen, events: OrderedEvents) -> None:
    points, expires_at = np.zeros(0), np.zeros(0, dtype=np.int64)
    if strikes.row.size:
        points = events.numbers("points", strikes.row)
        expires_at = events.values("expires_at_us", strikes.row).fill_null(NEVER).to_numpy()
    weighs = (expires_at > strikes.at[strikes.question]) & np.isfinite(points) & (points > 0.0)
    answers.put_number("strike_points", strikes.only(weighs).sum(points[weighs]))
    ends = np.full(strikes.at.size, NEVER)
    np.minimum.at(ends, strikes.question[weighs], expires_at[weighs])
    answers.change(ends)
