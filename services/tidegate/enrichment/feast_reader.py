"""Blocking reads of Feast's online store: account ids in, stored rows with their event times out.

Feast owns definitions, keys and encoding, and its clients hold the connections; what is read and decoded here is what
its own `get_online_features` answers (tests hold the two equal), with event times in full and in one statement.
"""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from feast import FeatureStore
from feast.infra.online_stores.redis import RedisType
from redis.asyncio import Redis as AsyncRedis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from tidegate.enrichment.freshness import StoredRow
from tidegate.enrichment.provider_rows import ProviderRows
from tidegate.enrichment.redis_rows import RedisRows
from tidegate.enrichment.row_source import AppliedView, RowSource
from tidegate.enrichment.sqlite_rows import SqliteRows
from tidegate.features.feature import Service
from tidegate.features.online import OnlineKind
from tidegate.features.refs import ACCOUNT_SIGNALS_V2
from tidegate.features.repository import close_repository, open_repository


class OnlineStoreMissingError(Exception):
    """The SQLite online store's file is not there."""


class DefinitionsMissingError(Exception):
    """The registry lacks features that this release reads: its definitions were not applied."""


@dataclass(frozen=True, slots=True)
class _Session:
    """An open repository."""

    store: FeatureStore
    """Holds the connection to the online store."""
    rows: RowSource
    """Reads it."""
    database: Path | None
    """The online store's file, with SQLite."""
    file_id: tuple[int, int] | None
    """Device and inode of that file when it was opened."""


class FeastReader:
    """Reads rows of a feature service. Safe to call from several threads; opens on first use, reopens after failures.

    A Redis that is gone or paused costs a call at most two socket timeouts; the client connects again by itself.
    """

    def __init__(self, state: Path, *, service: Service = ACCOUNT_SIGNALS_V2, redis_timeout_ms: int = 250) -> None:
        """Remembers where to read.

        Args:
            state: Directory with `feature_store.yaml`.
            service: What to read.
            redis_timeout_ms: Socket timeout: how long a paused Redis can hold a thread, twice at most.
        """
        self._state = state
        self._service = service
        self._redis_timeout_ms = redis_timeout_ms
        self._session: _Session | None = None
        self._opening = threading.Lock()
        self._sqlite = threading.Lock()

    def read(self, account_ids: Sequence[str]) -> list[tuple[StoredRow, ...]]:
        """One tuple per account, in order, with one row per view of the service.

        Raises:
            TimeoutError: Redis did not answer within the socket timeout.
            Exception: Whatever else Feast and the store's driver raise when the store can't be read.
        """
        session = self._open()
        try:
            return session.rows.read(account_ids)
        except RedisTimeoutError as error:
            raise TimeoutError from error
        except Exception:
            # A connection to a file that was corrupt stays corrupt. Redis's client heals by itself.
            if session.database:
                self._forget(session)
            raise

    def redis(self) -> "tuple[AsyncRedis, RedisRows] | None":
        """For reads on the event loop: an asyncio client of a single Redis, and what to ask it. None for other stores.

        Raises:
            Exception: As `read`.
        """
        session = self._open()
        online = session.store.config.online_store
        if not isinstance(session.rows, RedisRows) or online.redis_type != RedisType.redis:
            return None
        # Feast's function awaits nothing.
        client: AsyncRedis = asyncio.run(_online(session.store)._get_client_async(online))  # noqa: SLF001 - as below
        return client, session.rows

    def close(self) -> None:
        """Closes connections. A later read opens them again."""
        session = self._session
        if session is not None:
            self._forget(session)

    def _open(self) -> _Session:
        with self._opening:
            session = self._session
            if session is not None and session.database is not None and _file_id(session.database) != session.file_id:
                self._forget(session)
                session = None
            if session is None:
                session = self._opened()
                self._session = session
            return session

    def _opened(self) -> _Session:
        store = open_repository(self._state, redis_timeout_ms=self._redis_timeout_ms)
        try:
            return self._connected(store)
        except BaseException:
            close_repository(store)
            raise

    def _connected(self, store: FeatureStore) -> _Session:
        config, views = store.config, _applied_views(store, self._service)
        if config.online_store.type == OnlineKind.REDIS:
            rows: RowSource = RedisRows(_impatient_client(store), config, views)
            return _Session(store=store, rows=rows, database=None, file_id=None)
        if config.online_store.type == OnlineKind.SQLITE:
            database = self._state.resolve() / config.online_store.path
            # Taken before connecting, as SQLite creates a missing file: an empty store in place of an outage.
            file_id = _file_id(database)
            connection = _online(store)._get_conn(config)  # noqa: SLF001 - Feast has no public way to it
            rows = SqliteRows(connection, config, views, lock=self._sqlite)
            return _Session(store=store, rows=rows, database=database, file_id=file_id)
        return _Session(store=store, rows=ProviderRows(store, views), database=None, file_id=None)

    def _forget(self, session: _Session) -> None:
        with self._sqlite:
            if self._session is session:
                self._session = None
            close_repository(session.store)


def _applied_views(store: FeatureStore, service: Service) -> tuple[AppliedView, ...]:
    applied = {
        projection.name: {field.name for field in projection.features}
        for projection in store.get_feature_service(service.name).feature_view_projections
    }
    for view in service.views:
        lacking = {feature.name for feature in view.stored()} - applied.get(view.name, set())
        if lacking:
            raise DefinitionsMissingError(f"{view.name} was applied without {', '.join(sorted(lacking))}")
    return tuple(AppliedView(view, store.get_feature_view(view.name)) for view in service.views)


def _file_id(database: Path) -> tuple[int, int]:
    try:
        facts = database.stat()
    except FileNotFoundError as error:
        raise OnlineStoreMissingError(f"{database.name} is not in the state directory") from error
    return facts.st_dev, facts.st_ino


def _impatient_client(store: FeatureStore) -> Any:  # redis-py's, for one server, a cluster or behind sentinels
    # redis-py's default is three retries with seconds of backoff, and Feast's connection string can't say otherwise.
    # One retry without a pause is for connections that a restarted Redis has closed.
    client = _online(store)._get_client(store.config.online_store)  # noqa: SLF001 - Feast has no public way to it
    client.set_retry(Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)))
    return client


def _online(store: FeatureStore) -> Any:  # its class depends on the configuration
    return store.provider.online_store
