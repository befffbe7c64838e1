"""Does an export hold what retention is about to remove? Every record is compared, byte for byte, not only counted."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tidegate.ledger.chain import Entry

_PLACE = ["writer_id", "sequence"]
_COLUMNS = [*_PLACE, "previous_hash", "hash", "record"]

_Place = tuple[str, int]
_Row = tuple[_Place, bytes, bytes, bytes]


class NotExportedError(Exception):
    """The export lacks a record of the day, or can't be read. The message is for people."""


class ExportedDay:
    """The files of one day in a folder that `tidegate ledger export` wrote. To be asked in the order of the ledger."""

    def __init__(self, out: Path, day: date) -> None:
        """Opens nothing yet.

        Args:
            out: The folder of the export.
            day: In UTC.
        """
        self._folder = out / "decisions" / f"day={day.isoformat()}"
        self._rows: Iterator[_Row] | None = None
        self._row: _Row | None = None

    def require(self, entry: Entry) -> None:
        """Goes on to this record, which comes after those asked for before. Raises NotExportedError."""
        place = (entry.writer_id, entry.sequence)
        try:
            if self._rows is None:
                self._rows = self._merged()
                self._row = next(self._rows, None)
            while self._row is not None and self._row[0] < place:
                self._row = next(self._rows, None)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise NotExportedError(f"{self._folder} can't be read: {error}") from error
        named = f"record {entry.sequence} of writer {entry.writer_id}"
        if self._row is None or self._row[0] != place:
            raise NotExportedError(f"{named} is not in {self._folder}")
        if self._row[1:] != (entry.previous_hash, entry.hash, entry.payload):
            raise NotExportedError(f"{named} is another one in {self._folder}: damaged, or of another ledger")

    def _merged(self) -> Iterator[_Row]:
        """All rows by writer, then by sequence. Each file is sorted, and each export wrote its files in that order."""
        parts = sorted(self._folder.glob("part-*.parquet"))
        return heapq.merge(*map(_rows, _runs(parts)), key=lambda row: row[0])


def _runs(parts: Sequence[Path]) -> list[list[Path]]:
    """Files of which each begins behind the one before: one of a run at a time has to be open."""
    bounds = [(part, *found) for part in parts if (found := _bounds(part)) is not None]
    runs = [[part] for part, _, _ in bounds[:1]]
    for (_, _, last), (part, first, _) in pairwise(bounds):
        if first > last:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs


def _bounds(part: Path) -> tuple[_Place, _Place] | None:
    with pq.ParquetFile(part) as file:
        if not file.metadata.num_rows:
            return None
        first, last = (file.read_row_group(group, columns=_PLACE) for group in (0, file.num_row_groups - 1))
    return _place(first, 0), _place(last, last.num_rows - 1)


def _place(table: pa.Table, row: int) -> _Place:
    return table["writer_id"][row].as_py(), table["sequence"][row].as_py()


def _rows(run: Sequence[Path]) -> Iterator[_Row]:
    for part in run:
        with pq.ParquetFile(part) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=_COLUMNS)
                writers, sequences, previous, own, records = (table[name].to_pylist() for name in _COLUMNS)
                yield from zip(zip(writers, sequences, strict=True), previous, own, records, strict=True)
