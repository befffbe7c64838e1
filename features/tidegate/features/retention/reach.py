"""How far back signals read the events of each kind, from the windows of their declarations in `refs`.

Which feature reads which kind stands in `transforms` as formulas, and here as names. That both say the same is tested:
signals of histories before and after a removal are compared, bit for bit.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from tidegate.features.events.event import EventKind
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT

_UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
_REPEATED_WITHIN = timedelta(days=365)
"""On top of the windows of `repeated_content_share_W`: their posts are compared with those before."""

_POSTS = (
    "posts_1h",
    "posts_24h",
    "posts_7d",
    "posts_30d",
    "posts_365d",
    "post_rate_decayed",
    "repeated_content_share_24h",
    "repeated_content_share_7d",
    "burstiness_7d",
)
_BLOCKS = ("blocks_30d", "last_action")
_REPORTS = (
    "reports_received_1h",
    "reports_received_24h",
    "reports_received_7d",
    "reports_received_30d",
    "report_rate_decayed",
    "distinct_reporters_7d",
    "distinct_reporters_30d",
    "reports_per_1000_plays_30d",
)
_APPEALS = ("appeals_upheld_365d", "appeal_overturn_ratio_365d")
_STRIKES = ("strikes_30d", "strikes_90d", "strikes_365d")

READ_BY: Mapping[EventKind, tuple[str, ...]] = MappingProxyType(
    {
        EventKind.UPLOAD: _POSTS,
        EventKind.COMMENT: (*_POSTS, "comments_1h"),
        EventKind.REPORT_RECEIVED: _REPORTS,
        EventKind.APPEAL_OPENED: _APPEALS,
        EventKind.APPEAL_UPHELD: _APPEALS,
        EventKind.APPEAL_DENIED: _APPEALS,
        EventKind.FOLLOW: ("follows_received_24h", "follows_received_7d"),
        EventKind.BLOCK: ("user_blocks_received_7d",),
        EventKind.PLAY: ("plays_30d", "reports_per_1000_plays_30d"),
        EventKind.DECISION: ("items_decided_1h", "items_decided_24h", *_BLOCKS),
        EventKind.REVIEW_OUTCOME: (*_BLOCKS, "confirmed_blocks_30d", "confirmed_blocks_365d"),
        EventKind.STRIKE_ISSUED: _STRIKES,
        EventKind.STRIKE_EXPIRED: _STRIKES,
        EventKind.STRIKE_REVERSED: _STRIKES,
    }
)
"""Features with a window, by the kinds of events that they read."""

STANDING = frozenset({EventKind.STRIKE_ISSUED, EventKind.STRIKE_EXPIRED, EventKind.STRIKE_REVERSED})
"""Kept for good: a strike without an end weighs until it is reversed, and a reversal counts whenever it comes. Few."""
NEWEST_ONLY = frozenset({EventKind.PROFILE, EventKind.VERIFICATION})
"""Of these the newest counts, however old it is; the ones before are read by nothing."""


def _windows() -> Mapping[str, timedelta]:
    found: dict[str, timedelta] = {}
    for feature in (*ACCOUNT_ACTIVITY.features, *ACCOUNT_ENFORCEMENT.features):
        told = re.fullmatch(r"(\d+) (hour|day)s?", feature.window)
        if told:
            more = _REPEATED_WITHIN if feature.name.startswith("repeated_content_share") else timedelta(0)
            found[feature.name] = int(told[1]) * _UNITS[told[2]] + more
    return MappingProxyType(found)


WINDOWS = _windows()
"""How far back each feature reads, by name, where it has a window at all."""

REACH: Mapping[EventKind, timedelta] = MappingProxyType(
    {kind: max(WINDOWS[name] for name in names) for kind, names in READ_BY.items() if kind not in STANDING}
    | dict.fromkeys(NEWEST_ONLY, timedelta(0))
)
"""How far back signals read events of a kind. Kinds in `STANDING` have none."""
ALLOWED_REACH = max(WINDOWS["items_decided_1h"], WINDOWS["items_decided_24h"])
"""The same for a DECISION that is ALLOW, the most frequent event by far: it is only counted as an item decided."""
LONGEST = max(REACH.values())
"""Of all of them."""
