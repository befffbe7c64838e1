"""Triton's arguments ↔ those that `tidegate up` starts it with: what was measured is what runs."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from k8s.check.findings import Finding
from k8s.check.rendering import Rendered
from tidegate.models.runtime.command import TritonSettings, server_command
from tidegate.models.runtime.installation import TritonInstallation

CHECK = "triton"
_OF_PLACE = {"model-repository", "backend-directory", "grpc-address", "http-address", "metrics-address"}
"""Differ by where it runs."""
_OF_A_CLUSTER = {"grpc-max-connection-age", "grpc-max-connection-age-grace"}
"""Only where there are several servers: clients look for new ones when a connection ends."""


def triton_findings(rendered: Rendered) -> Iterator[Finding]:
    """Arguments that only one of the two has."""
    for deployment in rendered.of("Deployment"):
        for pod in deployment.pods():
            found = [str(each) for each in pod.main().document.get("args") or ()]
            if any(each.startswith("--model-repository=") for each in found):
                wanted = expected(python=any("backend-config=python" in each for each in found))
                where = f"{pod.main().path}.args"
                for each in sorted(_told(found) ^ set(wanted)):
                    problem = f"{each} is in one of the two only: here, or tidegate.models.runtime.command"
                    yield Finding(CHECK, rendered.name, deployment.title, where, problem, " ".join(wanted))


def expected(*, python: bool) -> list[str]:
    """Our own arguments, without those of the place; `python` for the backend that the CPU profile uses."""
    settings = TritonSettings(
        repository=Path("/repository"), work=Path("/work"), grpc_port=8001, http_port=8000, metrics_port=8002
    )
    with tempfile.TemporaryDirectory() as work:
        command = server_command(replace(settings, work=Path(work)), _NotInstalled(Path(work)), parent=0)
    ours = [each for each in command if each.startswith("--") and "shm-region-prefix-name" not in each]
    return sorted(each for each in _told(ours) if python or "backend-config=python" not in each)


def _told(arguments: list[str]) -> set[str]:
    return {each for each in arguments if each.removeprefix("--").partition("=")[0] not in _OF_PLACE | _OF_A_CLUSTER}


class _NotInstalled(TritonInstallation):
    """An installation that is only asked for names."""

    def assemble_backends(self, into: Path) -> Path:
        """The folder, with nothing in it."""
        return into
