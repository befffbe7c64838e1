"""Filled state directories: one per test, a copy of one that no test changes, and one on a Redis of the test's own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.deployment import Deployment, filled
from tests.enrichment.conftest import RedisServer
from tidegate.features.online import OnlineChoice, OnlineKind


@pytest.fixture(scope="session")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Filled, on SQLite; no test changes it."""
    return filled(tmp_path_factory.mktemp("accounts") / "state", OnlineChoice())


@pytest.fixture
def deployment(untouched: Deployment, tmp_path: Path) -> Deployment:
    """A copy of it."""
    return untouched.copied(tmp_path / "state")


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


@pytest.fixture
def on_redis(redis_server: RedisServer, tmp_path: Path) -> Deployment:
    """Filled, on the test's own Redis."""
    return filled(tmp_path / "state", OnlineChoice(OnlineKind.REDIS, redis_server.address))
