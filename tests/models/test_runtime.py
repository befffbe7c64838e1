"""The parts of the runtime that need no server."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.models.running_triton import PLACE
from tidegate.models.runtime import bound
from tidegate.models.runtime.backoff import Backoff
from tidegate.models.runtime.command import TritonSettings, server_command, server_environment
from tidegate.models.runtime.installation import TritonInstallation, TritonUnavailableError
from tidegate.models.runtime.server import remove_shared_memory


def test_waits_grow_to_a_cap_and_are_jittered() -> None:
    backoff, chance = Backoff(first_s=1.0, longest_s=8.0), random.Random(3)
    waits = [backoff.wait_s(failures, chance) for failures in range(1, 40)]
    assert 0.5 <= waits[0] <= 1.0
    assert all(4.0 <= wait <= 8.0 for wait in waits[4:])
    assert len(set(waits)) > 30


def command(tmp_path: Path, **changes: object) -> list[str]:
    settings = TritonSettings(repository=tmp_path, work=tmp_path, grpc_port=18001, **changes)  # type: ignore[arg-type]  # test table
    return server_command(settings, TritonInstallation(PLACE.venv), parent=1)


def test_only_asked_for_endpoints_are_opened_and_only_on_loopback(tmp_path: Path) -> None:
    line = command(tmp_path)
    assert "--allow-http=false" in line
    assert "--allow-metrics=false" in line
    assert "--grpc-address=127.0.0.1" in line
    assert not any(part.startswith("--trace-config") for part in line)


def test_tracing_samples_nothing_of_its_own(tmp_path: Path) -> None:
    line = command(tmp_path, otlp_http_url="http://127.0.0.1:1/v1/traces")
    assert {"--trace-config=rate=0", "--trace-config=count=-1", "--trace-config=mode=opentelemetry"} <= set(line)


def test_nothing_of_our_environment_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "x")
    assert "SECRET_OF_OURS" not in server_environment(TritonInstallation(PLACE.venv))


def installation(tmp_path: Path, *packages: str) -> TritonInstallation:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for package in packages:
        (site / f"{package}.dist-info").mkdir(parents=True)
    return TritonInstallation(tmp_path)


def test_an_environment_with_numpy_2_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TritonUnavailableError, match="numpy < 2"):
        installation(tmp_path, "nvidia_pytriton-0.7.0", "numpy-2.1.0").verify()


def test_an_environment_without_triton_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TritonUnavailableError, match="nvidia-pytriton"):
        installation(tmp_path, "numpy-1.26.4").verify()


def test_a_bound_process_dies_with_its_parent(tmp_path: Path) -> None:
    """Even where the parent is killed and can't clean up."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import os, subprocess, sys, time\n"
                f"p = subprocess.Popen([sys.executable, '-I', {bound.__file__!r},"
                " str(os.getpid()), '/bin/sleep', '60'])\n"
                "time.sleep(0.5); print(p.pid, flush=True); time.sleep(60)"
            ),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_shared_memory_of_a_killed_server_is_removed_and_no_other() -> None:
    """Regions carry the supervisor's pid; one whose supervisor is gone is removed by whoever comes next."""
    pid = os.getpid()
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    names = (f"tidegate_{pid}_1_x", f"tidegate_{pid}_2_x", f"tidegate_{gone.pid}_3_x")
    mine, other, orphan = (Path("/dev/shm", name) for name in names)
    for path in (mine, other, orphan):
        path.touch()
    try:
        removed = remove_shared_memory(f"tidegate_{pid}_1_")
        assert {mine.name, orphan.name} <= set(removed)
        assert other.exists()
    finally:
        other.unlink()


def test_serving_without_a_repository_fails_with_the_reason(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tidegate.models.runtime", "serve", "--repository", "nowhere"],
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "no model repository" in ended.stdout
