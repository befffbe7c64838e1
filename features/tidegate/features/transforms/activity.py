"""The view `account_activity`: what an account does, and how others take to it."""

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.instants import DAY_US, HOUR_US, WEEK_US, Floats
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.plays import Plays
from tidegate.features.transforms.posts import digest_codes, put_posts
from tidegate.features.transforms.seen import Seen


class Activity:
    """Computes the view over one set of events."""

    def __init__(self, events: OrderedEvents) -> None:
        """Reads what is compared.

        Args:
            events: The events that questions see.
        """
        self._digests = digest_codes(events)

    def answers(self, seen: Seen, plays: Plays) -> Answers:
        """Values per question."""
        answers = Answers(seen.at)
        put_posts(answers, seen, self._digests)
        decided = seen.of(EventKind.DECISION)
        answers.put_counts(decided, {"items_decided_1h": HOUR_US, "items_decided_24h": DAY_US})
        follows = seen.of(EventKind.FOLLOW)
        answers.put_counts(follows, {"follows_received_24h": DAY_US, "follows_received_7d": WEEK_US})
        answers.put_counts(seen.of(EventKind.BLOCK), {"user_blocks_received_7d": WEEK_US})
        answers.put_count("plays_30d", plays.counts)
        answers.change(plays.leaves)
        answers.put_number("observed_days", _observed_days(seen))
        return answers


def _observed_days(seen: Seen) -> Floats:
    """Days since the first event; 0 where there is none."""
    oldest = np.zeros(seen.at.size, dtype=np.int64)
    oldest[seen.question[::-1]] = seen.age[::-1]
    return oldest / DAY_US
