"""What a measurement gives: rows with their targets, and raw samples; kept per program, put together in one file."""

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tidegate.models.evaluation.bench_row import Row

OUT = Path("build/bench")
"""Where benchmarks write."""
PROGRAMS = ("lookup", "visibility", "ingest", "upkeep", "batch", "parity", "risk")
"""In the order of the targets."""


def keep(out: Path, program: str, rows: Sequence[Row], samples: Mapping[str, Any]) -> int:
    """Prints the rows, and writes them and the samples.

    Args:
        out: Folder of all benchmarks: `features.json` there holds the latest rows of every program.
        program: One of `PROGRAMS`; its rows take the place of those of its last run.
        rows: The result.
        samples: What it was made from, for `out/features/PROGRAM_samples.json`.

    Returns:
        The number to exit with: 1 if a target is missed.
    """
    folder = out / "features"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{program}_samples.json").write_text(json.dumps(samples, default=str) + "\n")
    _write(folder / f"{program}.json", [asdict(row) for row in rows])
    _write(out / "features.json", kept(out))
    for row in rows:
        bound = "" if row.target is None else f"  target {row.target}: {VERDICTS[row.holds]}"
        value = "not measured" if row.value is None else f"{row.value:,}"
        sys.stdout.write(f"{row.measure:<100} {value:>12} {row.unit}{bound}\n")
    sys.stdout.flush()
    return int(any(row.holds is False for row in rows))


VERDICTS: Mapping[bool | None, str] = {True: "holds", False: "MISSED", None: "not measured"}
"""In words."""


def kept(out: Path) -> list[dict[str, Any]]:
    """The latest rows of every program that has run, in the order of `PROGRAMS`."""
    parts = [out / "features" / f"{program}.json" for program in PROGRAMS]
    return [row for part in parts if part.exists() for row in json.loads(part.read_text())]


def end_on_sigterm() -> None:
    """Makes `kill` end a program as an exit does: the servers and folders that it made are cleared away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    draft.replace(path)
