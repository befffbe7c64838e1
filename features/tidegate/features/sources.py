"""Where a view's published rows lie: a folder of Parquet files per view, in the state directory."""

from feast import FileSource
from feast.data_format import ParquetFormat

from tidegate.features.feature import View
from tidegate.features.history import EVENT_TIMESTAMP, history_path


def history(view: View) -> FileSource:
    """The view's history as a Feast source."""
    return FileSource(
        name=f"{view.name}_history",
        path=str(history_path(view)),
        file_format=ParquetFormat(),
        timestamp_field=EVENT_TIMESTAMP,
        description=f"History of {view.name}",
    )
