"""The server's command line: every port, limit and trace setting explicit, nothing left to a default of the server."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tidegate.models.runtime import bound
from tidegate.models.runtime.installation import TritonInstallation


@dataclass(frozen=True, slots=True)
class TritonSettings:
    """How one server runs."""

    repository: Path
    """Model repository made by `repository.write_repository`."""
    work: Path
    """Folder for the assembled backends."""
    grpc_port: int
    """Port of KServe v2 gRPC."""
    metrics_port: int | None = None
    """Port of Prometheus metrics; None switches them off."""
    http_port: int | None = None
    """Port of KServe v2 HTTP; None switches it off."""
    host: str = "127.0.0.1"
    """Address to bind to."""
    otlp_http_url: str | None = None
    """Where spans go, like `http://127.0.0.1:4318/v1/traces`; None switches tracing off."""
    niceness: int = 0
    """On top of this process's: with more, others on the machine go first."""
    exit_timeout_s: int = 10
    """How long requests in flight may take to finish on a stop."""

    @property
    def shared_memory_prefix(self) -> str:
        """Begins the name of each shared memory region: whose it is, so that what a killed one left can be removed."""
        return f"tidegate_{os.getpid()}_{self.grpc_port}_"


def server_command(settings: TritonSettings, installation: TritonInstallation, *, parent: int) -> list[str]:
    """Returns the arguments that start the server bound to the life of `parent`."""
    backends = installation.assemble_backends(settings.work / "backends")
    return [
        *(sys.executable, "-I", str(Path(bound.__file__).resolve()), str(parent), str(installation.server)),
        f"--model-repository={settings.repository}",
        f"--backend-directory={backends}",
        "--model-control-mode=none",
        "--disable-auto-complete-config",
        "--strict-readiness=true",
        "--exit-on-error=true",
        f"--exit-timeout-secs={settings.exit_timeout_s}",
        "--allow-grpc=true",
        f"--grpc-address={settings.host}",
        f"--grpc-port={settings.grpc_port}",
        *_http(settings),
        *_metrics(settings),
        *_tracing(settings),
        f"--backend-config=python,shm-region-prefix-name={settings.shared_memory_prefix}",
        "--backend-config=python,shm-default-byte-size=1048576",
        "--backend-config=python,stub-timeout-seconds=60",
        "--log-verbose=0",
    ]


def server_environment(installation: TritonInstallation) -> dict[str, str]:
    """Returns the server's whole environment: nothing of ours leaks into it."""
    return {
        "PATH": f"{installation.venv / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "LD_LIBRARY_PATH": installation.library_path,
        "PYTHONPATH": str(installation.site_packages),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
    }


def _http(settings: TritonSettings) -> list[str]:
    if settings.http_port is None:
        return ["--allow-http=false"]
    return ["--allow-http=true", f"--http-address={settings.host}", f"--http-port={settings.http_port}"]


def _metrics(settings: TritonSettings) -> list[str]:
    if settings.metrics_port is None:
        return ["--allow-metrics=false"]
    return [
        "--allow-metrics=true",
        f"--metrics-address={settings.host}",
        f"--metrics-port={settings.metrics_port}",
    ]


def _tracing(settings: TritonSettings) -> list[str]:
    """Traces just the requests that carry a `traceparent`: rate 0 samples no other, count -1 sets no limit."""
    if settings.otlp_http_url is None:
        return []
    return [
        "--trace-config=mode=opentelemetry",
        "--trace-config=rate=0",
        "--trace-config=count=-1",
        "--trace-config=level=TIMESTAMPS",
        f"--trace-config=opentelemetry,url={settings.otlp_http_url}",
        "--trace-config=opentelemetry,resource=service.name=tidegate-triton",
        "--trace-config=opentelemetry,bsp_schedule_delay=500",
    ]
