"""What features are about, as Feast knows it."""

from feast import Entity, ValueType

from tidegate.features.refs import ENTITY, JOIN_KEY


def account() -> Entity:
    """The account that publishes content."""
    return Entity(
        name=ENTITY,
        join_keys=[JOIN_KEY],
        value_type=ValueType.STRING,
        description="An account that publishes content, by the product's own id",
    )
