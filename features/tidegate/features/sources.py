"""Where a view's history lies: one Parquet file per view, in the state directory."""

from pathlib import Path

from feast import FileSource
from feast.data_format import ParquetFormat

from tidegate.features.refs import View

EVENT_TIMESTAMP = "event_timestamp"
"""Column that says when a row was true at its source, UTC."""


def history_path(view: View) -> Path:
    """The view's Parquet file, relative to the state directory (Feast resolves it against the repository path)."""
    return Path("offline") / f"{view.name}.parquet"


def history(view: View) -> FileSource:
    """The view's history as a Feast source."""
    return FileSource(
        name=f"{view.name}_history",
        path=str(history_path(view)),
        file_format=ParquetFormat(),
        timestamp_field=EVENT_TIMESTAMP,
        description=f"History of {view.name}",
    )
