"""History rows on disk: the schema of a view's Parquet file, and writing one whole."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.features.refs import JOIN_KEY, ValueKind, View

EVENT_TIMESTAMP = "event_timestamp"
"""Column that says when a row was true at its source, UTC."""


def history_path(view: View) -> Path:
    """The view's Parquet file, relative to the state directory (Feast resolves it against the repository path)."""
    return Path("offline") / f"{view.name}.parquet"


_ARROW_TYPES = {
    ValueKind.BOOL: pa.bool_(),
    ValueKind.INT: pa.int64(),
    ValueKind.FLOAT: pa.float64(),
    ValueKind.STRING: pa.string(),
}


def history_schema(view: View) -> pa.Schema:
    """Columns of the view's history: key, event time, one nullable column per feature."""
    return pa.schema(
        [
            pa.field(JOIN_KEY, pa.string(), nullable=False),
            pa.field(EVENT_TIMESTAMP, pa.timestamp("us", tz="UTC"), nullable=False),
            *(pa.field(feature.name, _ARROW_TYPES[feature.kind]) for feature in view.stored()),
        ]
    )


def write_history(state: Path, view: View, rows: pa.Table) -> Path:
    """Replaces the view's history. A reader sees the old file or the new one, never half of one."""
    path = state / history_path(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.draft")
    pq.write_table(rows.cast(history_schema(view)), draft)
    draft.replace(path)
    return path
