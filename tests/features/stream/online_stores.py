"""Online stores for tests: applied but empty, rows to write, and reading back as the router reads."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from tidegate.enrichment.feast_reader import FeastReader
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import ValueKind, View
from tidegate.features.history import history_schema
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_SIGNALS_V2

_SAMPLES: Mapping[ValueKind, Any] = {
    ValueKind.BOOL: True,
    ValueKind.INT: 1_700_000_000_000_000,
    ValueKind.FLOAT: 0.1,
    ValueKind.STRING: "BLOCK",
}


def applied(state: Path, online: OnlineChoice) -> Path:
    """The state directory, with the definitions applied."""
    apply(state, online, progress=lambda _: None)
    return state


def rows(view: View, at: datetime, *account_ids: str, **values: Any) -> pa.Table:
    """A row per account with a value in every field, but for those given."""
    filled = {feature.name: values.get(feature.name, _SAMPLES[feature.kind]) for feature in view.stored()}
    return pa.Table.from_pylist(
        [{"account_id": each, "event_timestamp": at, **filled} for each in account_ids], schema=history_schema(view)
    )


def emptied(view: View, at: datetime, *account_ids: str) -> pa.Table:
    """A row per account with no value in any field."""
    return rows(view, at, *account_ids, **{feature.name: None for feature in view.stored()})


class Store:
    """One online store, as it is written and as the router reads it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.writer = FeastOnlineWriter(state)
        self.reader = FeastReader(state)

    def values(self, view: View, account_id: str) -> Mapping[str, Any] | None:
        """What the view's row says, by declared feature; None if there is no row."""
        position = ACCOUNT_SIGNALS_V2.views.index(view)
        row = self.reader.read([account_id])[0][position]
        return None if row.event_time is None else {each.name: row.values.get(each.name) for each in view.features}

    def close(self) -> None:
        self.writer.close()
        self.reader.close()
