"""The state directory as a Feast repository: its configuration, and opening it.

    STATE/feature_store.yaml     which online store; written by `apply`, or mounted from your own configuration
    STATE/registry.db            applied definitions
    STATE/offline/current/VIEW/  published rows of each view, as Parquet files (`batch.run_directory`)
    STATE/events.db              the event log, unless it is kept elsewhere
    STATE/online.db              the online store, with SQLite

The file is Feast's own, so `feast -c STATE …` works on it, and `${VARIABLE}` in it is filled in from the environment
by Feast: that is the place for a Redis password.
"""

import os
from pathlib import Path
from typing import Any

import yaml
from feast import FeatureStore

from tidegate.features.online import CONFIGURATION, OnlineChoice, OnlineKind

PROJECT = "tidegate"
"""Feast project: part of every online key, so changing it orphans what is stored."""

_WRITER_TIMEOUT_MS = 10_000
"""Materialisation sends thousands of rows in one pipeline; a read's timeout would cut it off."""


class RepositoryMissingError(Exception):
    """The state directory holds no feature repository."""

    def __init__(self, state: Path) -> None:
        super().__init__(f"no {CONFIGURATION} in {state}: apply the definitions first")


def configuration(online: OnlineChoice) -> dict[str, Any]:
    """The content of `feature_store.yaml`. Paths in it are relative to the state directory."""
    stores: dict[OnlineKind, dict[str, Any]] = {
        OnlineKind.SQLITE: {"type": "sqlite", "path": "online.db"},
        OnlineKind.REDIS: {"type": "redis", "connection_string": online.connection_string()},
    }
    return {
        "project": PROJECT,
        "provider": "local",
        "registry": {"registry_type": "file", "path": "registry.db", "cache_ttl_seconds": 0},
        "online_store": stores[online.kind],
        "offline_store": {"type": "file"},
        "entity_key_serialization_version": 3,
    }


def write_configuration(state: Path, online: OnlineChoice) -> None:
    """Makes `state` a repository, or changes its online store. Only the owner may read the file."""
    state.mkdir(parents=True, exist_ok=True)
    draft = state / f".{CONFIGURATION}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(yaml.safe_dump(configuration(online), sort_keys=False))
    draft.replace(state / CONFIGURATION)


def open_repository(state: Path, *, redis_timeout_ms: int = _WRITER_TIMEOUT_MS) -> FeatureStore:
    """The repository in `state`. Reads its configuration; connects to nothing yet.

    Args:
        state: The state directory.
        redis_timeout_ms: Socket timeout, to connect and for each answer, unless the configuration sets its own.

    Raises:
        RepositoryMissingError: There is no configuration.
    """
    if not (state / CONFIGURATION).is_file():
        raise RepositoryMissingError(state)
    store = FeatureStore(repo_path=str(state.resolve()))
    online = store.config.online_store
    if online.type == OnlineKind.REDIS:
        online.connection_string = _with_timeouts(online.connection_string, redis_timeout_ms)
    return store


def close_repository(store: FeatureStore) -> None:
    """Closes the connection to the online store, if one was opened. Feast 0.67's own `close` leaves it open."""
    online: Any = store.provider.online_store
    for name in ("_conn", "_client"):  # of Feast's SQLite and Redis stores
        connection = getattr(online, name, None)
        if connection is not None:
            connection.close()


def _with_timeouts(connection_string: str, timeout_ms: int) -> str:
    for name in ("socket_timeout", "socket_connect_timeout"):
        if f",{name}=" not in connection_string:
            connection_string += f",{name}={timeout_ms / 1000}"
    return connection_string
