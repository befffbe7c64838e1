"""Appeals: what holds of each is its latest event."""

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.instants import YEAR_US, Ints
from tidegate.features.transforms.latest import latest
from tidegate.features.transforms.seen import Seen

APPEALS = (EventKind.APPEAL_OPENED, EventKind.APPEAL_UPHELD, EventKind.APPEAL_DENIED)


def put_appeals(answers: Answers, seen: Seen, subjects: Ints) -> None:
    """Adds the features of appeals.

    Args:
        answers: Where to.
        seen: What each question sees.
        subjects: Code of the appeal's id by row of the events.
    """
    told = seen.of(*APPEALS)
    decided = latest(told, subjects[told.row]).of(EventKind.APPEAL_UPHELD, EventKind.APPEAL_DENIED).within(YEAR_US)
    upheld = decided.of(EventKind.APPEAL_UPHELD)
    answers.put_counts(upheld, {"appeals_upheld_365d": YEAR_US})
    count = upheld.count()
    answers.put_share("appeal_overturn_ratio_365d", count, decided.count())
    # A ratio of 0 stays 0 while denied appeals leave the window one by one, and is missing after the last.
    answers.change(np.where(count > 0, decided.leaves(YEAR_US), decided.last_leaves(YEAR_US)))
