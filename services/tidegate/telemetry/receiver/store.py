"""Writes spans into the store, within bounds. Used by one thread: the receiver's writer."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import orjson

from tidegate.telemetry.receiver.schema import CREATE, SCHEMA_VERSION
from tidegate.telemetry.span_record import SpanRecord

_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept. Whole traces go, the longest untouched first."""

    max_age_s: float = 24 * 3600.0
    """A trace goes this long after its latest span arrived."""
    max_spans: int = 500_000
    """Over all traces; about 300 MB on disk."""
    max_spans_per_trace: int = 2_000
    """What a trace gets beyond is counted, not kept."""


class SpanStore:
    """The receiver's side of the store."""

    def __init__(
        self, path: Path, *, retention: Retention | None = None, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Opens or makes the file.

        Raises:
            sqlite3.Error: It can't be written, or is something else.
        """
        self._retention = retention or Retention()
        self._clock_ns = clock_ns
        # `check_same_thread`: opened by the main thread, used by the writer's; never by both at once.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Spans may be lost in a power cut; NORMAL is enough for them and spares a sync per export.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(CREATE)
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        (self._stored,) = self._connection.execute("SELECT coalesce(sum(spans), 0) FROM traces").fetchone()

    def add(self, spans: Sequence[SpanRecord]) -> None:
        """Stores the spans in one transaction; a span that is already there stays as it is."""
        by_trace = sorted(spans, key=lambda span: span.trace_id)
        self._connection.execute("BEGIN IMMEDIATE")
        stored = 0
        try:
            for trace_id, members in groupby(by_trace, key=lambda span: span.trace_id):
                stored += self._add_to_trace(trace_id, list(members))
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._stored += stored

    def expire(self) -> int:
        """Deletes what retention no longer covers; returns the number of traces."""
        oldest_ns = self._clock_ns() - int(self._retention.max_age_s * _NS)
        expired = self._connection.execute(
            "SELECT trace_id, spans FROM traces WHERE received_ns < ?", (oldest_ns,)
        ).fetchall()
        left = self._stored - sum(spans for _, spans in expired)
        if left > self._retention.max_spans:
            rest = self._connection.execute(
                "SELECT trace_id, spans FROM traces WHERE received_ns >= ? ORDER BY received_ns", (oldest_ns,)
            )
            for trace_id, spans in rest:
                expired.append((trace_id, spans))
                left -= spans
                if left <= self._retention.max_spans:
                    break
            rest.close()
        if not expired:
            return 0
        ids = [(trace_id,) for trace_id, _ in expired]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("DELETE FROM spans WHERE trace_id = ?", ids)
        self._connection.executemany("DELETE FROM traces WHERE trace_id = ?", ids)
        self._connection.execute("COMMIT")
        self._stored = left
        return len(ids)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _add_to_trace(self, trace_id: str, spans: list[SpanRecord]) -> int:
        row = self._connection.execute("SELECT spans FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        room = max(0, self._retention.max_spans_per_trace - (row[0] if row else 0))
        before = self._connection.total_changes
        self._connection.executemany(
            "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_row(span) for span in spans[:room]],
        )
        stored = self._connection.total_changes - before
        self._connection.execute(
            "INSERT INTO traces VALUES (?, ?, ?, ?) ON CONFLICT (trace_id) DO UPDATE SET"
            " received_ns = excluded.received_ns, spans = spans + excluded.spans,"
            " left_out = left_out + excluded.left_out",
            (trace_id, self._clock_ns(), stored, len(spans[room:])),
        )
        return stored


def _row(span: SpanRecord) -> tuple[str | int, ...]:
    return (
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.service,
        span.name,
        span.role,
        span.start_ns,
        span.end_ns,
        span.status,
        orjson.dumps(span.attributes).decode(),
        orjson.dumps([(link.trace_id, link.span_id) for link in span.links]).decode(),
        orjson.dumps([(moment.name, moment.at_ns) for moment in span.moments]).decode(),
    )
