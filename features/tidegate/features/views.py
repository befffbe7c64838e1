"""Declared views as Feast feature views."""

from feast import Entity, FeatureView, Field
from feast.types import Bool, FeastType, Float64, Int64, String

from tidegate.features.feature import Feature, ValueKind, View
from tidegate.features.refs import JOIN_KEY
from tidegate.features.sources import history

_FEAST_TYPES: dict[ValueKind, FeastType] = {
    ValueKind.BOOL: Bool,
    ValueKind.INT: Int64,
    ValueKind.FLOAT: Float64,
    ValueKind.STRING: String,
}


def feature_view(view: View, *, entity: Entity) -> FeatureView:
    """The Feast feature view of a declared view. Unit, window and the meaning of a gap travel as tags."""
    return FeatureView(
        name=view.name,
        entities=[entity],
        ttl=view.ttl,
        schema=[Field(name=JOIN_KEY, dtype=String), *(_field(feature) for feature in view.stored())],
        source=history(view),
        online=True,
        description=view.description,
    )


def _field(feature: Feature) -> Field:
    return Field(
        name=feature.name,
        dtype=_FEAST_TYPES[feature.kind],
        description=f"{feature.unit}; window: {feature.window}",
        tags={"unit": feature.unit, "window": feature.window, "missing": feature.missing},
    )
