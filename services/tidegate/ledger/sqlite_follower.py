"""Follows a SQLite ledger in the order of recording: its writers take turns, so there is one."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from tidegate.ledger.archive import Stretch
from tidegate.ledger.record_format import RecordFormatError
from tidegate.ledger.record_outline import outline
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.ledger.sqlite_schema import SameFile

_log = logging.getLogger(__name__)

CURSOR = "ledger"
"""Name of the noted place: `POSITION:DECISION_ID` of the last record that was read."""


class SqliteFollower:
    """`LedgerFollower` on one file, which need not exist yet."""

    def __init__(self, path: Path, noted: Callable[[str], str]) -> None:
        """Opens nothing yet.

        Args:
            path: The ledger's file.
            noted: The place that was noted last under a name; empty if none was.
        """
        self._path = path
        self._noted = noted
        self._archive: SqliteArchive | None = None
        self._file: SameFile | None = None
        self._position = 0

    def unread(self, *, limit: int) -> Sequence[Stretch]:
        """See `LedgerFollower.unread`."""
        archive = self._opened()
        if archive is None:
            return ()
        found = archive.recorded_after(self._position, limit=limit)
        removed_up_to = archive.removed_up_to()
        if not found:
            removed = removed_up_to - self._position
            return (Stretch(CURSOR, f"{removed_up_to}:", (), removed=removed),) if removed > 0 else ()
        position, last = found[-1]
        # Positions have no gaps but those that retention made.
        before = min(position, removed_up_to) - self._position - sum(each <= removed_up_to for each, _ in found)
        payloads = [payload for _, payload in found]
        return (Stretch(CURSOR, f"{position}:{_decision_id(last)}", payloads, removed=max(0, before)),)

    def taken_up(self, stretch: Stretch) -> None:
        """See `LedgerFollower.taken_up`."""
        self._position = int(stretch.place.partition(":")[0])

    def close(self) -> None:
        """See `LedgerFollower.close`."""
        if self._archive is not None:
            self._archive.close()
        self._archive = self._file = None

    def _opened(self) -> SqliteArchive | None:
        """The ledger, opened once and not at every look, and the place to go on from; None where there is none yet."""
        if self._file is not None and not self._file.holds():
            self.close()
        if self._archive is None and self._path.is_file():
            file, archive = SameFile(self._path), SqliteArchive(self._path)
            try:
                self._position = self._noted_position(archive)
            except BaseException:
                archive.close()
                raise
            self._file, self._archive = file, archive
        return self._archive

    def _noted_position(self, archive: SqliteArchive) -> int:
        """The noted position; 0 where it names another decision by now, as in a ledger that was started anew.

        A position whose record retention has removed holds: none is given twice.
        """
        position, _, decision_id = self._noted(CURSOR).partition(":")
        if not position:
            return 0
        there = archive.decision_at(int(position))
        if there is None and int(position) <= archive.removed_up_to():
            return int(position)
        if there is None or (decision_id and there != decision_id):
            _log.warning("ledger_tail.from_the_start")
            return 0
        return int(position)


def _decision_id(payload: bytes) -> str:
    """Empty for a record that can't be read: the place is then trusted as it is."""
    try:
        return outline(payload).decision_id
    except RecordFormatError:
        return ""
