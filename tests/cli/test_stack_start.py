"""What is told while a stack starts, and when it does not: on a real supervisor's process with scripted states."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tidegate.cli.stack_start import StackStart, StartProgress, not_ready
from tidegate.cli.steps import Steps
from tidegate.cli.up import up
from tidegate.serving.settings import Settings
from tidegate.serving.stack.state import PartState, StackPart, StackPhase, StackState

SUPERVISOR = """
import os, sys, time
from pathlib import Path
from tidegate.serving.stack.state import PartState, StackPart, StackPhase, StackState, hold, write_state
directory = Path(sys.argv[1])
held = hold(directory)
def tell(phase, reason="", **parts):
    told = tuple(StackPart(name, PartState(state)) for name, state in parts.items())
    write_state(directory, StackState(phase, os.getpid(), "127.0.0.1:1", "distributed", told, reason))
"""


@contextmanager
def supervisor(directory: Path, script: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that holds the state directory and does what the script says."""
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR + script, str(directory)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def state(phase: StackPhase = StackPhase.STARTING, **parts: PartState) -> StackState:
    told = tuple(StackPart(name, state) for name, state in parts.items())
    return StackState(phase, 1, "127.0.0.1:1", "distributed", told)


def test_a_start_is_told_part_by_part_until_it_is_ready(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    script = """
tell(StackPhase.STARTING, triton="STARTING", ray="WAITING")
time.sleep(0.5)
tell(StackPhase.STARTING, triton="READY", ray="RESTARTING")
time.sleep(0.5)
tell(StackPhase.READY, triton="READY", ray="READY")
time.sleep(60)
"""
    with supervisor(tmp_path, script) as process:
        ready = StackStart(process, tmp_path, timeout_s=60).in_background(tmp_path / "stack.log")
        assert process.poll() is None
    assert ready.phase is StackPhase.READY
    out, told = capfd.readouterr()
    assert out == ""
    first, *lines = told.splitlines()
    assert first == f"starting the stack, for up to 60 s; log {tmp_path / 'stack.log'}"
    assert [line.split(" s  ")[1] for line in lines] == [
        "triton: starting",
        "triton: ready",
        "ray: restarting",
        "ray: ready",
    ]


def test_one_that_takes_too_long_is_stopped_and_what_was_late_is_told(tmp_path: Path) -> None:
    script = """
tell(StackPhase.STARTING, metrics="READY", triton="STARTING", ray="RESTARTING", router="WAITING")
time.sleep(60)
"""
    with supervisor(tmp_path, script) as process:
        while not (tmp_path / "stack.json").exists():
            time.sleep(0.01)
        with pytest.raises(click.ClickException) as caught:
            StackStart(process, tmp_path, timeout_s=1).in_background(tmp_path / "stack.log")
        assert process.poll() is not None
    assert "not ready after 1 s and was stopped again" in caught.value.message
    assert "not ready: triton, ray (restarting); not begun: router." in caught.value.message
    assert "`tidegate up --detach --timeout 2`" in caught.value.message
    assert f"log {tmp_path / 'stack.log'}" in caught.value.message


def test_one_that_heeds_no_signal_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.cli.stack_start.STOP_S", 0.5)
    script = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
tell(StackPhase.STARTING, ray="STARTING")
time.sleep(60)
"""
    with supervisor(tmp_path, script) as process:
        while not (tmp_path / "stack.json").exists():
            time.sleep(0.01)
        with pytest.raises(click.ClickException):
            StackStart(process, tmp_path, timeout_s=0.1).in_foreground()
        assert process.returncode == -9


@pytest.mark.parametrize("reason", ["the node timed out, it may be overloaded.", "the node timed out"])
def test_why_one_failed_ends_in_one_full_stop(tmp_path: Path, reason: str) -> None:
    with supervisor(tmp_path, f"tell(StackPhase.FAILED, {reason!r}, ray='STARTING')") as process:
        with pytest.raises(click.ClickException) as caught:
            StackStart(process, tmp_path, timeout_s=60).in_background(tmp_path / "stack.log")
        assert StackStart(process, tmp_path, timeout_s=60).in_foreground() == 0
    told = f"the stack did not start: {reason.rstrip('.')}. Log: {tmp_path / 'stack.log'}"
    assert caught.value.message == told


def test_one_that_ends_without_a_word_is_told_with_its_exit_status(tmp_path: Path) -> None:
    with supervisor(tmp_path, "sys.exit(3)") as process, pytest.raises(click.ClickException) as caught:
        StackStart(process, tmp_path, timeout_s=60).in_background(tmp_path / "stack.log")
    assert "it ended with 3" in caught.value.message


def test_what_is_waited_for_is_told_again_in_a_long_silence(capsys: pytest.CaptureFixture[str]) -> None:
    with Steps("starting") as say:
        progress = StartProgress(say)
        starting = state(triton=PartState.STARTING, ray=PartState.READY, router=PartState.WAITING)
        for took_s in range(0, 60, 5):
            progress.tell(starting, took_s)
    assert capsys.readouterr().err.splitlines() == [
        "starting",
        "   0 s  triton: starting",
        "   0 s  ray: ready",
        *(f"  {took_s} s  not ready: triton; not begun: router" for took_s in (15, 30, 45)),
    ]


def test_nothing_late_is_named_where_nothing_is_known_or_all_is_ready() -> None:
    assert not_ready(None) == "its supervisor had not begun"
    assert not_ready(state(ray=PartState.READY)) == "every part is ready"


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "nan"])
def test_a_timeout_is_a_positive_number_of_seconds(tmp_path: Path, wrong: str) -> None:
    result = CliRunner().invoke(up, ["--timeout", wrong], obj=Settings(state_dir=tmp_path))
    assert result.exit_code == 2
    assert "--timeout" in result.stderr
