"""What people said of a decision afterwards: the labels of a training row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.events.columns import moment
from tidegate.features.events.event import EventKind

REVIEW = "review"
"""The one source of labels so far. An appeal's events name the appeal and not the decision; what comes of an appeal
reaches a decision as the REVIEW_OUTCOME that carries it out."""


@dataclass(frozen=True, slots=True)
class Label:
    """The latest review of a decision."""

    action: str
    """What holds from then on."""
    time: datetime
    """When it was reviewed, UTC."""


def labels_of(events: pa.Table) -> Mapping[tuple[str, str], Label]:
    """The latest REVIEW_OUTCOME by account and decision id, by time and then by event id.

    Args:
        events: In `EVENT_SCHEMA`, in any order.
    """
    reviews = events.filter(pc.equal(events["kind"], EventKind.REVIEW_OUTCOME.value))
    reviews = reviews.select(["account_id", "subject_id", "occurred_at_us", "event_id", "action"])
    ordered = reviews.sort_by([("occurred_at_us", "ascending"), ("event_id", "ascending")])
    return {
        (row["account_id"], row["subject_id"]): Label(row["action"], moment(row["occurred_at_us"]))
        for row in ordered.to_pylist()
    }
