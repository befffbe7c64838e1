"""Real online stores for the lookup's tests: a seeded SQLite repository, and a Redis server of the test's own."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.enrichment.stored_accounts import fill
from tidegate.features.online import OnlineChoice

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """When the stores were seeded, as the seeding saw it."""
    return NOW


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded SQLite repository that no test changes."""
    state = tmp_path_factory.mktemp("seeded")
    fill(state, OnlineChoice(), now=NOW)
    return state


@pytest.fixture
def sqlite_state(seeded: Path, tmp_path: Path) -> Path:
    """A copy of the seeded repository for one test to break."""
    # A reader of the original may hold its write-ahead log open, which holds nothing since the seeding has closed.
    return shutil.copytree(seeded, tmp_path / "state", ignore=shutil.ignore_patterns("*-wal", "*-shm"))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """One redis-server process without persistence, on a free port that it keeps over restarts."""

    def __init__(self, *options: str) -> None:
        self._options = options
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += self._options
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        with Redis(port=self.port) as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    break
                try:
                    client.ping()
                except RedisConnectionError:
                    time.sleep(0.05)
                else:
                    return
        self.kill()
        pytest.fail(f"redis-server did not start with {' '.join(command[1:])}")

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


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
