"""The online store as Feast keeps it, behind `OnlineWriter`: rows of signals in, newest wins.

Rows become Feast's bytes by column and go into its stores by their own commands; keys and encoding stay Feast's, and
Feast reads what was written. Its own ways make a message per value and a call per row, `push` and
`write_to_online_store` a pandas frame as well: in Redis 0.5 ms a row and more, where a batch run writes millions.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import redis
from feast import FeatureStore, FeatureView
from feast.errors import FeastError
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tidegate.features.feast_redis import RedisRows
from tidegate.features.feast_rows import ViewRows
from tidegate.features.feast_sqlite import SqliteRows
from tidegate.features.feature import Service, View
from tidegate.features.online import OnlineKind
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.repository import RepositoryMissingError, close_repository, open_repository

CHUNK = 500
"""Accounts in one transaction or pipeline: bounds how long another writer waits (0.1 to 0.2 s)."""
TIMEOUT_MS = 2_000
"""Redis's socket timeout. A chunk takes it tens of milliseconds."""


class StoredRows(Protocol):
    """What differs between online stores."""

    def prepared(self, parts: Sequence[ViewRows]) -> Callable[[], None]:
        """What writes the rows that are not older than what is stored, and no others, whoever else writes.

        Encoding is done by then, so that it can go on while the store is busy with rows of before.
        """
        ...

    def delete(self, views: Sequence[FeatureView], account_ids: Sequence[str]) -> int:
        """Deletes all that is stored of these accounts; how many had anything."""
        ...


@dataclass(frozen=True, slots=True)
class _Session:
    store: FeatureStore
    views: dict[str, FeatureView]
    rows: StoredRows
    file: Path | None
    file_id: tuple[int, int] | None


class FeastOnlineWriter:
    """`OnlineWriter` over the repository in a state directory. Opens on first use and again after failures."""

    def __init__(self, state: Path, *, service: Service = ACCOUNT_SIGNALS_V2, redis_timeout_ms: int = TIMEOUT_MS):
        """Remembers where to write.

        Args:
            state: Directory with `feature_store.yaml`.
            service: Whose views may be written.
            redis_timeout_ms: Socket timeout, to connect and for each answer.
        """
        self._state = state
        self._service = service
        self._redis_timeout_ms = redis_timeout_ms
        self._session: _Session | None = None
        self._lock = threading.Lock()

    def write(self, view: View, rows: pa.Table, *, progress: Callable[[int], None] | None = None) -> None:
        """See `OnlineWriter.write`."""
        for written in self._written({view: rows}):
            if progress:
                progress(written)

    def write_views(self, rows: Mapping[View, pa.Table]) -> None:
        """See `OnlineWriter.write_views`."""
        for _ in self._written(rows):
            pass

    def _written(self, rows: Mapping[View, pa.Table]) -> Iterator[int]:
        """Writes chunk by chunk, and yields how many rows of the largest view are written."""
        longest = max((table.num_rows for table in rows.values()), default=0)
        if longest <= CHUNK:
            if longest:
                with self._opened() as session:
                    _prepared(session, rows, 0)()
                yield longest
            return
        with ThreadPoolExecutor(1, thread_name_prefix="features-online-encode") as ahead:
            encoding: tuple[_Session, Future[Callable[[], None]]] | None = None
            for start in range(0, longest, CHUNK):
                with self._opened() as session:
                    if encoding is None or encoding[0] is not session:  # at first, and where the store was replaced
                        encoding = session, ahead.submit(_prepared, session, rows, start)
                    write = encoding[1].result()
                    encoding = session, ahead.submit(_prepared, session, rows, start + CHUNK)
                    write()
                yield min(start + CHUNK, longest)

    def delete(self, account_ids: Sequence[str]) -> int:
        """See `OnlineWriter.delete`.

        Raises:
            OnlineStoreUnavailableError: Some may still be there; deleting again is safe.
        """
        deleted = 0
        for start in range(0, len(account_ids), CHUNK):
            with self._opened() as session:
                deleted += session.rows.delete([*session.views.values()], account_ids[start : start + CHUNK])
        return deleted

    def close(self) -> None:
        """See `OnlineWriter.close`."""
        with self._lock:
            self._forget()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[_Session]:
        with self._lock:
            try:
                if self._session is not None and _file_id(self._session.file) != self._session.file_id:
                    self._forget()  # the file was replaced: what is written to the old one nobody reads
                if self._session is None:
                    self._session = _open(self._state, self._service, self._redis_timeout_ms)
                yield self._session
            except (OSError, FeastError, RedisError, sqlite3.Error, RepositoryMissingError) as error:
                self._forget()
                raise OnlineStoreUnavailableError(type(error).__name__) from error

    def _forget(self) -> None:
        if self._session is not None:
            with contextlib.suppress(Exception):  # what is broken may not close; it is dropped either way
                close_repository(self._session.store)
            self._session = None


def _prepared(session: _Session, rows: Mapping[View, pa.Table], start: int) -> Callable[[], None]:
    chunk = {view: table.slice(start, CHUNK) for view, table in rows.items() if table.num_rows > start}
    return session.rows.prepared([ViewRows(view, session.views[view.name], each) for view, each in chunk.items()])


def _open(state: Path, service: Service, redis_timeout_ms: int) -> _Session:
    store = open_repository(state, redis_timeout_ms=redis_timeout_ms)
    online = store.config.online_store
    file = state.resolve() / online.path if online.type == OnlineKind.SQLITE else None
    # Taken before connecting, as SQLite creates a missing file: an empty store in place of an outage.
    file_id = _file_id(file)
    views = {view.name: store.get_feature_view(view.name) for view in service.views}
    rows: StoredRows = SqliteRows(store) if file else RedisRows(store, client=_client(store))
    return _Session(store=store, views=views, rows=rows, file=file, file_id=file_id)


def _file_id(file: Path | None) -> tuple[int, int] | None:
    if file is None:
        return None
    facts = file.stat()
    return facts.st_dev, facts.st_ino


def _client(store: FeatureStore) -> "redis.Redis":
    online: Any = store.provider.online_store
    client: redis.Redis = online._get_client(store.config.online_store)  # noqa: SLF001 - Feast has no public way to it
    # redis-py's default is three retries with seconds of backoff. Whoever writes here has a backoff of its own.
    client.set_retry(Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)))
    return client
