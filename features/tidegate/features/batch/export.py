"""The event log as Parquet files, which a batch run reads: a page of accounts at a time, so memory stays flat."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.features.events.log import EVENT_SCHEMA, EventLog

ACCOUNTS_AT_ONCE = 1_000
"""Accounts per read of the log, and per row group."""
ROWS_PER_FILE = 1_000_000
"""A file is ended by the page that reaches this."""


def export_events(
    log: EventLog, folder: Path, *, known_at: datetime, progress: Callable[[int], None] | None = None
) -> Path:
    """Writes every event that was recorded by `known_at`; the folder is there when all of them are in it.

    Args:
        log: Read page by page while it is being written to.
        folder: Replaced.
        known_at: Timezone-aware.
        progress: Receives the number of events so far.

    Returns:
        The folder, with at least one file.

    Raises:
        EventLogUnavailableError: The log can't be read; there is no folder.
    """
    draft = folder.with_name(f".{folder.name}.draft")
    for path in (draft, folder):
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir(parents=True)
    after, number, written, in_file = "", 0, 0, 0
    writer = _writer(draft, number)
    try:
        while page := log.accounts(after=after, limit=ACCOUNTS_AT_ONCE):
            after = page[-1]
            if in_file >= ROWS_PER_FILE:
                writer.close()
                number, in_file = number + 1, 0
                writer = _writer(draft, number)
            events: pa.Table = log.history(page, known_at=known_at)
            writer.write_table(events.cast(EVENT_SCHEMA))
            written, in_file = written + events.num_rows, in_file + events.num_rows
            if progress:
                progress(written)
    finally:
        writer.close()
    draft.replace(folder)
    return folder


def _writer(folder: Path, number: int) -> pq.ParquetWriter:
    return pq.ParquetWriter(folder / f"events-{number:04d}.parquet", EVENT_SCHEMA, compression="zstd")
