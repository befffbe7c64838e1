"""What `make test` says at the end: what ran behind, a table of times, and last of all what failed."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.parts import NOTHING_TO_RUN, ROOT, Ended

NAMED_AT_MOST = 20
"""Failed tests of a part that are named."""

_REASONS = "short test summary info"
"""Above what pytest says of tests that were skipped or failed."""


@dataclass(frozen=True, slots=True)
class Busy:
    """What the cores of this machine did since it started, in seconds. Whose work it was is not told."""

    seconds: float

    @classmethod
    def now(cls) -> Self:
        """Reads it from the kernel."""
        user, nice, system, _idle, _iowait, irq, softirq, *_ = map(
            int, Path("/proc/stat").read_text().partition("\n")[0].split()[1:]
        )
        return cls((user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK"))


def behind(ended: Sequence[Ended]) -> str:
    """What parts said that nobody has seen yet: of those that passed the end only, those that failed last."""
    unseen = sorted((each for each in ended if not each.shown), key=lambda each: each.failed)
    return "\n".join(f"== {each.part.name}\n{_said(each)}" for each in unseen)


def _said(ended: Ended) -> str:
    said = ended.part.log.read_text(errors="replace").rstrip()
    if ended.failed:
        return said
    _, mark, reasons = said.rpartition(_REASONS)
    return f"{reasons.lstrip(' =').strip() if mark else said.rpartition(chr(10))[2]}\n({_here(ended.part.log)})"


def table(ended: Sequence[Ended], *, wall_s: float, busy_s: float) -> str:
    """How long each part took, and the whole.

    Args:
        ended: The parts.
        wall_s: From the start of the first to the end of the last.
        busy_s: What all cores worked in that time, for whomever.
    """
    rows = [f"{'part':<8} {'wall':>7} {'CPU':>7}"]
    rows += [f"{each.part.name:<8} {each.wall_s:>5.0f} s {each.cpu_s:>5.0f} s  {_result(each)}" for each in ended]
    cores = os.cpu_count() or 1
    rows.append(f"{'all':<8} {wall_s:>5.0f} s {sum(each.cpu_s for each in ended):>5.0f} s")
    rows.append(
        f"CPU is that of processes that a part waited for. This machine's {cores} cores worked for "
        f"{busy_s:.0f} of {cores * wall_s:.0f} s, on whatever else there was, too."
    )
    return "\n".join(rows)


def _result(ended: Ended) -> str:
    if ended.failed:
        return "FAILED"
    return "no such test" if ended.status == NOTHING_TO_RUN else "passed"


def failures(ended: Sequence[Ended]) -> str:
    """What failed, and how to run it by itself, in lines; empty if nothing did."""
    return "".join(f"{line}\n" for each in ended if each.failed for line in _failure(each))


def _failure(ended: Ended) -> list[str]:
    part = ended.part
    how = f"exit {ended.status}" if ended.status >= 0 else f"killed by signal {-ended.status}"
    tests = _failed_tests(part.cache)
    lines = [f"FAILED {part.name} ({how}). Run it again: {part.again}"]
    if tests:
        python = part.again.partition(" ")[0]
        lines.append(f"  {len(tests)} failed; one by one:")
        lines += [f"  {python} -m pytest {shlex.quote(test)}" for test in tests[:NAMED_AT_MOST]]
        lines += [f"  … and {len(tests) - NAMED_AT_MOST} more"] * (len(tests) > NAMED_AT_MOST)
    return lines


def _failed_tests(cache: Path | None) -> list[str]:
    noted = cache / "v/cache/lastfailed" if cache else None
    return sorted(json.loads(noted.read_text())) if noted and noted.is_file() else []


def _here(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
