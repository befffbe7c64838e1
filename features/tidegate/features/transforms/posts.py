"""Posts (uploads and comments): how many, how fast, how evenly, and how much of it again."""

import numpy as np
import pyarrow.compute as pc

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.decay import decayed_rate
from tidegate.features.transforms.instants import DAY_US, HOUR_US, MONTH_US, WEEK_US, YEAR_US, Bools, Floats, Ints
from tidegate.features.transforms.latest import runs
from tidegate.features.transforms.ordered_events import OrderedEvents
from tidegate.features.transforms.seen import Seen

POSTS = (EventKind.UPLOAD, EventKind.COMMENT)
REPEATED_WITHIN_US = YEAR_US
"""A content is repeated if the account's last post of it, before this one, lies less than this back."""
_FEWEST_FOR_BURSTINESS = 3
_WINDOWS = {
    "posts_1h": HOUR_US,
    "posts_24h": DAY_US,
    "posts_7d": WEEK_US,
    "posts_30d": MONTH_US,
    "posts_365d": YEAR_US,
}
_SHARES = {"repeated_content_share_24h": DAY_US, "repeated_content_share_7d": WEEK_US}


def put_posts(answers: Answers, seen: Seen, digests: Ints) -> None:
    """Adds the features of posts.

    Args:
        answers: Where to.
        seen: What each question sees.
        digests: Code of the content's digest by row of the events, -1 where none is known.
    """
    posts = seen.of(*POSTS)
    answers.put_counts(posts, _WINDOWS)
    answers.put_counts(posts.of(EventKind.COMMENT), {"comments_1h": HOUR_US})
    answers.put_number("post_rate_decayed", decayed_rate(posts))
    _put_repeated(answers, posts, digests)
    burstiness, missing = _burstiness(posts.within(WEEK_US))
    answers.put_number("burstiness_7d", burstiness, missing=missing)


def digest_codes(events: OrderedEvents) -> Ints:
    """Code of the content's digest by row of the events; -1 for other events and posts without a digest."""
    rows = events.rows(*POSTS)
    told = pc.binary_length(events.values("content_digest", rows)).to_numpy()
    return events.codes("content_digest", rows[told > 0])


def _put_repeated(answers: Answers, posts: Seen, digests: Ints) -> None:
    compared = posts.only((posts.age < WEEK_US + REPEATED_WITHIN_US) & (digests[posts.row] >= 0))
    repeated = _repeated(compared, digests[compared.row])
    for name, window_us in _SHARES.items():
        inside = compared.age < window_us
        answers.put_share(name, compared.only(inside & repeated).count(), compared.only(inside).count())


def _repeated(posts: Seen, digests: Ints) -> Bools:
    """Per pair: whether the account had posted the content before, in the order of events."""
    order, ends = runs(posts, digests)
    ages = posts.age[order]
    again = np.zeros(order.size, dtype=np.bool_)
    again[order[1:]] = ~ends[:-1] & (ages[:-1] - ages[1:] < REPEATED_WITHIN_US)
    return again


def _burstiness(posts: Seen) -> tuple[Floats, Bools]:
    """(s - m) / (s + m) of the gaps between posts, s their standard deviation and m their mean.

    Goh and Barabasi, "Burstiness and memory in complex systems", EPL 81 (2008) 48002.
    """
    following = posts.question[1:] == posts.question[:-1]
    gaps = (posts.age[:-1] - posts.age[1:])[following].astype(np.float64)
    question = posts.question[1:][following]
    count = np.bincount(question, minlength=posts.at.size)
    gap_count = np.maximum(count, 1)
    mean = np.bincount(question, gaps, minlength=posts.at.size) / gap_count
    spread = np.sqrt(np.bincount(question, (gaps - mean[question]) ** 2, minlength=posts.at.size) / gap_count)
    missing = (count < _FEWEST_FOR_BURSTINESS - 1) | (mean == 0.0)
    return (spread - mean) / np.where(missing, 1.0, spread + mean), missing
