"""Account features by name, without Feast: what services and policy checks may import.

The Feast definitions (`entities`, `sources`, `views`, `services`) are built from these declarations, so that a policy
that names a feature, the definition that is applied and the value that is served cannot drift apart.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

ENTITY = "account"
"""Name of the Feast entity."""
JOIN_KEY = "account_id"
"""The entity's key: column of the offline rows and key of the online ones."""


class ValueKind(StrEnum):
    """Python type of a feature's value. A value of another type is MISSING."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"


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


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a view."""

    name: str
    """Within its view."""
    kind: ValueKind
    """Type of the value."""
    unit: str
    """What one unit of the value is."""
    window: str
    """Time that the value covers, back from its event time; "as of the event time" where it has none."""
    missing: str
    """What it means that there is no value."""


@dataclass(frozen=True, slots=True)
class View:
    """Features that come from one source and share event time and ttl."""

    name: str
    """Name of the Feast feature view."""
    ttl: timedelta
    """A value whose event time lies further back is STALE."""
    description: str
    """What the view is about, for the registry."""
    features: tuple[Feature, ...]
    """In declaration order."""
    internal: tuple[Feature, ...] = ()
    """Stored beside them and read with them, but no signal: policies can't name it and decisions don't record it."""

    def __hash__(self) -> int:
        """By name, which equal views share: a lookup finds what belongs to a view some five times per account."""
        return hash(self.name)

    def stored(self) -> tuple[Feature, ...]:
        """All that a stored row holds: the features, then what is internal."""
        return self.features + self.internal

    def reading(self, names: AbstractSet[str]) -> "View":
        """The view of which only these features are read, by full name, and what tells a row from none."""
        chosen = tuple(feature for feature in self.features if f"{self.name}__{feature.name}" in names)
        return replace(self, features=chosen, internal=self.internal or (() if chosen else self.features[:1]))


@dataclass(frozen=True, slots=True)
class FeatureRef:
    """A feature together with its view: one value of a lookup."""

    view: View
    """Where it lives."""
    feature: Feature
    """What it is."""

    @property
    def full_name(self) -> str:
        """`view__feature`, as Feast and policies name it."""
        return f"{self.view.name}__{self.feature.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """Views that are read together. Named with a version, since decision records refer to it for years."""

    name: str
    """Name of the Feast feature service."""
    description: str
    """What asks for it."""
    views: tuple[View, ...]
    """In lookup order."""

    def refs(self) -> tuple[FeatureRef, ...]:
        """Every feature, in the order of a lookup's values."""
        return tuple(FeatureRef(view, feature) for view in self.views for feature in view.features)

    def reading(self, names: AbstractSet[str]) -> "Service":
        """The service of which only these features are read, by full name.

        All views stay: an account may be known by a row that none of these features is in.
        """
        return replace(self, views=tuple(view.reading(names) for view in self.views))


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
