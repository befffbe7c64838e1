"""Feast's SQLite online store, with newest wins: Feast 0.67 takes the last row, and whole seconds of its event time.

Beside a row's values lies its exact event time as one more value, `event_time_us`, which Feast's readers pass over.
Rows that somebody else wrote have none, or one that does not match: their event time is taken in whole seconds.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from feast import FeatureStore, FeatureView
from feast.infra.online_stores.helpers import compute_table_id, extract_text_and_num
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.feast_rows import ViewRows, different_values, key_bytes
from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import JOIN_KEY, VALID_UNTIL

EXACT_TIME = "event_time_us"
"""Microseconds since 1970 of the row's event time."""

_UPSERT = (
    "INSERT INTO {table} (entity_key, feature_name, value, value_text, event_ts) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (entity_key, feature_name) DO UPDATE SET"
    " value = excluded.value, value_text = excluded.value_text, event_ts = excluded.event_ts"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


_Cell = tuple[bytes, str | None]
"""Value as bytes and as text."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One account's row of a view."""

    key: bytes
    """Feast's entity key."""
    time_us: int
    """Event time, microseconds since 1970."""
    second: int
    """The same as Feast's store keeps it."""
    names: Sequence[str]
    """Stored fields."""
    cells: Sequence[_Cell]
    """Their values."""


class SqliteRows:
    """Rows in Feast's file. Check and write are one transaction, so that two processes can't undo each other."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        online: Any = store.provider.online_store
        self._connection: sqlite3.Connection = online._get_conn(store.config)  # noqa: SLF001 - no public way to it
        self._connection.execute("PRAGMA secure_delete = ON")  # an erased account's bytes don't stay in free pages

    def write(self, parts: Sequence[ViewRows]) -> None:
        """See `feast_writer.StoredRows`."""
        together = [(part.stored, _rows(part)) for part in parts]
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for view, rows in together:
                stored = self._stored(view, [row.key for row in rows])
                newer = (row for row in rows if row.time_us >= stored.get(row.key, 0))
                self._connection.executemany(_UPSERT.format(table=self._table(view)), _lines(newer))
            self._connection.commit()
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def delete(self, views: Sequence[FeatureView], account_ids: Sequence[str]) -> int:
        """See `feast_writer.StoredRows`."""
        keys = key_bytes(account_ids)
        had: set[bytes] = set()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for view in views:
                deleted = self._connection.execute(
                    f"DELETE FROM {self._table(view)} WHERE entity_key IN ({_marks(keys)}) RETURNING entity_key",  # noqa: S608 - a name of ours
                    keys,
                )
                had.update(key for (key,) in deleted.fetchall())
            self._connection.commit()
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()
        # Old pages stay in the write-ahead log until it is emptied; a reader may delay that, not for long.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(had)

    def _stored(self, view: FeatureView, keys: Sequence[bytes]) -> dict[bytes, int]:
        found = self._connection.execute(
            f"SELECT entity_key, feature_name, value, event_ts FROM {self._table(view)}"  # noqa: S608 - as above
            f" WHERE entity_key IN ({_marks(keys)}) AND feature_name IN ('{EXACT_TIME}', '{VALID_UNTIL}')",
            keys,
        ).fetchall()
        seconds = {key: _us(time.replace(tzinfo=UTC)) for key, name, _, time in found if name == VALID_UNTIL}
        exact = {key: Value.FromString(value).int64_val for key, name, value, _ in found if name == EXACT_TIME}
        return {
            key: exact[key] if exact.get(key, -1) // _SECOND * _SECOND == second else second
            for key, second in seconds.items()
        }

    def _table(self, view: FeatureView) -> str:
        config = self._store.config
        name = compute_table_id(config.project, view, config.registry.enable_online_feature_view_versioning)
        return f'"{name}"'


def _rows(part: ViewRows) -> list[_Row]:
    names = [feature.name for feature in part.view.stored()]
    columns = [_cells(*different_values(part.rows[each.name], each.kind)) for each in part.view.stored()]
    keys, times = key_bytes(part.rows[JOIN_KEY].to_pylist()), part.rows[EVENT_TIMESTAMP].to_pylist()
    return [
        _Row(key, _us(time), _second(time), names, cells)
        for key, time, *cells in zip(keys, times, *columns, strict=True)
    ]


def _cells(values: Sequence[Value], places: Sequence[int]) -> list[_Cell]:
    """What goes into `value` and `value_text`, by row."""
    table = [(each.SerializeToString(), extract_text_and_num(each, compute_num=False)[0]) for each in values]
    return [table[place] for place in places]


def _second(moment: datetime) -> int:
    """The event time as Feast's store keeps it: whole seconds, and by way of the local time zone."""
    return int(moment.astimezone(UTC).replace(tzinfo=None).timestamp())


def _lines(rows: Iterable[_Row]) -> Iterator[tuple[object, ...]]:
    """A line per value, as Feast's store writes them."""
    for row in rows:
        for name, (value, text) in zip(row.names, row.cells, strict=True):
            yield row.key, name, value, text, row.second
        yield row.key, EXACT_TIME, Value(int64_val=row.time_us).SerializeToString(), None, row.second


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _marks(keys: Sequence[bytes]) -> str:
    return ",".join("?" * len(keys))
