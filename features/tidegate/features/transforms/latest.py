"""Which events of a question belong to the same thing: a strike, a decision, an appeal, a reporter, a content."""

import numpy as np

from tidegate.features.transforms.instants import Bools, Ints
from tidegate.features.transforms.seen import Seen


def runs(seen: Seen, codes: Ints) -> tuple[Ints, Bools]:
    """Pairs grouped by question and thing, in order within a group.

    Args:
        seen: The pairs.
        codes: Which thing the event is about, per pair, 0 or more.

    Returns:
        The pairs in grouped order, and per place in that order whether a group ends there.
    """
    key = seen.question * (int(codes.max(initial=0)) + 1) + codes
    order = key.argsort(kind="stable")
    key = key[order]
    ends = np.ones(key.size, dtype=np.bool_)
    np.not_equal(key[1:], key[:-1], out=ends[:-1])
    return order, ends


def latest(seen: Seen, codes: Ints) -> Seen:
    """Per question and thing the latest pair, in the order of events."""
    if not codes.size:
        return seen
    order, ends = runs(seen, codes)
    wanted = np.zeros(order.size, dtype=np.bool_)
    wanted[order[ends]] = True
    return seen.only(wanted)


def touched(seen: Seen, codes: Ints, by: Bools) -> Bools:
    """Per pair: whether the same question sees a pair marked in `by` about the same thing, before or after it."""
    if not by.any():
        return by
    order, ends = runs(seen, codes)
    group: Ints = ends.cumsum() - ends
    marks = np.bincount(group, by[order]) > 0
    answer = np.zeros(order.size, dtype=np.bool_)
    answer[order] = marks[group]
    return answer
