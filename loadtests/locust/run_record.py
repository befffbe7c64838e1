"""A finished run as a file: `run.json`, with the raw samples in `samples.csv.gz` beside it."""

import csv
import gzip
import json
import math
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from loadtests.locust.levels import Latency, Level
from loadtests.locust.phases import Plan, read_plan
from loadtests.locust.sample import Sample

RECORD, SAMPLES = "run.json", "samples.csv.gz"
NOTHING_MEASURED = "nothing was measured: "
"""What the line begins with that a run without a record says."""
_FORMAT = 1


class RunRecordError(Exception):
    """A file is no run record. The message says which."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run."""

    made: str
    """When it ended, ISO 8601."""
    loop: str
    """`open` or `closed`."""
    plan: Plan
    """What was offered when."""
    mix: str
    """What was sent."""
    seed: int
    """Of arrivals, items and traces."""
    budget_ms: float
    """What a good answer does not exceed."""
    deadline_ms: float
    """When a caller gave up."""
    stream_share: float
    """Share of requests over streams."""
    processes: int
    """Generator processes."""
    finished: bool
    """Whether every one of them ran the whole plan."""
    levels: tuple[Level, ...]
    """What was measured."""
    warnings: tuple[str, ...]
    """What failed, and why results may be the generator's own."""
    machine: str
    """Where the generator's master ran."""
    window: int = 0
    """Closed loop over streams: items that each of its users kept under way; 0 without such users."""

    @property
    def offered_in(self) -> str:
        """What levels are counted in."""
        if self.loop == "open":
            return "arrivals per second"
        return f"users; one with a stream keeps up to {self.window} items under way" if self.window else "users"

    def write(self, folder: Path) -> Path:
        """Writes `run.json` into a folder that exists; returns its path."""
        path = folder / RECORD
        document = _without_nan({"format": _FORMAT, **asdict(self), "plan": self.plan.written()})
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        return path

    @classmethod
    def read(cls, path: Path) -> "RunRecord":
        """Reads one.

        Raises:
            RunRecordError: It is none, or of another format.
        """
        try:
            document = json.loads(path.read_text())
            if not isinstance(document, dict) or "format" not in document:
                raise RunRecordError(f"{path}: is no record of a run; give the {RECORD} of a load test's --out")
            if document.pop("format") != _FORMAT:
                raise RunRecordError(f"{path}: is of another format; run the load test again")
            document["plan"] = read_plan(document["plan"])
            document["levels"] = tuple(_level(each) for each in document["levels"])
            document["warnings"] = tuple(document["warnings"])
            return cls(**document)
        except OSError as error:
            raise RunRecordError(f"{path}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise RunRecordError(
                f"{path}: is no record of a run, or a damaged one ({type(error).__name__}: {error}); run it again"
            ) from error


def _level(plain: dict[str, Any]) -> Level:
    plain = _with_nan(plain)
    for each in ("from_intended", "from_send"):
        plain[each] = Latency(**plain[each])
    return Level(**plain)


def _without_nan(value: Any) -> Any:
    """JSON has no nan: what could not be measured is null."""
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_nan(value: Any) -> Any:
    """The way back."""
    if isinstance(value, dict):
        return {key: _with_nan(each) for key, each in value.items()}
    return math.nan if value is None else value


def write_samples(samples: Iterable[Sample], folder: Path) -> Path:
    """Writes all samples in the order of their intended starts; returns the path."""
    path = folder / SAMPLES
    with gzip.open(path, "wt", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(Sample.columns())
        for sample in sorted(samples, key=lambda each: each.intended_s):
            rows.writerow(round(each, 6) if isinstance(each, float) else each for each in sample.row())
    return path


def read_samples(path: Path) -> Iterator[Sample]:
    """Reads them again."""
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            yield Sample(
                phase=int(row["phase"]),
                intended_s=float(row["intended_s"]),
                late_s=float(row["late_s"]),
                waited_s=float(row["waited_s"]),
                took_s=float(row["took_s"]),
                outcome=row["outcome"],
                kind=row["kind"],
                protocol=row["protocol"],
            )


def this_machine() -> str:
    """Cores and what they were busy with, system and Python, for the record."""
    cores = f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    return f"{cores}, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def now() -> str:
    """The moment, for the record."""
    return datetime.now(UTC).isoformat(timespec="seconds")
