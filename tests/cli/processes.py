"""The `tidegate` command in a process of its own, as a person or a script runs it."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

COMMAND = (sys.executable, "-c", "from tidegate.cli.main import main; main()")


def started(
    state_dir: Path, *arguments: str, stderr: int = subprocess.PIPE, stdout: int = subprocess.PIPE
) -> "subprocess.Popen[bytes]":
    """The command, running, with a pipe to its standard input."""
    return subprocess.Popen(
        [*COMMAND, "--state-dir", str(state_dir), *arguments],
        bufsize=0,  # what readline() had buffered would be lost to communicate()
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )


class Terminal:
    """A pseudo-terminal to give to a process as one of its streams."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()

    def read(self) -> bytes:
        """What is there, waiting for something."""
        return os.read(self._ours, 65536)

    def shown(self) -> str:
        """All that is written to it, until the process that has it ends."""
        os.close(self.theirs)
        seen = b""
        while True:
            try:
                chunk = self.read()
            except OSError:  # Linux: every writer is gone
                break
            if not chunk:
                break
            seen += chunk
        os.close(self._ours)
        return seen.decode()


def interrupted(process: "subprocess.Popen[bytes]") -> tuple[int, str]:
    """As Ctrl-C: the exit status and what the process said on standard error."""
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    return process.returncode, said.decode()
