"""What a killed supervisor leaves behind is ended, and nothing else is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tidegate.serving.stack.warden import MARK

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
SUPERVISOR = """
import os, subprocess, sys, time
from tidegate.serving.stack.warden import start_warden
start_warden(sys.argv[1])
child = subprocess.Popen(sys.argv[2:], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def bystander(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(SLEEP, env={**os.environ, MARK: str(tmp_path / "other")})
    yield process
    process.kill()
    process.wait()


def test_an_orphan_of_a_killed_supervisor_is_ended_and_a_bystander_is_not(
    tmp_path: Path, bystander: "subprocess.Popen[bytes]"
) -> None:
    directory = tmp_path / "stack"
    directory.mkdir()
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(directory), *SLEEP],
        env={**os.environ, MARK: str(directory)},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with supervisor:
        assert supervisor.stdout is not None
        orphan = psutil.Process(int(supervisor.stdout.readline()))
        supervisor.kill()
    assert not psutil.wait_procs([orphan], timeout=60)[1]
    assert bystander.poll() is None
