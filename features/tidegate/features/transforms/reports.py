"""Reports by others on the account's content."""

import numpy as np

from tidegate.features.events.event import EventKind
from tidegate.features.transforms.answers import Answers
from tidegate.features.transforms.decay import decayed_rate
from tidegate.features.transforms.instants import DAY_US, HOUR_US, MONTH_US, WEEK_US, Ints
from tidegate.features.transforms.latest import latest
from tidegate.features.transforms.plays import Plays
from tidegate.features.transforms.seen import Seen

_WINDOWS = {
    "reports_received_1h": HOUR_US,
    "reports_received_24h": DAY_US,
    "reports_received_7d": WEEK_US,
    "reports_received_30d": MONTH_US,
}
_REPORTERS = {"distinct_reporters_7d": WEEK_US, "distinct_reporters_30d": MONTH_US}


def put_reports(answers: Answers, seen: Seen, plays: Plays, reporters: Ints) -> None:
    """Adds the features of reports.

    Args:
        answers: Where to.
        seen: What each question sees.
        plays: The plays that each sees.
        reporters: Code of the reporter by row of the events.
    """
    reports = seen.of(EventKind.REPORT_RECEIVED)
    answers.put_counts(reports, _WINDOWS)
    answers.put_number("report_rate_decayed", decayed_rate(reports))
    answers.put_counts(latest(reports, reporters[reports.row]), _REPORTERS)
    reported = reports.within(MONTH_US).count()
    answers.put_share("reports_per_1000_plays_30d", 1000 * reported, plays.counts)
    # Without reports the share is 0 until the last play has left the window, and is missing then.
    answers.change(np.where(reported > 0, plays.leaves, plays.last_leaves))
