"""Declared services as Feast objects, with all that they stand on."""

from collections.abc import Sequence

from feast import Entity, FeatureService, FeatureView

from tidegate.features.entities import account
from tidegate.features.feature import Service
from tidegate.features.views import feature_view


def definitions(service: Service) -> Sequence[Entity | FeatureView | FeatureService]:
    """The entity, the views and the feature service, ready for `FeatureStore.apply`."""
    entity = account()
    views = [feature_view(view, entity=entity) for view in service.views]
    return [
        entity,
        *views,
        FeatureService(name=service.name, features=[*views], description=service.description),
    ]
