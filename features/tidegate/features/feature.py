"""What a feature is, the view that it lives in, and the service that views are read by. Without Feast."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum


class ValueKind(StrEnum):
    """Python type of a feature's value. A value of another type is MISSING."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"


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
