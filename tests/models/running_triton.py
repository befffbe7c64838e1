"""A real Triton for tests: prepared once in `build/`, started on a free port, its state changes kept."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.models.runtime.backoff import Backoff
from tidegate.models.runtime.command import TritonSettings
from tidegate.models.runtime.preparation import Prepared, Workplace, prepare
from tidegate.models.runtime.server import Readiness, StateChange, TritonServer
from tidegate.models.serving_profile import ProfileName

ROOT = Path(__file__).resolve().parents[2]
PLACE = Workplace(ROOT)


@dataclass
class RunningTriton:
    """A server that is ready."""

    server: TritonServer
    metrics_port: int
    """Of Prometheus metrics, at `/metrics`."""
    changes: list[StateChange] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


def prepared() -> Prepared:
    """Environment, graphs and repository; quick where they are in place."""
    return prepare(PLACE, ProfileName.CPU, report=lambda _: None)


@contextmanager
def running(work: Path, *, otlp_http_url: str | None = None, repository: Path | None = None) -> Iterator[RunningTriton]:
    """Starts a server, waits until its models are ready, and stops it."""
    ready = prepared()
    settings = TritonSettings(
        repository=repository or ready.repository.root,
        work=work,
        grpc_port=free_port(),
        metrics_port=free_port(),
        otlp_http_url=otlp_http_url,
    )
    assert settings.metrics_port is not None
    changes: list[StateChange] = []
    server = TritonServer(
        settings,
        ready.installation,
        Readiness(ready.repository.models),
        on_change=changes.append,
        log=work / "triton.log",
        backoff=Backoff(first_s=0.1, longest_s=0.5),
    )
    server.start()
    try:
        assert server.wait_ready(60), [change.detail for change in changes]
        yield RunningTriton(server, settings.metrics_port, changes)
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
