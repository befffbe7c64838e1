"""Feast's SQLite online store, with newest wins: Feast 0.67 takes the last row, and whole seconds of its event time.

Beside a row's values lies its exact event time as one more value, `event_time_us`, which Feast's readers pass over.
Rows that somebody else wrote have none, or one that does not match: their event time is taken in whole seconds.

A row is some twenty lines of a table, and most of its values are what they were. So only values that differ are
written, and the event time of all lines at once: a quarter of what writing every line takes. A row that says the same
as the one of less than a minute before is left as it is.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
from feast import FeatureStore, FeatureView
from feast.infra.online_stores.helpers import compute_table_id, extract_text_and_num
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.feast_rows import ViewRows, feast_value, key_bytes
from tidegate.features.feature import ValueKind, View
from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import JOIN_KEY, VALID_UNTIL

EXACT_TIME = "event_time_us"
"""Microseconds since 1970 of the row's event time."""
MOST_HELD = 20_000
"""Rows remembered as they are stored, about a kilobyte each."""

SAME_FOR_US = 60_000_000
"""How long a row stands for later ones that say the same. Far shorter than any ttl, and it bounds what could go wrong:
a row of an instant in between, which a batch writes afterwards, would be taken for newer."""

_UPSERT = (
    "INSERT INTO {table} (entity_key, feature_name, value, value_text, event_ts) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (entity_key, feature_name) DO UPDATE SET"
    " value = excluded.value, value_text = excluded.value_text, event_ts = excluded.event_ts"
)
_CHANGE = "UPDATE {table} SET value = ?, value_text = ? WHERE entity_key = ? AND feature_name = ?"
_TOUCH = "UPDATE {table} SET event_ts = ? WHERE entity_key = ?"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
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
    second: int | None
    """The same as Feast's store keeps it; None where its lines don't agree."""
    cells: tuple[_Cell, ...]
    """Values of the stored fields, then of `EXACT_TIME`; empty where lines are missing."""


class SqliteRows:
    """Rows in Feast's file. Check and write are one transaction, so that two processes can't undo each other."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        online: Any = store.provider.online_store
        self._connection: sqlite3.Connection = online._get_conn(store.config)  # noqa: SLF001 - no public way to it
        self._connection.execute("PRAGMA secure_delete = ON")  # an erased account's bytes don't stay in free pages
        self._held: dict[tuple[str, bytes], _Row] = {}
        self._version = -1

    def prepared(self, parts: Sequence[ViewRows]) -> Callable[[], None]:
        """See `feast_writer.StoredRows`."""
        return partial(self._write, [(part, _rows(part)) for part in parts])

    def _write(self, together: Sequence[tuple[ViewRows, Sequence[_Row]]]) -> None:
        with self._transaction():
            for part, rows in together:
                table = self._table(part.stored)
                held = self._stored(table, part.view, [row.key for row in rows])
                self._put(table, part.view, [(row, held.get(row.key)) for row in rows])

    def delete(self, views: Sequence[FeatureView], account_ids: Sequence[str]) -> int:
        """See `feast_writer.StoredRows`."""
        keys = key_bytes(account_ids)
        had: set[bytes] = set()
        with self._transaction():
            self._held.clear()
            for view in views:
                deleted = self._connection.execute(
                    f"DELETE FROM {self._table(view)} WHERE entity_key IN ({_marks(keys)}) RETURNING entity_key",  # noqa: S608 - a name of ours
                    keys,
                )
                had.update(key for (key,) in deleted.fetchall())
        # Old pages stay in the write-ahead log until it is emptied; a reader may delay that, not for long.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return len(had)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Remembers rows over transactions for as long as nobody else writes to the file."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            ((version,),) = self._connection.execute("PRAGMA data_version").fetchall()  # changes with others' commits
            if version != self._version or len(self._held) > MOST_HELD:
                self._held.clear()
            self._version = version
            yield
            self._connection.commit()
        except BaseException:
            self._held.clear()
            raise
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def _stored(self, table: str, view: View, keys: Sequence[bytes]) -> Mapping[bytes, _Row]:
        """What the store holds of these accounts."""
        found = {key: row for key in keys if (row := self._held.get((table, key)))}
        unknown = [key for key in keys if key not in found]
        if not unknown:
            return found
        lines: dict[bytes, dict[str, tuple[_Cell, int]]] = {}
        for key, name, value, text, second in self._connection.execute(
            f"SELECT entity_key, feature_name, value, value_text, CAST(event_ts AS INTEGER) FROM {table}"  # noqa: S608 - as above
            f" WHERE entity_key IN ({_marks(unknown)})",
            unknown,
        ):
            lines.setdefault(key, {})[name] = ((value, text), second)
        names = _names(view)
        return {**found, **{key: row for key, each in lines.items() if (row := _stored_row(key, each, names))}}

    def _put(self, table: str, view: View, rows: Iterable[tuple[_Row, _Row | None]]) -> None:
        """Writes what differs of each row that is no older than the one held."""
        names = _names(view)
        whole: list[tuple[object, ...]] = []
        changes: list[tuple[object, ...]] = []
        touched: list[tuple[object, ...]] = []
        for row, held in rows:
            if held is not None and (row.time_us < held.time_us or _stands(held, row)):
                continue
            if held is None or not held.cells:
                whole += ((row.key, name, *cell, row.second) for name, cell in zip(names, row.cells, strict=True))
            else:
                both = zip(names, row.cells, held.cells, strict=True)
                changes += ((*cell, row.key, name) for name, cell, before in both if cell != before)
                if row.second != held.second:
                    touched.append((row.second, row.key))
            self._held[table, row.key] = row
        for statement, lines in ((_UPSERT, whole), (_CHANGE, changes), (_TOUCH, touched)):
            if lines:
                self._connection.executemany(statement.format(table=table), lines)

    def _table(self, view: FeatureView) -> str:
        config = self._store.config
        name = compute_table_id(config.project, view, config.registry.enable_online_feature_view_versioning)
        return f'"{name}"'


@lru_cache
def _names(view: View) -> tuple[str, ...]:
    """Names of a row's lines."""
    return (*(feature.name for feature in view.stored()), EXACT_TIME)


