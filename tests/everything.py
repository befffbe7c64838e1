"""Runs all of `make test`. `--part NAME` runs only that (or those); other arguments are pytest's (`--durations 50`).

A whole run has to fit two cores well. Tests that only compute run from the beginning, two at a time, with little
priority: they take what the others leave, and stacks wait much. The build steps of the images follow them, likewise.
Meanwhile first come the tests that need the machine for themselves, then those that may run beside each other.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence

from tests.groups import Group
from tests.parts import LOGS, NOTHING_TO_RUN, ROOT, Behind, Part, run
from tests.summary import Busy, behind, failures, table

LITTLE_PRIORITY = 5
"""As `nice` counts: a third of what the others get, where both want all cores. With less, tests would take too long."""

_TWO = ("--numprocesses", "2", "--dist", "loadgroup")
OPTIONS = {
    Group.LIGHT: ("-m", "light", *_TWO, "--timeout", "600"),
    Group.ALONE: ("-m", "not light and not beside"),
    Group.BESIDE: ("-m", "beside", *_TWO),
}

_PYTHON = os.path.relpath(sys.executable, ROOT)

CHECKS = Part("checks", ("make", "--no-print-directory", "--jobs", "2", "--output-sync=target", "ready"), "make ready")
"""Lint, types and manifests, and what tests need besides; without it nothing else is tried."""
IMAGES = Part("images", (sys.executable, "-m", "k8s.check.image_steps"), "make images-check", priority=LITTLE_PRIORITY)
PARTS = (CHECKS.name, *Group, IMAGES.name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the parts; 0 if all of them passed, else what the first said that did not."""
    parser = argparse.ArgumentParser(prog="python -m tests.everything", description=__doc__, allow_abbrev=False)
    parser.add_argument("--part", action="append", choices=PARTS, help="may be repeated; default: all")
    options, pytest = parser.parse_known_args(arguments)
    chosen = options.part or PARTS
    first = [CHECKS] if CHECKS.name in chosen else []
    front = [_tests(group, pytest) for group in (Group.ALONE, Group.BESIDE) if group in chosen]
    back = [_tests(Group.LIGHT, pytest, LITTLE_PRIORITY)] if Group.LIGHT in chosen else []
    back += [IMAGES] if IMAGES.name in chosen else []

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which stops what runs
    started, busy = time.monotonic(), Busy.now()
    ended = [run(part) for part in first]
    if not any(each.failed for each in ended):
        with Behind(back) as others:
            ended += [run(part) for part in front]
            ended += others.wait()
    print(behind(ended))
    print(table(ended, wall_s=time.monotonic() - started, busy_s=Busy.now().seconds - busy.seconds))
    print(failures(ended), end="", flush=True)
    tried = [each.status for each in ended if each.part.cache]
    if tried and all(status == NOTHING_TO_RUN for status in tried):
        return NOTHING_TO_RUN
    return next((each.status for each in ended if each.failed), 0)


def _tests(group: Group, arguments: Sequence[str], priority: int = 0) -> Part:
    cache = LOGS / f"{group}-cache"
    return Part(
        group,
        (sys.executable, "-m", "pytest", *OPTIONS[group], "-o", f"cache_dir={cache}", *arguments),
        f"{_PYTHON} -m tests.everything --part {group}",
        priority,
        cache,
        may_be_empty=bool(arguments),
    )


if __name__ == "__main__":
    sys.exit(main())
