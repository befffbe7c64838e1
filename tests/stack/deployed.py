"""A Ray cluster as a pod has it, for `serve deploy`: `ray start --block` with the arguments that KubeRay gives."""

import contextlib
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from tidegate.serving.ray_environment import embedded
from tidegate.serving.stack.ports import LOOPBACK, free_ports, free_range
from tidegate.serving.stack.warden import left_behind

BIN = Path(sys.executable).parent
_DRAINING_S = 2.0


@dataclass
class DeployedRay:
    """One node, head and worker in one, with its own home, token and ports."""

    directory: Path
    """Short: Unix sockets allow about 100 characters."""
    start_params: dict[str, str]
    """`ray start`'s, of a manifest."""
    token: str = field(default_factory=lambda: secrets.token_hex(32))

    def __post_init__(self) -> None:
        self.gcs, self.dashboard, self.agent, self._metrics, self._haproxy, self._statistics, *fallback = free_ports(8)
        ranges = free_range(40)
        self._workers = free_range(200)
        (self.directory / "home").mkdir(parents=True)
        (self.directory / "haproxy").mkdir()
        self.environment = {
            **os.environ,
            **embedded(
                self.directory / "haproxy",
                metrics_port=self._haproxy,
                stats_port=self._statistics,
                grpc_ports=ranges[:20],
                http_ports=ranges[20:],
                fallback_ports=(fallback[0], fallback[1]),
                draining_s=_DRAINING_S,
            ),
            # As KubeRay gives them to a pod (authOptions).
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": self.token,
            "HOME": str(self.directory / "home"),
            "RAY_ADDRESS": f"{LOOPBACK}:{self.gcs}",
        }

    def __enter__(self) -> "DeployedRay":
        """Starts it; returns at once."""
        here = {
            "port": str(self.gcs),
            "dashboard-host": LOOPBACK,
            "dashboard-port": str(self.dashboard),
            "dashboard-agent-listen-port": str(self.agent),
            "metrics-export-port": str(self._metrics),
            "ray-client-server-port": str(free_ports(1)[0]),
            "node-manager-port": "0",
            "object-manager-port": "0",
            "runtime-env-agent-port": str(free_ports(1)[0]),
            "dashboard-agent-grpc-port": "0",
            "min-worker-port": str(self._workers.start),
            "max-worker-port": str(self._workers.stop - 1),
            "temp-dir": str(self.directory / "ray"),
        }
        arguments = [f"--{name}={value}" for name, value in (self.start_params | here).items()]
        self.log = self.directory / "ray.log"
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(BIN / "ray"), "start", "--head", "--block", *arguments],
                env={name: value for name, value in self.environment.items() if name != "RAY_ADDRESS"},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it, and what it leaves behind: only processes that carry this cluster's mark."""
        family = self.processes()
        self._process.terminate()
        psutil.wait_procs(family, timeout=10)
        for each in [*family, *left_behind(str(self.directory / "haproxy"), self._process.pid)]:
            with contextlib.suppress(psutil.Error):
                each.kill()
        self._process.wait(10)

    def processes(self) -> list[psutil.Process]:
        """All of the node's."""
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)] if own.is_running() else []

    def logs_of(self, deployment: str) -> list[str]:
        """What each of its replicas has written, those that are gone included."""
        files = (self.directory / "ray").glob(f"session_*/logs/serve/replica_*_{deployment}_*.log")
        return [each.read_text() for each in {file.resolve() for file in files}]

    def run(self, *command: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """A command of this environment's, as somebody in the pod would call it."""
        return subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            check=False,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=timeout_s,
        )
