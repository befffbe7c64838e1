"""The SQLite ledger for those who look back: `LedgerArchive`, read-only, in pages or one snapshot."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tidegate.ledger.archive import LedgerStatistics
from tidegate.ledger.chain import Entry, Head
from tidegate.ledger.record_keys import RecordKeys, microseconds
from tidegate.ledger.retention_anchors import Anchor, Reason, Removal
from tidegate.ledger.sqlite_schema import open_archive, transaction

_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US_PER_DAY = 86_400_000_000
_ENTRIES = (
    "SELECT writer_id, sequence, previous_hash, hash, decision_id, idempotency_key, fingerprint, decided_at_us, record"
    " FROM records"
)


class SqliteArchive:
    """`LedgerArchive` on one SQLite file. For one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Opens the file. Raises FileNotFoundError or sqlite3.Error if it is not there or no ledger."""
        self._connection = open_archive(path)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read within the block is as of one moment, whatever is written meanwhile."""
        with transaction(self._connection, mode="DEFERRED"):
            yield

    def count(self, *, since: datetime | None = None) -> int:
        """See `LedgerArchive.count`."""
        return self._number("SELECT count(*) FROM records WHERE decided_at_us >= ?", _lowest(since))

    def payloads(self, *, since: datetime | None = None) -> Iterator[bytes]:
        """See `LedgerArchive.payloads`. Each page is a read of its own: one long read would keep the log growing."""
        lowest, position = _lowest(since), 0
        while True:
            page = self._connection.execute(
                "SELECT position, record FROM records WHERE position > ? AND decided_at_us >= ?"
                " ORDER BY position LIMIT ?",
                (position, lowest, _PAGE),
            ).fetchall()
            yield from (record for _, record in page)
            if len(page) < _PAGE:
                return
            position = page[-1][0]

    def recorded_after(self, position: int, *, limit: int) -> list[tuple[int, bytes]]:
        """Records in canonical form with their positions, in the order of recording: for those who follow a ledger."""
        return self._connection.execute(
            "SELECT position, record FROM records WHERE position > ? ORDER BY position LIMIT ?", (position, limit)
        ).fetchall()

    def decision_at(self, position: int) -> str | None:
        """The id of the decision that was recorded there."""
        row = self._connection.execute("SELECT decision_id FROM records WHERE position = ?", (position,)).fetchone()
        return None if row is None else str(row[0])

    def entries(self) -> Iterator[Entry]:
        """See `LedgerArchive.entries`."""
        yield from map(_entry, self._connection.execute(f"{_ENTRIES} ORDER BY writer_id, sequence"))

    def days(self) -> Sequence[tuple[date, int]]:
        """See `LedgerArchive.days`."""
        # // rounds towards zero in SQL: shifted, so that days before 1970 come out right too.
        found = self._connection.execute(
            "SELECT (decided_at_us + 1000000 * :day) / :day - 1000000 AS number, count(*) FROM records"
            " GROUP BY number ORDER BY number",
            {"day": _US_PER_DAY},
        )
        return [(_EPOCH.date() + timedelta(days=number), count) for number, count in found.fetchall()]

    def entries_of(self, day: date, *, after: Mapping[str, int]) -> Iterator[Entry]:
        """See `LedgerArchive.entries_of`."""
        rows = self._connection.execute(
            f"{_ENTRIES} WHERE decided_at_us >= ? AND decided_at_us < ? ORDER BY writer_id, sequence", _bounds(day)
        )
        for entry in map(_entry, rows):
            if entry.sequence > after.get(entry.writer_id, 0):
                yield entry

    def count_of(self, day: date, *, up_to: Mapping[str, int]) -> int:
        """See `LedgerArchive.count_of`."""
        rows = self._connection.execute(
            "SELECT writer_id, sequence FROM records WHERE decided_at_us >= ? AND decided_at_us < ?", _bounds(day)
        )
        return sum(sequence <= up_to.get(writer_id, 0) for writer_id, sequence in rows)

    def heads(self) -> Iterator[Head]:
        """See `LedgerArchive.heads`."""
        for row in self._connection.execute("SELECT writer_id, sequence, hash FROM heads ORDER BY writer_id"):
            yield Head(*row)

    def anchors(self) -> Iterator[Anchor]:
        """See `LedgerArchive.anchors`."""
        for writer_id, first, last, previous_hash, own_hash, day in self._connection.execute(
            "SELECT writer_id, first_sequence, last_sequence, previous_hash, hash, day FROM anchors"
            " JOIN removals USING (removal) ORDER BY writer_id, first_sequence"
        ):
            yield Anchor(writer_id, first, last, previous_hash, own_hash, date.fromisoformat(day))

    def removals(self, *, since: date | None = None) -> Sequence[Removal]:
        """See `LedgerArchive.removals`."""
        return removals(self._connection, days=(since or date.min, date.max))

    def removed_up_to(self) -> int:
        """The highest position of a record that retention removed; 0 if it removed none."""
        return self._number("SELECT position FROM removed_up_to")

    def policies(self) -> Iterator[tuple[str, str]]:
        """See `LedgerArchive.policies`."""
        yield from self._connection.execute("SELECT digest, document FROM policies ORDER BY digest")

    def policy_document(self, digest: str) -> str | None:
        """See `LedgerArchive.policy_document`."""
        row = self._connection.execute("SELECT document FROM policies WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else str(row[0])

    def statistics(self) -> LedgerStatistics:
        """How much it holds."""
        span = self._connection.execute("SELECT min(decided_at_us), max(decided_at_us) FROM records").fetchone()
        first, last = (None if moment is None else _EPOCH + timedelta(microseconds=moment) for moment in span)
        return LedgerStatistics(
            records=self._number("SELECT count(*) FROM records"),
            writers=self._number("SELECT count(*) FROM heads"),
            policies=self._number("SELECT count(*) FROM policies"),
            size_bytes=self._number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"),
            first=first,
            last=last,
        )

    def _number(self, statement: str, *parameters: int) -> int:
        number: int = self._connection.execute(statement, parameters).fetchone()[0]
        return number


def removals(connection: sqlite3.Connection, *, days: tuple[date, date]) -> Sequence[Removal]:
    """What retention removed of these days, the last one included: by day, then by time."""
    rows = connection.execute(
        "SELECT day, removed_at_us, keep_days, exported_to, command,"
        " sum(last_sequence - first_sequence + 1), count(DISTINCT writer_id)"
        " FROM removals JOIN anchors USING (removal) WHERE day BETWEEN ? AND ? GROUP BY removal ORDER BY day, removal",
        [day.isoformat() for day in days],
    )
    return [
        Removal(
            date.fromisoformat(day),
            records,
            writers,
            _EPOCH + timedelta(microseconds=removed_at_us),
            Reason(keep_days, exported_to or "", command),
        )
        for day, removed_at_us, keep_days, exported_to, command, records, writers in rows.fetchall()
    ]


def _entry(row: tuple[Any, ...]) -> Entry:
    writer_id, sequence, previous_hash, own_hash, decision_id, key, fingerprint, decided_at_us, record = row
    keys = RecordKeys(decision_id, key or "", fingerprint, decided_at_us)
    return Entry(writer_id, sequence, previous_hash, own_hash, keys, record)


def _bounds(day: date) -> tuple[int, int]:
    """Its first microsecond since 1970, and the next day's."""
    start_us = (day - _EPOCH.date()).days * _US_PER_DAY
    return start_us, start_us + _US_PER_DAY


def _lowest(since: datetime | None) -> int:
    return -(1 << 62) if since is None else microseconds(since)
