"""A ledger as Parquet files, for analysis where the ledger itself should not be asked. Goes on where it was.

    OUT/decisions/day=2026-11-22/part-00000.parquet    up to ROWS records of that UTC day, by writer, then by sequence
    OUT/policies.parquet                               digest and document of every policy that was kept

A file appears by a rename, whole and synced, and is never written again. It tells in its metadata how far it goes in
each writer's chain: whatever ended an export, the next one asks each day for what lies behind that. Records that came
late to a day go into one more file of it. A record that was altered in the ledger gets no row: a file's metadata names
it, and every export of its day tells of it. What retention removed before it was exported is counted, and told; so is
what a database has lost since (a standby took over that had not got it): the files keep it.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.ledger.archive import LedgerArchive
from tidegate.ledger.chain import Entry
from tidegate.ledger.parquet_rows import SCHEMA, rows

ROWS = 200_000
"""Most records of a file."""
CHUNK = 2_000
"""Records in memory at a time, and in a row group."""

CHAINS = b"tidegate.chains"
"""Metadata of a file: JSON of the last sequence in it, by writer."""
LEFT_OUT = b"tidegate.left_out"
"""Metadata of a file: JSON of `LeftOut`s. Absent if there are none."""

_POLICIES = pa.schema([pa.field("digest", pa.string()), pa.field("document", pa.string())])


class ExportUnderWayError(Exception):
    """Another process exports into the same folder."""


class ForeignExportError(Exception):
    """The folder holds records of writers that the ledger never had: an export of another ledger."""


class ExportGapError(Exception):
    """A file that was exported is gone, and what it held can't be told from what comes after it."""


class DamagedExportError(Exception):
    """Files in the folder can't be read. The message names them and is for people; all other days were exported."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record of the ledger that is not as it was written, or that this version can't read."""

    writer_id: str
    """Who wrote it."""
    sequence: int
    """Its number within the writer's chain."""
    decision_id: str
    """As stored beside it."""


@dataclass(slots=True)
class Exported:
    """What an export added."""

    records: int = 0
    """Written now."""
    files: int = 0
    """Written now."""
    days: int = 0
    """With records in the ledger, between the bounds."""
    records_in_all: int = 0
    """Of these days, in files, earlier ones included."""
    removed_unexported: int = 0
    """Of days between the bounds, that retention removed before they were exported here: these files lack them."""
    lost: int = 0
    """Of these days, in files, that the ledger does not have any more though nobody removed them."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Of these days, by this export or an earlier one: files hold no row of them."""


def export(
    archive: LedgerArchive,
    out: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    progress: Callable[[int], None] = lambda _: None,
    rows_per_file: int = ROWS,
) -> Exported:
    """Writes what is not there yet.

    Args:
        archive: The ledger.
        out: Folder; made if need be.
        since: First UTC day.
        until: The day after the last.
        progress: Is called with numbers of records, those that were there already included.
        rows_per_file: Most records of a file.

    Raises:
        ExportUnderWayError, ForeignExportError, ExportGapError, DamagedExportError: See there.
        OSError: A file can't be written. What was published stays, and the next export goes on.
    """
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    told, damaged = Exported(), list[str]()
    with _alone(out):
        with archive.snapshot():
            counts = dict(archive.days())
            removed = {removal.day for removal in archive.removals()}
            writers = {head.writer_id for head in archive.heads()}
        for day in sorted({*counts, *removed}):
            if (since is None or day >= since) and (until is None or day < until):
                told.days += day in counts
                try:
                    folder = _Day(out, day, rows=rows_per_file, progress=progress)
                except DamagedExportError as error:
                    damaged.append(str(error))
                    continue
                if folder.chains.keys() - writers:
                    raise ForeignExportError(
                        f"{folder.path} holds records of writers that the ledger never had: it is an export of another"
                        " ledger, or a failover has lost all that they wrote; choose another folder"
                    )
                _export_day(archive, folder, counts.get(day, 0), told)
        _write_policies(out / "policies.parquet", archive.policies())
    if damaged:
        raise DamagedExportError("\n".join(damaged))
    return told


def _export_day(archive: LedgerArchive, folder: "_Day", count: int, told: Exported) -> None:
    there = folder.records
    held, removed = _standing(archive, folder)
    if held < count:
        entries = archive.entries_of(folder.day, after=dict(folder.chains))
        while folder.write(entries):
            told.files += 1
        held, removed = _standing(archive, folder)
    told.records += folder.records - there
    told.records_in_all += folder.records
    told.left_out += folder.left_out
    covered = folder.records + len(folder.left_out)
    if covered < held:
        raise ExportGapError(
            f"{folder.path} holds {covered:,} of {held:,} records: a file of it is gone; put it back, or remove"
            " the folder and export the day again"
        )
    gone = covered - held  # in files, and not in the ledger any more
    told.removed_unexported += max(0, removed - gone)
    told.lost += max(0, gone - removed)


