"""Account features by name, without Feast: what services and policy checks may import.

The Feast definitions (`entities`, `sources`, `views`, `services`) are built from these declarations, so that a policy
that names a feature, the definition that is applied and the value that is served cannot drift apart.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from tidegate.features.feature import Feature, FeatureRef, Service, ValueKind, View

ENTITY = "account"
"""Name of the Feast entity."""
JOIN_KEY = "account_id"
"""The entity's key: column of the offline rows and key of the online ones."""


class LastAction(StrEnum):
    """Values of `account_enforcement__last_action`: the decisions' actions, and NONE."""

    NONE = "NONE"
    LABEL = "LABEL"
    AGE_RESTRICT = "AGE_RESTRICT"
    LIMIT_REACH = "LIMIT_REACH"
    REVIEW = "REVIEW"
    BLOCK = "BLOCK"


class Plan(StrEnum):
    """Values of `account_profile__plan`."""

    FREE = "free"
    PREMIUM = "premium"


VALID_UNTIL = "valid_until"
"""Name of the internal field that promises how long a row holds if nothing more happens to the account."""

_AS_OF = "as of the event time"
_NOT_TOLD = "the account system has not told us; never read it as 0 or false"
_NO_ROW = "nothing was computed for the account: its history is unknown, not clean"

_VALID_UNTIL = Feature(
    VALID_UNTIL,
    ValueKind.INT,
    "microseconds since 1970, UTC: when the first value of the row changes if no event comes",
    _AS_OF,
    "the row makes no such promise",
)


def _count(name: str, unit: str, window: str, missing: str = _NO_ROW) -> Feature:
    return Feature(name, ValueKind.INT, unit, window, missing)


def _told(name: str, kind: ValueKind, unit: str) -> Feature:
    return Feature(name, kind, unit, _AS_OF, _NOT_TOLD)


ACCOUNT_PROFILE = View(
    name="account_profile",
    ttl=timedelta(days=2),
    description="What the account system knows of an account",
    features=(
        _told("account_age_days", ValueKind.INT, "whole days since registration"),
        _told("followers", ValueKind.INT, "accounts that follow it"),
        _told("verified", ValueKind.BOOL, "identity was verified"),
        _told("email_confirmed", ValueKind.BOOL, "e-mail address was confirmed"),
        _told("plan", ValueKind.STRING, "one of `Plan`"),
        _told("following", ValueKind.INT, "accounts that it follows"),
        _told("listed", ValueKind.INT, "lists of others that it is on"),
        _told("likes_given", ValueKind.INT, "likes that it gave"),
        _told("posts", ValueKind.INT, "posts in its whole life"),
        _told("default_profile", ValueKind.BOOL, "never changed the looks of its page"),
        _told("default_picture", ValueKind.BOOL, "has no picture of its own"),
        _told("extended_profile", ValueKind.BOOL, "filled in the longer profile"),
        _told("handle_length", ValueKind.INT, "characters of its handle"),
        _told("handle_digits", ValueKind.INT, "digits in its handle"),
        _told("description_length", ValueKind.INT, "characters of its description"),
        _told("has_url", ValueKind.BOOL, "its profile names a link"),
        _told("has_location", ValueKind.BOOL, "its profile names a place"),
    ),
    internal=(_VALID_UNTIL,),
)
PROFILE_HOLDS = timedelta(days=30)
"""How long a snapshot of the account system counts; after it the row's promise ends and its values are STALE."""

ACCOUNT_ACTIVITY = View(
    name="account_activity",
    ttl=timedelta(days=2),
    description="What an account does, and how others take to it",
    features=(
        _count("posts_1h", "uploads and comments", "1 hour"),
        _count("posts_24h", "uploads and comments", "24 hours"),
        _count("posts_7d", "uploads and comments", "7 days"),
        _count("posts_30d", "uploads and comments", "30 days"),
        _count("posts_365d", "uploads and comments", "365 days"),
        _count("comments_1h", "comments", "1 hour"),
        _count("items_decided_1h", "items that Tidegate decided on", "1 hour"),
        _count("items_decided_24h", "items that Tidegate decided on", "24 hours"),
        Feature(
            "post_rate_decayed",
            ValueKind.FLOAT,
            "posts per hour, each weighing half after 24 hours",
            "365 days",
            _NO_ROW,
        ),
        Feature(
            "repeated_content_share_24h",
            ValueKind.FLOAT,
            "share of the posts with a digest whose content the account had posted before, within 365 days",
            "24 hours",
            "no post with a digest in the window",
        ),
        Feature(
            "repeated_content_share_7d",
            ValueKind.FLOAT,
            "share of the posts with a digest whose content the account had posted before, within 365 days",
            "7 days",
            "no post with a digest in the window",
        ),
        Feature(
            "burstiness_7d",
            ValueKind.FLOAT,
            "(s - m) / (s + m) of the gaps between posts, -1 even to 1 bursty (Goh and Barabasi 2008)",
            "7 days",
            "fewer than three posts in the window, or all at one instant",
        ),
        _count("follows_received_24h", "new followers", "24 hours"),
        _count("follows_received_7d", "new followers", "7 days"),
        _count("user_blocks_received_7d", "accounts that blocked it for themselves", "7 days"),
        _count("plays_30d", "plays of its content", "30 days"),
        Feature(
            "observed_days", ValueKind.FLOAT, "days since the first event that was recorded of it", _AS_OF, _NO_ROW
        ),
    ),
    internal=(_VALID_UNTIL,),
)

