"""The sweeper as it runs: a process whose other end goes away."""

import signal
import subprocess
import sys

from loadtests.compare.sweeper import Sweeper, alive
from tests.stack.running import ROOT

FAMILY = "import subprocess; subprocess.run(['sleep', '60'])"


def started() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", FAMILY], start_new_session=True)


def test_frozen_sessions_are_killed_once_nobody_holds_the_pipe_and_others_are_left() -> None:
    watched, other = started(), started()
    try:
        with Sweeper(ROOT) as sweeper:
            sweeper.watch(watched.pid)
            watched.send_signal(signal.SIGSTOP)
            assert [*alive({watched.pid})]
        assert watched.wait(10) == -signal.SIGKILL
        assert not [*alive({watched.pid})]
        assert other.poll() is None
    finally:
        for process in (watched, other):
            for left in alive({process.pid}):
                left.kill()
            process.wait()
