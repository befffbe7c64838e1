"""An empty store of each kind, a Redis of the test's own, and a processor over an event log of the test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.enrichment.conftest import RedisServer
from tests.features.stream.account_events import NOW, Clock
from tests.features.stream.keeping_writer import KeepingWriter
from tests.features.stream.online_stores import Store, applied
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.repository import write_configuration
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream.processor import SignalProcessor


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A running Redis, empty."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (apt-get install redis-server)")
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def applied_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite repository that no test changes: applying takes a second."""
    return applied(tmp_path_factory.mktemp("applied"), OnlineChoice())


@pytest.fixture
def sqlite_state(applied_sqlite: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return shutil.copytree(applied_sqlite, tmp_path / "features", ignore=shutil.ignore_patterns("*-wal", "*-shm"))


@pytest.fixture
def redis_state(redis_server: RedisServer, sqlite_state: Path) -> Path:
    """The same on the test's own Redis."""
    write_configuration(sqlite_state, OnlineChoice(OnlineKind.REDIS, redis_server.address))
    return sqlite_state


@pytest.fixture(params=["sqlite", "redis"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store, of each kind in turn."""
    opened = Store(request.getfixturevalue(f"{request.param}_state"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteEventLog]:
    opened = SqliteEventLog(tmp_path / "events.db")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def writer() -> KeepingWriter:
    return KeepingWriter()


@pytest.fixture
def processor(log: SqliteEventLog, writer: KeepingWriter, clock: Clock) -> SignalProcessor:
    return SignalProcessor(log, writer, NoRiskModel(), clock=clock)
