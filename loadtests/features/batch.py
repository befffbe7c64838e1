"""How long a batch of account signals takes, in how much memory, and whether `kill -9` costs what was done.

    python -m loadtests.features.batch [--accounts 1000000] [--events 10000000] [--out build/bench]

Events (`archive`) are made once and kept; their making is not counted. Counted is what one types, with the live risk
model, on two cores: `tidegate features compute` and `materialize` into a Redis that shares these cores. Then the same
computation in another state directory is killed with SIGKILL when half of its partitions are done, and started again:
what was finished must not be computed again, and every published file must be the same to the last byte.

Writes its rows and samples (`results.keep`); exits with 1 if a target is missed. Bounds count at full size only.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from loadtests.features.archive import NOW, Archive, archive
from loadtests.features.process_tree import Watched, never, watched
from loadtests.features.redis_process import redis_process
from loadtests.features.results import OUT, end_on_sigterm, keep
from tidegate.models.evaluation.bench_row import Row, at_most, shown

ACCOUNTS, EVENTS = 1_000_000, 10_000_000
TARGET_MINUTES, TARGET_GIB = 5.0, 6.0
CORES = 2
_GIB = 2**30

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The whole way, once."""

    computed: Watched
    """Events to published rows."""
    materialised: Watched
    """Published rows to Redis."""
    redis_bytes: int
    """Redis's memory afterwards."""
    files: Mapping[str, str]
    """SHA-256 of each published file."""


@dataclass(frozen=True, slots=True)
class Disturbed:
    """The computation, killed half-way and started again."""

    killed: Watched
    """Until SIGKILL."""
    resumed: Watched
    """From there to the end."""
    finished_before: int
    """Partitions that were marked as finished when it was killed."""
    computed_again: int
    """Those among them that the second process wrote again."""
    visible_meanwhile: bool
    """Whether readers saw anything between the two."""
    files: Mapping[str, str]
    """SHA-256 of each published file."""


def compute(state: Path, events: Path, *, say: Say, stop: Callable[[], bool] = never) -> Watched:
    """`tidegate features compute`."""
    command = ["features", "compute", "--state", str(state), "--events", str(events), "--at", NOW.isoformat()]
    return watched([*command, "--processes", str(CORES), "--json"], say=say, stop=stop)


def undisturbed(state: Path, events: Path, *, say: Say) -> Undisturbed:
    """Runs the whole way."""
    with redis_process() as redis:
        online = ["--online", "redis", "--redis", f"127.0.0.1:{redis.port}"]
        watched(["features", "apply", "--state", str(state), *online], say=say)
        computed = compute(state, events, say=say)
        materialised = watched(["features", "materialize", "--state", str(state), "--json"], say=say)
        return Undisturbed(computed, materialised, redis.used_memory(), published_files(state))


def disturbed(state: Path, events: Path, *, say: Say) -> Disturbed:
    """Kills it half-way, and runs it again."""
    killed = compute(state, events, say=say, stop=partial(half_way, state))
    before = marks(state)
    visible = (state / "offline" / "current").exists()
    say(f"killed with SIGKILL: {len(before)} partitions are finished, nothing is published; starting again")
    resumed = compute(state, events, say=say)
    after = marks(state)
    again = sum(after.get(name) != written for name, written in before.items())
    return Disturbed(killed, resumed, len(before), again, visible, published_files(state))


def half_way(state: Path) -> bool:
    """Whether half of the partitions are done, and nothing is published yet."""
    manifests = list((state / "offline" / "runs").glob("*/manifest.json"))
    return bool(manifests) and len(marks(state)) >= json.loads(manifests[0].read_bytes())["partitions"] / 2


def marks(state: Path) -> dict[str, int]:
    """When each finished partition was marked, in nanoseconds."""
    return {path.name: path.stat().st_mtime_ns for path in (state / "offline" / "runs").glob("*/done/*.json")}


def published_files(state: Path) -> dict[str, str]:
    """SHA-256 of each file that readers see."""
    current = state / "offline" / "current"
    files = sorted(current.glob("*/part-*.parquet"))
    return {str(path.relative_to(current)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(made: Archive, whole: Undisturbed, other: Disturbed) -> list[Row]:
    """The lines of the result."""
    name = f"batch of {made.events / 1e6:.3g} million events of {made.accounts:,} accounts"
    bound = at_most if made.accounts >= ACCOUNTS and made.events >= EVENTS else _too_small
    minutes = (whole.computed.seconds + whole.materialised.seconds) / 60
    peak = max(whole.computed.peak_rss, whole.materialised.peak_rss) / _GIB
    return [
        bound(f"{name}, two cores: events to rows to Redis", round(minutes, 2), TARGET_MINUTES, "min"),
        shown(f"{name}: events to published rows", round(whole.computed.seconds / 60, 2), "min"),
        shown(f"{name}: published rows to Redis", round(whole.materialised.seconds / 60, 2), "min"),
        bound(f"{name}: peak memory, summed over its processes", round(peak, 2), TARGET_GIB, "GiB"),
        shown(f"{name}: Redis afterwards", round(whole.redis_bytes / _GIB, 2), "GiB"),
        *_killed(f"{name}, kill -9 half-way", whole, other),
    ]


def _killed(name: str, whole: Undisturbed, other: Disturbed) -> list[Row]:
    differing = len(set(whole.files.items()) ^ set(other.files.items()))
    visible = int(other.visible_meanwhile or not other.killed.killed or not other.finished_before)
    return [
        at_most(f"{name}: finished partitions computed again", other.computed_again, 0, f"of {other.finished_before}"),
        at_most(f"{name}: published files that differ", differing, 0, f"of {len(whole.files)}"),
        at_most(f"{name}: half a run seen by readers", visible, 0, ""),
        shown(f"{name}: until then", round(other.killed.seconds / 60, 2), "min"),
        shown(f"{name}: started again, until published", round(other.resumed.seconds / 60, 2), "min"),
    ]


def _too_small(measure: str, value: float, bound: float, unit: str) -> Row:
    return Row(measure, value, unit, f"<= {bound:g} at full size", None)


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.batch",
        description="How long a batch of account signals takes, and in how much memory.",
    )
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    end_on_sigterm()
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {line}\n")

    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    made = archive(chosen.out / "features" / "archive", accounts=chosen.accounts, events=chosen.events, say=say)
    events, work = chosen.out / "features" / "archive" / "events", chosen.out / "features" / "batch-state"
    shutil.rmtree(work, ignore_errors=True)
    whole = undisturbed(work / "whole", events, say=say)
    other = disturbed(work / "killed", events, say=say)
    shutil.rmtree(work)
    samples = {"archive": asdict(made), "undisturbed": asdict(whole), "disturbed": asdict(other)}
    return keep(chosen.out, "batch", rows(made, whole, other), json.loads(json.dumps(samples)))


if __name__ == "__main__":
    sys.exit(main())
