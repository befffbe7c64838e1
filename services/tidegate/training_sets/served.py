"""A decision's account signals as they were served, view by view: what skew compares with the recomputed ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from tidegate.features.refs import ACCOUNT_FEATURES
from tidegate.ledger.record_keys import microseconds
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import FeatureScalar, Freshness
from tidegate.training_sets.as_of import FEATURES, Instant, before

_VIEW_OF = {name: ACCOUNT_FEATURES[name].view.name for name in FEATURES}


@dataclass(slots=True)
class ServedView:
    """One view's values in one decision record."""

    decision_id: str
    """Of the decision."""
    decided: Instant
    """The microsecond before it."""
    row_at_us: int | None = None
    """Event time of the row that was served; None where no value was. Microseconds since 1970 UTC."""
    stale: bool = False
    """The record says of it that it was STALE: no policy took it for known."""
    values: dict[str, FeatureScalar | None] = field(default_factory=dict)
    """By full name; None is MISSING."""


def served_views(record: DecisionRecord) -> Iterator[ServedView]:
    """The views that are computed from events, as the record has them.

    A view of which every value is MISSING has no event time: either there was no row, or one that said nothing. It gets
    the latest time of the account's other views, since rows of all views are written together.
    """
    views: dict[str, ServedView] = {}
    for value in record.inputs.account.values:
        if (view := _VIEW_OF.get(value.name)) is None:
            continue
        served = views.setdefault(view, ServedView(record.decision_id, before(record)))
        served.values[value.name] = value.value
        served.stale |= value.freshness is Freshness.STALE
        if value.event_time is not None:
            served.row_at_us = microseconds(value.event_time)
    latest = max((each.row_at_us for each in views.values() if each.row_at_us is not None), default=None)
    for served in views.values():
        if served.row_at_us is None:
            served.row_at_us = latest
        yield served
