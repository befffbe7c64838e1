"""A load generator as its parent sees it: told a plan, told when to begin, asked for its result."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Self


class GeneratorFailedError(Exception):
    """The load generator ended early; what it had to say is on the terminal."""


class Generator:
    """One process, for one plan after the other."""

    def __init__(self, module: str, *, checkout: Path) -> None:
        """Starts `python -m MODULE`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def prepare(self, plan: str) -> None:
        """Hands over a plan, and waits until its items are built. Raises GeneratorFailedError."""
        self._tell(plan)
        self._heard()

    def begin(self, at: float) -> None:
        """Says when to begin, in monotonic seconds. Raises GeneratorFailedError."""
        self._tell(str(at))

    def result(self) -> str:
        """What came of it. Raises GeneratorFailedError."""
        return self._heard()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise GeneratorFailedError from error

    def _heard(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise GeneratorFailedError(f"the load generator ended with {self._process.wait()}")
        return line
