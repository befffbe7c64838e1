"""Reads the span store that the receiver writes. Read-only, from another process, while the receiver runs."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import orjson

from tidegate.telemetry.span_record import SpanMoment, SpanRecord, SpanReference, SpanRole, SpanStatus

_COLUMNS = (
    "trace_id, span_id, parent_span_id, service, name, role, start_ns, end_ns, status, attributes, links, moments"
)
_BUSY_TIMEOUT_S = 5.0


class ArchiveUnreadable(Exception):
    """There is no span store at this path, or it can't be read. The message is fit for a person."""


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """A trace in the store, without its spans."""

    trace_id: str
    """32 hex digits."""
    received_ns: int
    """When its latest span arrived."""
    spans: int
    """Stored."""
    left_out: int
    """Sent, and not stored because the trace had too many."""


class SpanArchive:
    """The reader's side of the store. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        """Opens the file, which must be there.

        Raises:
            ArchiveUnreadable: It isn't there, or is something else.
        """
        if not path.is_file():
            raise ArchiveUnreadable(
                f"There is no span store at {path}. `tidegate up` keeps one here; --store names another."
            )
        try:
            self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
        except sqlite3.Error as error:
            raise ArchiveUnreadable(f"{path} can't be opened.") from error
        try:
            self._connection.execute("SELECT count(*) FROM (SELECT 1 FROM traces LIMIT 1)").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise ArchiveUnreadable(f"{path} is not a span store.") from error

    def __enter__(self) -> "SpanArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def matching(self, prefix: str, *, limit: int = 5) -> list[TraceEntry]:
        """Traces whose id begins with these hex digits."""
        return self._entries(
            "SELECT * FROM traces WHERE trace_id >= ? AND trace_id < ? LIMIT ?", (prefix, prefix + "g", limit)
        )

    def recent(self, limit: int) -> list[TraceEntry]:
        """The traces that were written to last, the latest first."""
        return self._entries("SELECT * FROM traces ORDER BY received_ns DESC LIMIT ?", (limit,))

    def spans(self, trace_id: str) -> list[SpanRecord]:
        """All spans of a trace, by start."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM spans WHERE trace_id = ? ORDER BY start_ns, span_id",  # noqa: S608 - constant
            (trace_id,),
        )
        return [_record(row) for row in rows]

    def linked(self, spans: Iterable[SpanRecord]) -> dict[str, list[SpanRecord]]:
        """The other traces that these spans link to and that are in the store, by trace id."""
        own = {span.trace_id for span in spans}
        wanted = {link.trace_id for span in spans for link in span.links} - own
        found = {trace_id: self.spans(trace_id) for trace_id in sorted(wanted)}
        return {trace_id: members for trace_id, members in found.items() if members}

    def _entries(self, query: str, arguments: tuple[str | int, ...]) -> list[TraceEntry]:
        return [TraceEntry(*row) for row in self._connection.execute(query, arguments)]


def _record(row: tuple[str, str, str, str, str, str, int, int, str, str, str, str]) -> SpanRecord:
    trace_id, span_id, parent, service, name, role, start_ns, end_ns, status, attributes, links, moments = row
    return SpanRecord(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=parent,
        service=service,
        name=name,
        role=SpanRole(role),
        start_ns=start_ns,
        end_ns=end_ns,
        status=SpanStatus(status),
        attributes=orjson.loads(attributes),
        links=tuple(SpanReference(*link) for link in orjson.loads(links)),
        moments=tuple(SpanMoment(*moment) for moment in orjson.loads(moments)),
    )