ACCOUNT_ENFORCEMENT = View(
    name="account_enforcement",
    ttl=timedelta(days=2),
    description="What moderation has decided about an account, and what others reported of it",
    features=(
        _count("strikes_90d", "strikes issued and not reversed", "90 days"),
        Feature("strike_points", ValueKind.FLOAT, "points of strikes neither expired nor reversed", _AS_OF, _NO_ROW),
        _count("blocks_30d", "items whose latest decision is BLOCK", "30 days"),
        _count("reports_received_7d", "reports by others on its content", "7 days"),
        _count("appeals_upheld_365d", "appeals decided for the account", "365 days"),
        Feature("last_action", ValueKind.STRING, "one of `LastAction`", "365 days", _NO_ROW),
        _count("strikes_30d", "strikes issued and not reversed", "30 days"),
        _count("strikes_365d", "strikes issued and not reversed", "365 days"),
        _count("confirmed_blocks_30d", "items whose latest decision is BLOCK, by a person", "30 days"),
        _count("confirmed_blocks_365d", "items whose latest decision is BLOCK, by a person", "365 days"),
        _count("reports_received_1h", "reports by others on its content", "1 hour"),
        _count("reports_received_24h", "reports by others on its content", "24 hours"),
        _count("reports_received_30d", "reports by others on its content", "30 days"),
        Feature(
            "report_rate_decayed",
            ValueKind.FLOAT,
            "reports per hour, each weighing half after 24 hours",
            "365 days",
            _NO_ROW,
        ),
        _count("distinct_reporters_7d", "different accounts that reported it", "7 days"),
        _count("distinct_reporters_30d", "different accounts that reported it", "30 days"),
        Feature(
            "reports_per_1000_plays_30d",
            ValueKind.FLOAT,
            "reports per thousand plays",
            "30 days",
            "no play in the window",
        ),
        Feature(
            "appeal_overturn_ratio_365d",
            ValueKind.FLOAT,
            "appeals upheld ÷ appeals decided",
            "365 days",
            "no appeal was decided in the window",
        ),
    ),
    internal=(_VALID_UNTIL,),
)

ACCOUNT_RISK = View(
    name="account_risk",
    ttl=timedelta(days=2),
    description="What the account risk model says of the account's profile; computed again whenever that changes",
    features=(
        Feature(
            "automated",
            ValueKind.FLOAT,
            "calibrated probability that the account is automated (models/cards/account_risk.md)",
            _AS_OF,
            "the account system told us too little, or the model was not there",
        ),
        Feature(
            "model_version",
            ValueKind.STRING,
            "version of `account_risk` in the catalogue",
            _AS_OF,
            "as for `automated`",
        ),
        Feature(
            "reasons",
            ValueKind.STRING,
            "up to three inputs that raise the score, strongest first, comma-separated",
            _AS_OF,
            "as for `automated`",
        ),
    ),
    internal=(_VALID_UNTIL,),
)

ACCOUNT_SIGNALS_V2 = Service(
    name="account_signals_v2",
    description="Asked by the router for each item",
    views=(ACCOUNT_PROFILE, ACCOUNT_ACTIVITY, ACCOUNT_ENFORCEMENT, ACCOUNT_RISK),
)

ACCOUNT_FEATURES: Mapping[str, FeatureRef] = MappingProxyType({ref.full_name: ref for ref in ACCOUNT_SIGNALS_V2.refs()})
"""Every feature that a policy may name, by full name."""
