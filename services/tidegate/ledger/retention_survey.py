"""One day, looked at before it is removed: are its chains whole, does the export hold it, what will its anchors be?"""

from collections.abc import Callable
from datetime import date

from tidegate.ledger.archive import LedgerArchive
from tidegate.ledger.chain import Entry, Head
from tidegate.ledger.retention_anchors import Anchor, Survey
from tidegate.ledger.retention_export import ExportedDay
from tidegate.ledger.verify import fault_of


class BrokenDayError(Exception):
    """A record of the day is not as it was recorded. Removing it would remove what shows that."""


def surveyed(
    archive: LedgerArchive, day: date, *, export: ExportedDay | None, progress: Callable[[int], None] = lambda _: None
) -> Survey:
    """Reads the whole day once, with flat memory.

    Args:
        archive: The ledger.
        day: In UTC.
        export: That has to hold every record; None if none has to.
        progress: Called with the number of records read since the call before.

    Raises:
        BrokenDayError: A record was altered, or is filed under another day or id than its own.
        NotExportedError: The export lacks a record, or holds another in its place.
    """
    anchors: list[Anchor] = []
    records = 0
    with archive.snapshot():
        ends = {head.writer_id: head.sequence for head in archive.heads()}
        begun: Entry | None = None
        last: Entry | None = None
        for entry in archive.entries_of(day, after={}):
            follows = last is not None and (entry.writer_id, entry.sequence) == (last.writer_id, last.sequence + 1)
            before = last.hash if follows and last is not None else entry.previous_hash
            fault = fault_of(entry, Head(entry.writer_id, entry.sequence - 1, before))
            if fault is not None:
                kind, detail = fault
                raise BrokenDayError(f"record {entry.sequence} of writer {entry.writer_id}: {kind}, {detail}")
            if export is not None:
                export.require(entry)
            if not follows:
                if begun is not None and last is not None:
                    anchors.append(_anchor(begun, last, day))
                begun = entry
            last = entry
            records += 1
            progress(1)
        if begun is not None and last is not None:
            anchors.append(_anchor(begun, last, day))
    return Survey(day, records, tuple(anchors), ends)


def _anchor(first: Entry, last: Entry, day: date) -> Anchor:
    return Anchor(first.writer_id, first.sequence, last.sequence, first.previous_hash, last.hash, day)
