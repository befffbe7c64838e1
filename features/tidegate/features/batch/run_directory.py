"""Where a batch run lies on disk, and how it becomes what readers see.

    OFFLINE/current              link to the published run; changed by one rename, so readers see all of a run or none
    OFFLINE/runs/RUN/manifest.json        what the run computes: digest of its inputs, instants, partitions
    OFFLINE/runs/RUN/split/               events by partition, until the run is published
    OFFLINE/runs/RUN/done/part-0007.json  marks a finished partition; written after its rows
    OFFLINE/runs/RUN/VIEW/part-0007.parquet
    OFFLINE/runs/RUN/published.json       rows by view

Every file is written under another name first, synced, and renamed: whatever kills the process leaves only whole files.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.features.feature import View
from tidegate.features.history import CURRENT, history_schema

RUNS = "runs"
"""Folder of runs, within the offline folder."""
_KEPT = 2
"""Published runs that stay: the current one, and the one before it for readers that have its files open."""


class NothingPublishedError(Exception):
    """No batch run was ever published in this folder."""

    def __init__(self, offline: Path) -> None:
        super().__init__(f"nothing is published in {offline}: run `compute` or `seed` first")


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished partition."""

    number: int
    """From 0."""
    events: int
    """Events that it read, repeats left out."""
    rows: Mapping[str, int]
    """Rows written, by view."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """One run's folder."""

    path: Path
    """OFFLINE/runs/RUN."""

    @property
    def split(self) -> Path:
        """Events by partition: a folder `part=N` each."""
        return self.path / "split"

    def rows(self, view: View, number: int) -> Path:
        """Rows of a view in a partition."""
        return self.path / view.name / f"part-{number:04d}.parquet"

    def write_rows(self, view: View, number: int, rows: pa.Table) -> None:
        """Writes a partition's rows of a view."""
        path = self.rows(view, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.draft")  # readers of the folder skip names that begin with a dot
        pq.write_table(rows.cast(history_schema(view)), draft, compression="zstd")
        rename_synced(draft, path)

    def finish(self, finished: Finished) -> None:
        """Marks a partition as finished; its rows have been written."""
        mark = {"events": finished.events, "rows": dict(finished.rows)}
        write_whole(self._mark(finished.number), mark)

    def finished(self, number: int) -> Finished | None:
        """What a finished partition holds; None if it is not finished."""
        mark = self._mark(number)
        if not mark.exists():
            return None
        held = orjson.loads(mark.read_bytes())
        return Finished(number, held["events"], held["rows"])

    def _mark(self, number: int) -> Path:
        return self.path / "done" / f"part-{number:04d}.json"


@dataclass(frozen=True, slots=True)
class Published:
    """A published run. Holds on to the run's own folder, so that a run published meanwhile does not mix in."""

    run: RunDirectory
    """Its folder."""
    at_us: Sequence[int]
    """Instants that its rows are for, ascending, in microseconds since 1970 UTC."""
    partitions: int
    """Number of partitions."""
    events: int
    """Events that the rows were computed from."""
    row_counts: Mapping[str, int]
    """Rows by view."""

    @property
    def name(self) -> str:
        """Name of the run: a digest of what it was computed from."""
        return self.run.path.name

    def parts(self, view: View) -> list[Path]:
        """Parquet files of a view; all rows of one account lie in one of them, the same number in every view."""
        return [self.run.rows(view, number) for number in range(self.partitions)]


def publish(offline: Path, run: RunDirectory, manifest: Mapping[str, Any], parts: Sequence[Finished]) -> Published:
    """Makes a finished run the current one, and removes what nobody needs any more."""
    views = parts[0].rows if parts else {}
    facts = {
        "at_us": manifest["at_us"],
        "partitions": len(parts),
        "events": sum(part.events for part in parts),
        "rows": {view: sum(part.rows[view] for part in parts) for view in views},
        "previous": _current_name(offline),
    }
    write_whole(run.path / "published.json", facts)
    link = offline / f".{CURRENT}.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(RUNS) / run.path.name)
    link.replace(offline / CURRENT)
    _sync(offline)
    shutil.rmtree(run.split, ignore_errors=True)
    _remove_all_but(offline, [run.path.name, facts["previous"]][:_KEPT])
    return published(offline)


def published(offline: Path) -> Published:
    """The current run.

    Raises:
        NothingPublishedError: There is none.
    """
    name = _current_name(offline)
    if name is None:
        raise NothingPublishedError(offline)
    return _read(offline, name)


def published_before(offline: Path) -> Published | None:
    """The run that was published before the current one, if it is there still."""
    name = _current_name(offline)
    if name is None:
        return None
    before = orjson.loads((offline / RUNS / name / "published.json").read_bytes())["previous"]
    there = before not in {None, name} and (offline / RUNS / before / "published.json").exists()
    return _read(offline, before) if there else None


def _read(offline: Path, name: str) -> Published:
    run = RunDirectory(offline / RUNS / name)
    facts = orjson.loads((run.path / "published.json").read_bytes())
    return Published(run, facts["at_us"], facts["partitions"], facts["events"], facts["rows"])


def remove_unpublished(offline: Path, *, but: str) -> None:
    """Removes runs that were begun for other inputs and never finished."""
    for path in (offline / RUNS).glob("*"):
        if path.name != but and not (path / "published.json").exists():
            shutil.rmtree(path, ignore_errors=True)


def write_whole(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a JSON file: all of it or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    rename_synced(draft, path)


def rename_synced(draft: Path, path: Path) -> None:
    """Gives a finished file its name, its content being on disk before."""
    _sync(draft)
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _current_name(offline: Path) -> str | None:
    try:
        return (offline / CURRENT).readlink().name
    except OSError:  # none yet; a folder there is not ours
        return None


def _remove_all_but(offline: Path, names: Sequence[str | None]) -> None:
    for path in (offline / RUNS).glob("*"):
        if path.name not in names:
            shutil.rmtree(path, ignore_errors=True)