def _standing(archive: LedgerArchive, folder: "_Day") -> tuple[int, int]:
    """Of the day: how many records the ledger has up to where files go, and how many retention removed."""
    with archive.snapshot():
        held = archive.count_of(folder.day, up_to=folder.chains) if folder.chains else 0
        removals = archive.removals(since=folder.day)
    return held, sum(removal.records for removal in removals if removal.day == folder.day)


class _Day:
    """The files of one day."""

    def __init__(self, out: Path, day: date, *, rows: int, progress: Callable[[int], None]) -> None:
        self.day = day
        self._rows = rows
        self._progress = progress
        self.path = out / "decisions" / f"day={day.isoformat()}"
        for draft in self.path.glob("*.partial"):
            draft.unlink()
        self._parts = sorted(self.path.glob("part-*.parquet"))
        self.records = 0
        """In files."""
        self.chains: dict[str, int] = {}
        """By writer, the last sequence in files."""
        self.left_out: list[LeftOut] = []
        """What files hold no row of."""
        for part in self._parts:
            self._add(*self._told_by(part))
        progress(self.records)

    def _told_by(self, part: Path) -> tuple[int, dict[str, int], list[LeftOut]]:
        """Rows, chains, and what was left out. Raises DamagedExportError."""
        try:
            found = pq.read_metadata(part)
            told = {CHAINS: b"", LEFT_OUT: b"[]", **(found.metadata or {})}
            left_out = [LeftOut(*each) for each in orjson.loads(told[LEFT_OUT])]
            return found.num_rows, orjson.loads(told[CHAINS]), left_out
        except (pa.ArrowException, orjson.JSONDecodeError, TypeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's: Arrow's own, of a footer that is none, have no number
            # What later files tell of a writer hides that earlier records are missing: only the last can go alone.
            gone = part if part == self._parts[-1] else self.path
            raise DamagedExportError(
                f"{part} is damaged: cut off, or no file of an export. Move {gone} out of {self.path.parent} and export"
                " again: what the ledger still holds of that day is written anew. Keep what you moved until then"
            ) from error

    def write(self, entries: Iterator[Entry]) -> int:
        """The next of these into one more file; how many there were. None: no file."""
        chunks = _chunks(islice(entries, self._rows))
        first = next(chunks, None)
        if first is None:
            return 0
        # Not how many there are: where somebody has moved one away, the next must not take another's place.
        number = int(self._parts[-1].stem.removeprefix("part-")) + 1 if self._parts else 0
        part = self.path / f"part-{number:05}.parquet"
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        count, chains, left_out = 0, dict[str, int](), list[LeftOut]()
        with _published(part) as draft, pq.ParquetWriter(draft, SCHEMA, compression="zstd") as writer:
            for chunk in chain([first], chunks):
                table, unsound = rows(chunk)
                if table.num_rows:
                    writer.write_table(table)
                count += table.num_rows
                left_out += [LeftOut(each.writer_id, each.sequence, each.keys.decision_id) for each in unsound]
                chains.update((entry.writer_id, entry.sequence) for entry in chunk)
                self._progress(len(chunk))
            metadata = {CHAINS: orjson.dumps(chains)}
            if left_out:
                metadata[LEFT_OUT] = orjson.dumps(
                    [(each.writer_id, each.sequence, each.decision_id) for each in left_out]
                )
            writer.add_key_value_metadata(metadata)
        self._parts.append(part)
        self._add(count, chains, left_out)
        return count + len(left_out)

    def _add(self, records: int, chains: Mapping[str, int], left_out: Sequence[LeftOut]) -> None:
        self.records += records
        self.left_out += left_out
        for writer_id, sequence in chains.items():
            self.chains[writer_id] = max(sequence, self.chains.get(writer_id, 0))


def _chunks(entries: Iterator[Entry]) -> Iterator[Sequence[Entry]]:
    while chunk := list(islice(entries, CHUNK)):
        yield chunk


def _write_policies(path: Path, policies: Iterable[tuple[str, str]]) -> None:
    table = pa.Table.from_pylist(
        [{"digest": digest, "document": document} for digest, document in policies], schema=_POLICIES
    )
    with _published(path) as draft:
        pq.write_table(table, draft, compression="zstd")


@contextlib.contextmanager
def _published(path: Path) -> Iterator[Path]:
    """A draft, which takes the path's place at once when the block has written it; synced, and for its owner's eyes."""
    draft = path.with_name(f"{path.name}.partial")
    os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    yield draft
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _alone(out: Path) -> Iterator[None]:
    with (out / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportUnderWayError(f"another export into {out} is under way; try again after it") from error
        yield
