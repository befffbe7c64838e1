"""Rows from Feast's SQLite online store in one statement, for all views and a whole batch.

Feast 0.67 keeps a table per view with a line per account and feature (`feast/infra/online_stores/sqlite.py`), each with
the row's event time in whole seconds. Our writer keeps the exact time beside them, as one more value.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from feast import RepoConfig
from feast.infra.online_stores.helpers import compute_table_id

from tidegate.enrichment.freshness import StoredRow, stored_row
from tidegate.enrichment.row_source import AppliedView
from tidegate.enrichment.value_encoding import scalar
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.feast_sqlite import EXACT_TIME
from tidegate.moderation.signals import FeatureScalar

_EPOCH = datetime.fromtimestamp(0, tz=UTC)


class SqliteRows:
    """Reads all views at one moment: the one statement sees one state of the file."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        config: RepoConfig,
        views: Sequence[AppliedView],
        *,
        lock: AbstractContextManager[object],
    ) -> None:
        """Works out what to ask for.

        Args:
            connection: Feast's own, not closed here.
            config: Feast's configuration of the repository.
            views: What to read.
            lock: Held while reading: Feast shares one connection among threads.

        Raises:
            KeyEncodingError: See `EntityKeys`.
        """
        self._connection = connection
        self._keys = EntityKeys(config.entity_key_serialization_version)
        self._views = tuple(views)
        self._names = tuple(
            frozenset([EXACT_TIME, *(feature.name for feature in each.view.stored())]) for each in views
        )
        self._statements: dict[int, str] = {}
        versions = config.registry.enable_online_feature_view_versioning
        self._tables = tuple(compute_table_id(config.project, each.applied, versions) for each in views)
        self._lock = lock

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        """See `RowSource`."""
        keys = [self._keys.key(account_id) for account_id in account_ids]
        with self._lock:
            lines = self._connection.execute(self._statement(len(keys)), keys).fetchall()
        values: dict[tuple[int, bytes], dict[str, FeatureScalar | None]] = defaultdict(dict)
        seconds: dict[tuple[int, bytes], int] = {}
        for view, key, name, raw, moment in lines:
            at = (view, key)
            values[at][name] = scalar(raw)
            # A row is written as a whole. Were it not, its oldest value would say how old it is.
            seconds[at] = min(moment, seconds.get(at, moment))
        return [
            tuple(_row(each, values[view, key], seconds.get((view, key))) for view, each in enumerate(self._views))
            for key in keys
        ]

    def _statement(self, count: int) -> str:
        if count not in self._statements:  # at most as many as a batch may have accounts
            places = ",".join(f"?{number}" for number in range(1, count + 1))
            self._statements[count] = " UNION ALL ".join(
                f"SELECT {view}, entity_key, feature_name, value, CAST(event_ts AS INTEGER) "  # noqa: S608 - Feast's own names
                f'FROM "{table}" WHERE entity_key IN ({places}) AND feature_name IN ({_quoted(self._names[view])})'
                for view, table in enumerate(self._tables)
            )
        return self._statements[count]


def _quoted(names: Iterable[str]) -> str:
    return ",".join(f"'{name}'" for name in sorted(names))


def _row(each: AppliedView, values: dict[str, FeatureScalar | None], seconds: int | None) -> StoredRow:
    exact = values.pop(EXACT_TIME, None)
    return stored_row(each.view, ttl=each.ttl, event_time=_moment(seconds, exact), values=values)


def _moment(seconds: int | None, exact: FeatureScalar | None) -> datetime | None:
    if seconds is None:
        return None
    # Feast stores UTC as if it were local time and reads it back the same way.
    moment = datetime.fromtimestamp(seconds).replace(tzinfo=UTC)  # noqa: DTZ006 - as said
    if type(exact) is not int:
        return moment
    # Feast's own materialisation replaces the row and leaves an earlier row's exact time behind.
    fraction = timedelta(microseconds=exact) - (moment - _EPOCH)
    return moment + fraction if timedelta() <= fraction < timedelta(seconds=1) else moment
