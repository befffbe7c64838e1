"""Runs all tests: `make test` calls it. Arguments are pytest's (`--durations 50`).

A whole run has to fit two cores well. Tests that only compute run from the beginning, two at a time, with little
priority: they take what the others leave, and stacks wait much. Meanwhile first come the tests that need the machine
for themselves, then those that may run beside each other.
"""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

from tests.groups import TESTS, Group

LITTLE_PRIORITY = 5
"""As `nice` counts: a third of what the others get, where both want all cores. With less, tests would take too long."""

_TWO = ("--numprocesses", "2", "--dist", "loadgroup")
OPTIONS = {
    Group.LIGHT: ("-m", "light", *_TWO, "--timeout", "600"),
    Group.ALONE: ("-m", "not light and not beside"),
    Group.BESIDE: ("-m", "beside", *_TWO),
}


def main() -> int:
    """Runs the groups; 0 if all of them passed, else what pytest said of the first that did not."""
    log = TESTS.parent / "build" / "tests" / "light.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output, _background(output) as light:
        try:
            ended = [_run(group) for group in (Group.ALONE, Group.BESIDE)]
            ended.append(light.wait())
        finally:
            light.terminate()
    print(log.read_text(errors="replace"), flush=True)
    return next((status for status in ended if status), 0)


def _run(group: Group) -> int:
    started = time.monotonic()
    print(f"== {group}", flush=True)
    status = subprocess.run(_command(group), check=False, env=_environment()).returncode
    print(f"== {group}: {time.monotonic() - started:.0f} s", flush=True)
    return status


def _background(output: BinaryIO) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        _command(Group.LIGHT),
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=_give_way,  # noqa: PLW1509 - there are no threads yet
    )


def _command(group: Group) -> list[str]:
    return [sys.executable, "-m", "pytest", *OPTIONS[group], *sys.argv[1:]]


def _environment() -> dict[str, str]:
    """The same order in all processes: some tests are made of sets, whose order follows the seed."""
    return {**os.environ, "PYTHONHASHSEED": "0"}


def _give_way() -> None:
    os.nice(LITTLE_PRIORITY)
    with contextlib.suppress(OSError):  # where the kernel shares cores between sessions, `nice` counts only within one
        Path("/proc/self/autogroup").write_text(str(LITTLE_PRIORITY))


if __name__ == "__main__":
    sys.exit(main())
