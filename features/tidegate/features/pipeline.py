"""What fills a feature repository: apply the definitions, generate demo history, materialise history online."""

import contextlib
import io
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feast import FeatureStore

from tidegate.features.generator import generate
from tidegate.features.history import write_history
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.refs import ACCOUNT_SIGNALS_V2, Service
from tidegate.features.repository import close_repository, configuration, open_repository, write_configuration
from tidegate.features.services import definitions

Progress = Callable[[str], None]

_START = datetime(2000, 1, 1, tzinfo=UTC)


def apply(state: Path, online: OnlineChoice, *, progress: Progress, service: Service = ACCOUNT_SIGNALS_V2) -> None:
    """Makes `state` a repository with this online store and registers the definitions. Repeating it is harmless."""
    started = time.monotonic()
    write_configuration(state, online)
    with _opened(state) as store, contextlib.redirect_stdout(io.StringIO()):
        store.apply(list(definitions(service)))
    if online.kind is OnlineKind.SQLITE:
        _let_readers_through(state / configuration(online)["online_store"]["path"])
    views = ", ".join(view.name for view in service.views)
    progress(f"applied {service.name} ({views}) for {online.kind}{_took(started)}")


def seed(  # noqa: D417 - state, online and progress as in `apply`
    state: Path, online: OnlineChoice, *, count: int, random_seed: int, now: datetime, progress: Progress
) -> None:
    """Writes generated demo accounts as history, applies the definitions and materialises.

    Args:
        count: Accounts beside the named ones.
        random_seed: Same seed and `now`, same accounts.
        now: What event times are relative to.
    """
    started = time.monotonic()
    rows = generate(count, seed=random_seed, now=now)
    for view in ACCOUNT_SIGNALS_V2.views:
        write_history(state, view, rows[view.name])
        progress(f"{view.name}: {rows[view.name].num_rows:,} rows of history{_took(started)}")
    apply(state, online, progress=progress)
    materialize(state, until=now, progress=progress)


def materialize(state: Path, *, until: datetime, progress: Progress, service: Service = ACCOUNT_SIGNALS_V2) -> None:
    """Writes the newest row per account, up to and including `until`, to the online store, with its own event time."""
    with _opened(state) as store:
        for view in service.views:
            started = time.monotonic()
            progress(f"{view.name}: materialising …")
            # Feast prints coloured lines of its own; its progress bars go to standard error.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                store.materialize(_START, until + timedelta(microseconds=1), feature_views=[view.name])
            progress(f"{view.name}: online{_took(started)}")


@contextlib.contextmanager
def _opened(state: Path) -> Iterator[FeatureStore]:
    store = open_repository(state)
    try:
        yield store
    finally:
        close_repository(store)


def _let_readers_through(database: Path) -> None:
    """Write-ahead logging, so that a materialisation does not lock lookups out. The file remembers it."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _took(started: float) -> str:
    return f" ({time.monotonic() - started:.1f} s)"
