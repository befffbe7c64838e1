"""From ledger and event log to one Parquet file: in chunks, and whole or not at all."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidegate.features.events.log import EventLog
from tidegate.ledger.record_format import decode
from tidegate.moderation.decision import DecisionRecord
from tidegate.training_sets.answerable import answerable
from tidegate.training_sets.rows import TRAINING_SCHEMA, Naming, training_rows

CHUNK = 2_000
"""Decisions in memory at a time, with all events of their accounts."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions."""

    until: datetime | None = None
    """Decided before; UTC."""
    surface: str = ""
    """On this surface; empty: on any."""

    def covers(self, record: DecisionRecord) -> bool:
        """True if the decision is among them."""
        in_time = self.until is None or record.decided_at < self.until
        return in_time and self.surface in {"", record.inputs.surface.value}


@dataclass(slots=True)
class Written:
    """What is in the file."""

    decisions: int = 0
    """Rows."""
    known: int = 0
    """Rows of accounts that the log knew before the decision."""
    labelled: int = 0
    """Rows with a label."""
    overturned: int = 0
    """Rows whose decision a review changed."""
    left_out: int = 0
    """Decisions without a row: events that their signals come from were removed for their age."""
    signals_since: datetime | None = None
    """Decisions before that are left out; None where no event was removed."""

    def add(self, rows: pa.Table) -> None:
        """Counts a chunk."""
        self.decisions += rows.num_rows
        self.known += pc.sum(rows["account_known"]).as_py() or 0
        self.labelled += rows.num_rows - rows["label_source"].null_count
        self.overturned += pc.sum(rows["overturned"]).as_py() or 0


def decisions(
    payloads: Iterable[bytes], wanted: Wanted, *, progress: Callable[[], None] = lambda: None
) -> Iterator[DecisionRecord]:
    """Those of the records that are wanted; `progress` is called for each that was read."""
    for payload in payloads:
        record = decode(payload)
        progress()
        if wanted.covers(record):
            yield record


def chunks(records: Iterable[DecisionRecord]) -> Iterator[list[DecisionRecord]]:
    """`CHUNK` at a time."""
    waiting = iter(records)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


def write_training_set(out: Path, records: Iterable[DecisionRecord], log: EventLog, *, name: Naming) -> Written:
    """Writes the rows of the records beside `out` and moves them there when all are written.

    Raises:
        EventLogUnavailableError: The log can't be read. What was at `out` before is there still.
        OSError: The file can't be written; the same.
    """
    draft, written = out.with_name(out.name + ".partial"), Written()
    try:
        with pq.ParquetWriter(draft, TRAINING_SCHEMA, compression="zstd") as writer:
            for chunk in chunks(records):
                found = answerable(chunk, log)
                written.left_out += found.left_out
                written.signals_since = found.since
                rows = training_rows(found.records, found.events, name=name)
                writer.write_table(rows)
                written.add(rows)
        os.replace(draft, out)  # noqa: PTH105 - says what it does: over an existing file, at once
    finally:
        draft.unlink(missing_ok=True)
    return written
