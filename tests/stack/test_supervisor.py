"""The supervisor alone, as far as it comes before it starts Ray: it gives up in time and stops when it is told to."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tidegate.serving.settings import Settings, load_settings
from tidegate.serving.stack.ports import free_ports

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    state = tmp_path / "state"
    state.mkdir()
    return load_settings(None, state_dir=state, grpc={"port": free_ports(1)[0]}, triton={"managed": False})


def supervisor(settings: Settings, tmp_path: Path, *, timeout_s: float) -> "subprocess.Popen[str]":
    payload, runtime = settings.state_dir / "settings.json", tmp_path / "runtime"
    payload.write_text(json.dumps(settings.payload()))
    runtime.mkdir()
    command = [sys.executable, "-m", "tidegate.serving.stack.embedded", str(payload), str(runtime), str(timeout_s)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)


def told(settings: Settings) -> tuple[str, str, dict[str, str]]:
    state = json.loads((settings.state_dir / "stack.json").read_text())
    return state["phase"], state["reason"], {part["name"]: part["state"] for part in state["parts"]}


def receiver_is_gone(settings: Settings) -> bool:
    parts = json.loads((settings.state_dir / "stack.json").read_text())["parts"]
    pid = next(part["pid"] for part in parts if part["name"] == "otlp-receiver")
    return pid is None or not psutil.pid_exists(pid)


def test_a_start_without_time_fails_and_names_what_was_late(settings: Settings, tmp_path: Path) -> None:
    process = supervisor(settings, tmp_path, timeout_s=0)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    phase, reason, parts = told(settings)
    assert phase == "FAILED"
    assert reason.startswith("otlp-receiver was not ready after 0 s")
    waiting = dict.fromkeys(("metrics", "ray", "online-store", "router", "ledger"), "WAITING")
    assert parts == {"otlp-receiver": "STARTING", **waiting}
    assert "0 s  otlp-receiver: starting" in said
    assert receiver_is_gone(settings)


def test_told_to_stop_it_starts_nothing_more(settings: Settings, tmp_path: Path) -> None:
    process = supervisor(settings, tmp_path, timeout_s=60)
    while not (settings.state_dir / "stack.json").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    phase, reason, parts = told(settings)
    assert (phase, reason) == ("STOPPING", "")
    assert parts["ray"] == "WAITING"
    assert "stopping" in said
    assert receiver_is_gone(settings)
