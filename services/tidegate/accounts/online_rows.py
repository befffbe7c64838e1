"""What the online store holds on an account: rows as the router reads them, and whatever else lies under its key."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tidegate.accounts.held import AccountStoreUnavailableError, Store
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import StoredRow
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.events.columns import microseconds
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.online import CONFIGURATION, OnlineKind
from tidegate.features.repository import close_repository, open_repository

_TIMEOUT_S = 30.0
_REDIS_TIMEOUT_MS = 10_000


class OnlineRows:
    """The online store that a features directory names. A directory without a configuration holds nothing."""

    def __init__(self, state: Path) -> None:
        """Remembers where its configuration lies."""
        self._state = state

    def rows(self, account_id: str) -> Sequence[StoredRow]:
        """The account's rows, one for each view that has one. Raises AccountStoreUnavailableError."""
        if not self._configured():
            return ()
        reader = FeastReader(self._state, redis_timeout_ms=_REDIS_TIMEOUT_MS)
        with _explained(), contextlib.closing(reader):
            (found,) = reader.read([account_id])
        return tuple(row for row in found if row.event_time is not None)

    def count(self, account_id: str, *, up_to_us: int) -> int:
        """Rows as of that time or before; what lies under the account's key without being a row counts as one.

        Raises:
            AccountStoreUnavailableError: The store can't be read.
        """
        if not self._configured():
            return 0
        times = [row.event_time for row in self.rows(account_id) if row.event_time is not None]
        if not times:
            return min(1, self._fields(account_id))
        return sum(microseconds(time) <= up_to_us for time in times)

    def delete(self, account_id: str) -> None:
        """Deletes all of it. A SQLite file is written anew: deleted names stay in the gaps of its pages.

        Raises:
            AccountStoreUnavailableError: Some of it may still be there.
        """
        if not self._configured():
            return
        with self._store() as store:
            if store.config.online_store.type == OnlineKind.SQLITE:
                _delete(self._file(store), _key(store, account_id))
                return
        writer = FeastOnlineWriter(self._state, redis_timeout_ms=_REDIS_TIMEOUT_MS)
        with _explained(), contextlib.closing(writer):
            writer.delete([account_id])

    def _fields(self, account_id: str) -> int:
        with self._store() as store:
            key = _key(store, account_id)
            if store.config.online_store.type == OnlineKind.REDIS:
                client: Any = store.provider.online_store._get_client(store.config.online_store)  # noqa: SLF001 - no public way to it
                return int(client.hlen(key + store.config.project.encode()))
            with _opened(self._file(store), mode="ro") as connection:
                return sum(
                    connection.execute(f"SELECT count(*) FROM {name} WHERE entity_key = ?", (key,)).fetchone()[0]  # noqa: S608 - a name that SQLite told
                    for name in _tables(connection)
                )

    def _file(self, store: Any) -> Path:
        return self._state / str(store.config.online_store.path)

    def _configured(self) -> bool:
        return (self._state / CONFIGURATION).is_file()

    @contextlib.contextmanager
    def _store(self) -> Iterator[Any]:
        with _explained():
            store = open_repository(self._state)
            try:
                if store.config.online_store.type not in set(OnlineKind):
                    raise AccountStoreUnavailableError(Store.ONLINE, f"must be {' or '.join(OnlineKind)} for this")
                yield store
            finally:
                close_repository(store)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """A boundary: what Feast, Redis and SQLite raise has no type in common."""
    try:
        yield
    except AccountStoreUnavailableError:
        raise
    except Exception as error:
        reason = f"the online store can't be read or changed ({type(error).__name__}: {error})"
        raise AccountStoreUnavailableError(Store.ONLINE, reason) from error


def _key(store: Any, account_id: str) -> bytes:
    return EntityKeys(store.config.entity_key_serialization_version).key(account_id)


@contextlib.contextmanager
def _opened(path: Path, *, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
        yield connection


def _tables(connection: sqlite3.Connection) -> list[str]:
    """Tables with entity keys, those of views that no release declares any more among them."""
    found = connection.execute(
        "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c"
        " WHERE m.type = 'table' AND c.name = 'entity_key'"
    )
    return [f'"{name}"' for (name,) in found.fetchall()]


def _delete(path: Path, key: bytes) -> None:
    """As the event log does it (`events.sqlite_log`), in time proportional to the file."""
    with _opened(path, mode="rw") as connection:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        for name in _tables(connection):
            connection.execute(f"DELETE FROM {name} WHERE entity_key = ?", (key,))  # noqa: S608 - a name that SQLite told
        connection.execute("COMMIT")
        connection.execute("VACUUM")
        if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise AccountStoreUnavailableError(Store.ONLINE, "a reader kept the write-ahead log from being emptied")
