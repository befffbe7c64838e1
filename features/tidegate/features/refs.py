"""Account features by name, without Feast: what services and policy checks may import.

The Feast definitions (`entities`, `sources`, `views`, `services`) are built from these declarations, so that a policy
that names a feature, the definition that is applied and the value that is served cannot drift apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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


_AS_OF = "as of the event time"
_UNKNOWN_PROFILE = "the account system has not told us; never read it as 0 or false"
_UNKNOWN_HISTORY = "no enforcement row was computed for the account: its history is unknown, not clean"

ACCOUNT_PROFILE = View(
    name="account_profile",
    ttl=timedelta(days=30),
    description="What the account system knows of an account",
    features=(
        Feature("account_age_days", ValueKind.INT, "whole days since registration", _AS_OF, _UNKNOWN_PROFILE),
        Feature("followers", ValueKind.INT, "accounts", _AS_OF, _UNKNOWN_PROFILE),
        Feature("verified", ValueKind.BOOL, "identity was verified", _AS_OF, _UNKNOWN_PROFILE),
        Feature("email_confirmed", ValueKind.BOOL, "e-mail address was confirmed", _AS_OF, _UNKNOWN_PROFILE),
        Feature("plan", ValueKind.STRING, "one of `Plan`", _AS_OF, _UNKNOWN_PROFILE),
    ),
)

ACCOUNT_ENFORCEMENT = View(
    name="account_enforcement",
    ttl=timedelta(days=2),
    description="What moderation has decided about an account, and what others reported of it",
    features=(
        Feature("strikes_90d", ValueKind.INT, "strikes issued and not reversed", "90 days", _UNKNOWN_HISTORY),
        Feature("strike_points", ValueKind.FLOAT, "points of unexpired strikes", _AS_OF, _UNKNOWN_HISTORY),
        Feature("blocks_30d", ValueKind.INT, "items decided BLOCK", "30 days", _UNKNOWN_HISTORY),
        Feature("reports_received_7d", ValueKind.INT, "reports by others on its content", "7 days", _UNKNOWN_HISTORY),
        Feature("appeals_upheld_365d", ValueKind.INT, "appeals decided for the account", "365 days", _UNKNOWN_HISTORY),
        Feature("last_action", ValueKind.STRING, "one of `LastAction`", "365 days", _UNKNOWN_HISTORY),
    ),
)

ACCOUNT_SIGNALS_V1 = Service(
    name="account_signals_v1",
    description="Asked by the router for each item",
    views=(ACCOUNT_PROFILE, ACCOUNT_ENFORCEMENT),
)

ACCOUNT_FEATURES: Mapping[str, FeatureRef] = MappingProxyType({ref.full_name: ref for ref in ACCOUNT_SIGNALS_V1.refs()})
"""Every feature that a policy may name, by full name."""
