"""Rows on disk: the columns of a view's Parquet files, and where the published ones lie."""

from pathlib import Path

import pyarrow as pa

from tidegate.features.feature import ValueKind, View
from tidegate.features.refs import JOIN_KEY

EVENT_TIMESTAMP = "event_timestamp"
"""Column that says when a row was true at its source, UTC."""
OFFLINE = Path("offline")
"""Folder of published rows, relative to the state directory."""
CURRENT = "current"
"""Link within it to the published run (`batch.run_directory`)."""


def history_path(view: View) -> Path:
    """Folder of the view's published Parquet files, relative to the state directory, as Feast resolves it."""
    return OFFLINE / CURRENT / view.name


_ARROW_TYPES = {
    ValueKind.BOOL: pa.bool_(),
    ValueKind.INT: pa.int64(),
    ValueKind.FLOAT: pa.float64(),
    ValueKind.STRING: pa.string(),
}


def history_schema(view: View) -> pa.Schema:
    """Columns of the view's rows: key, event time, one nullable column per feature."""
    return pa.schema(
        [
            pa.field(JOIN_KEY, pa.string(), nullable=False),
            pa.field(EVENT_TIMESTAMP, pa.timestamp("us", tz="UTC"), nullable=False),
            *(pa.field(feature.name, _ARROW_TYPES[feature.kind]) for feature in view.stored()),
        ]
    )
