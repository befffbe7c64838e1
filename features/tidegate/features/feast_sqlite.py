"""Feast's SQLite online store, with newest wins: Feast 0.67 takes the last row, and whole seconds of its event time.

Beside a row's values lies its exact event time as one more value, `event_time_us`, which Feast's readers pass over.
Rows that somebody else wrote have none, or one that does not match: their event time is taken in whole seconds.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from feast import FeatureStore, FeatureView
from feast.infra.online_stores.helpers import compute_table_id
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.feast_rows import FeastRow, key_bytes
from tidegate.features.refs import VALID_UNTIL

EXACT_TIME = "event_time_us"
"""Microseconds since 1970 of the row's event time."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


class SqliteRows:
    """Rows in Feast's file. Check and write are one transaction, so that two processes can't undo each other."""

    def __init__(self, store: FeatureStore) -> None:
        self._store = store
        online: Any = store.provider.online_store
        self._connection: sqlite3.Connection = online._get_conn(store.config)  # noqa: SLF001 - no public way to it
        self._connection.execute("PRAGMA secure_delete = ON")  # an erased account's bytes don't stay in free pages

    def write(self, view: FeatureView, rows: list[FeastRow]) -> None:
        """See `feast_writer.StoredRows`."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            stored = self._stored(view, [_account(row) for row in rows])
            newer = [row for row in rows if _us(row[2]) >= stored.get(_account(row), 0)]
            for _, values, event_time, _ in newer:
                values[EXACT_TIME] = Value(int64_val=_us(event_time))
            self._store.provider.online_write_batch(self._store.config, view, newer, None)  # commits
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

    def _stored(self, view: FeatureView, account_ids: Sequence[str]) -> dict[str, int]:
        keys = key_bytes(account_ids)
        accounts = dict(zip(keys, account_ids, strict=True))
        found = self._connection.execute(
            f"SELECT entity_key, feature_name, value, event_ts FROM {self._table(view)}"  # noqa: S608 - as above
            f" WHERE entity_key IN ({_marks(keys)}) AND feature_name IN ('{EXACT_TIME}', '{VALID_UNTIL}')",
            keys,
        ).fetchall()
        seconds = {key: _us(time.replace(tzinfo=UTC)) for key, name, _, time in found if name == VALID_UNTIL}
        exact = {key: Value.FromString(value).int64_val for key, name, value, _ in found if name == EXACT_TIME}
        times = {
            key: exact[key] if exact.get(key, -1) // _SECOND * _SECOND == second else second
            for key, second in seconds.items()
        }
        return {accounts[key]: time for key, time in times.items()}

    def _table(self, view: FeatureView) -> str:
        config = self._store.config
        name = compute_table_id(config.project, view, config.registry.enable_online_feature_view_versioning)
        return f'"{name}"'


def _account(row: FeastRow) -> str:
    account_id: str = row[0].entity_values[0].string_val
    return account_id


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _marks(keys: Sequence[bytes]) -> str:
    return ",".join("?" * len(keys))
