"""Triton as its Deployment starts it: arguments of the manifest, environment of the Dockerfile, probes of the pod."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from k8s.check.dockerfiles import IMAGES, environment, steps
from k8s.check.objects import Container
from k8s.check.rendering import Rendered
from tests.models.running_triton import free_port, prepared
from tests.stack.running import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def container(overlay: Callable[[str], Rendered]) -> Container:
    """Of the local overlay."""
    (triton,) = overlay("local").of("Deployment")
    return next(triton.pods()).main()


@pytest.fixture
def started(container: Container, tmp_path: Path) -> Iterator[tuple[dict[int, int], "subprocess.Popen[bytes]"]]:
    """The process, and its ports here by the ports in the pod."""
    ready = prepared()
    backends = ready.installation.assemble_backends(tmp_path / "backends")
    here = {port: free_port() for port in container.ports.values()}
    moves = {
        "/repository": str(ready.repository.root),
        "/opt/tidegate/backends": str(backends),
        "/opt/tidegate/triton": str(ready.installation.venv),
        "0.0.0.0": "127.0.0.1",
        "/usr/local/lib": ready.installation.library_path.rpartition(":")[2],
    } | {f"-port={there}": f"-port={port}" for there, port in here.items()}
    dockerfile = IMAGES / "triton-cpu.Dockerfile"
    (entrypoint,) = (step.value for step in steps(dockerfile) if step.name == "ENTRYPOINT")
    command = [*json.loads(entrypoint), *container.document["args"]]
    variables = environment(dockerfile) | {"HOME": str(tmp_path)}
    with (tmp_path / "triton.log").open("wb") as log:
        process = subprocess.Popen(
            [_moved(each, moves) for each in command],
            env={name: _moved(value, moves) for name, value in variables.items()},
            stdout=log,
            stderr=log,
            cwd=tmp_path,
        )
    try:
        yield here, process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_probes_tell_a_starting_server_from_a_ready_one(
    container: Container, started: tuple[dict[int, int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    ports, process = started
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    assert not _passes(container, "readinessProbe", ports), "no model can be loaded yet"
    ready = eventually(
        lambda: process.poll() is not None or all(_passes(container, each, ports) for each in probes), timeout_s=150
    )
    said = (tmp_path / "triton.log").read_text()
    assert ready, said
    assert process.poll() is None, said
    # What the ScaledObject of component autoscaling divides. That port may open a moment after the probes pass.
    wanted = {b"nv_inference_queue_duration_us", b"nv_inference_compute_infer_duration_us"}
    assert eventually(lambda: all(each in _metrics(ports[container.ports["metrics"]]) for each in wanted), timeout_s=30)

    process.terminate()
    assert eventually(lambda: not _passes(container, "readinessProbe", ports), timeout_s=30)
    assert process.wait(30) == 0, "it ends by itself within the grace that the pod gives"


def _metrics(port: int) -> bytes:
    try:
        read: bytes = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read()
    except OSError:
        return b""
    return read


def _moved(text: str, moves: dict[str, str]) -> str:
    for before, after in moves.items():
        text = text.replace(before, after)
    return text


def _passes(container: Container, probe: str, ports: dict[int, int]) -> bool:
    get: dict[str, Any] = container.document[probe]["httpGet"]
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{ports[container.ports[get['port']]]}{get['path']}", timeout=5
        ) as answer:
            return bool(200 <= answer.status < 400)
    except OSError:
        return False
