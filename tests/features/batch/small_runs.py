"""Batch runs in partitions of a few hundred events, so that little data has many."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.features.batch import inputs
from tidegate.features.batch.inputs import BatchInputs
from tidegate.features.batch.run_directory import Published
from tidegate.features.events.columns import microseconds
from tidegate.features.feature import View
from tidegate.features.generator import generate_events

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PER_PARTITION = 300


def small_partitions(patch: pytest.MonkeyPatch) -> None:
    """Makes every run have many."""
    patch.setattr(inputs, "EVENTS_PER_PARTITION", PER_PARTITION)


def events_file(folder: Path, *, accounts: int = 120, seed: int = 5) -> Path:
    """Generated events, the last hundred of them twice and all in disorder."""
    events = generate_events(accounts, seed=seed, now=NOW)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "events.parquet"
    doubled = pa.concat_tables([events, events.slice(events.num_rows - 100)])
    pq.write_table(doubled.take(pa.array(range(doubled.num_rows - 1, -1, -1))), path)
    return path


def asked(file: Path) -> BatchInputs:
    """Signals of everybody in the file, as of `NOW`."""
    return BatchInputs([file], [microseconds(NOW)])


def content(run: Published) -> dict[str, str]:
    """SHA-256 of each published file, by view and partition."""
    files = sorted(run.run.path.glob("account_*/part-*.parquet"))
    return {str(path.relative_to(run.run.path)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def values(run: Published, view: View) -> list[dict[str, object]]:
    """All rows of a view."""
    return [row for part in run.parts(view) for row in pq.read_table(part).to_pylist()]