def _rows(part: ViewRows) -> list[_Row]:
    columns = [list(map(_CELLS[each.kind], part.rows[each.name].to_pylist())) for each in part.view.stored()]
    keys, times = key_bytes(part.rows[JOIN_KEY].to_pylist()), part.rows[EVENT_TIMESTAMP].cast(pa.int64()).to_pylist()
    columns.append([_exact_cell(time_us) for time_us in times])
    cells = zip(*columns, strict=True)
    return [_Row(key, time, _second(time), each) for key, time, each in zip(keys, times, cells, strict=True)]


def _stored_row(key: bytes, lines: Mapping[str, tuple[_Cell, int]], names: Sequence[str]) -> _Row | None:
    """A row from its lines; None where none says when it was true."""
    if VALID_UNTIL not in lines:
        return None
    second, exact = lines[VALID_UNTIL][1], lines.get(EXACT_TIME)
    time_us = _start_us(second)
    if exact is not None:
        told = Value.FromString(exact[0][0]).int64_val
        time_us = told if told // _SECOND * _SECOND == time_us else time_us
    agreed = second if all(each[1] == second for each in lines.values()) else None
    whole = all(name in lines for name in names)
    return _Row(key, time_us, agreed, tuple(lines[name][0] for name in names) if whole else ())


def _stands(held: _Row, row: _Row) -> bool:
    """Whether the stored row does for this one, which is no older."""
    same = held.cells[:-1] == row.cells[:-1] and held.second is not None
    return same and row.time_us - held.time_us < SAME_FOR_US


def _cell(kind: ValueKind, value: Any) -> _Cell:
    """What goes into `value` and `value_text`."""
    encoded = feast_value(value, kind)
    return encoded.SerializeToString(), extract_text_and_num(encoded, compute_num=False)[0]


def _number_cell(value: float | None) -> _Cell:
    """The same, quicker: real numbers are what changes most."""
    return (b"", None) if value is None else (feast_value(value, ValueKind.FLOAT).SerializeToString(), str(value))


_remembered_cell = lru_cache(maxsize=20_000)(_cell)

_CELLS: Mapping[ValueKind, Callable[[Any], _Cell]] = {
    **{kind: partial(_remembered_cell, kind) for kind in ValueKind},
    ValueKind.FLOAT: _number_cell,
}
"""By kind. Not for real numbers: few come twice, and 0.0 and -0.0 would be taken for one."""


def _exact_cell(time_us: int) -> _Cell:
    return Value(int64_val=time_us).SerializeToString(), None


@lru_cache(maxsize=1_000)
def _second(time_us: int) -> int:
    """The event time as Feast's store keeps it: whole seconds, and by way of the local time zone."""
    return int((_EPOCH + time_us * _MICROSECOND).replace(tzinfo=None).timestamp())


def _start_us(second: int) -> int:
    """The other way, as microseconds since 1970."""
    return (datetime.fromtimestamp(second).replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND  # noqa: DTZ006 - as said


def _marks(keys: Sequence[bytes]) -> str:
    return ",".join("?" * len(keys))
