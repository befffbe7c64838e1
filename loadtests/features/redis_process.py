"""A Redis of a measurement's own, without persistence."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

_STARTS_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class RedisProcess:
    """Where it is."""

    port: int
    """On 127.0.0.1."""

    @property
    def address(self) -> str:
        """As `--redis` takes it."""
        return f"127.0.0.1:{self.port}"

    def used_memory(self) -> int:
        """Bytes that its data takes."""
        with Redis(port=self.port) as client:
            return int(client.info("memory")["used_memory"])


@contextmanager
def redis_process() -> Iterator[RedisProcess]:
    """Starts it for the block."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield RedisProcess(port)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    with Redis(port=port) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                client.ping()
            except RedisConnectionError:
                time.sleep(0.05)
            else:
                return
    raise RuntimeError(f"redis-server did not start on port {port}")
