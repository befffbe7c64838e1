"""Table and plot of what the measurements of account signals found last.

    python -m loadtests.features.report [--out build/bench] [--keep features/plots]

Draws `features.svg` and `features.png` beside `features.json`. `--keep` copies table and plot to where the README shows
them: for a run on a quiet machine.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtests.features.plots import overview
from loadtests.features.results import OUT, PROGRAMS, kept
from tidegate.models.evaluation.plots import svg

_MARKS = {True: "[green]holds[/]", False: "[red]MISSED[/]", None: ""}
_SHARP_DPI = 160


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """The rows with a bound first, then what else was measured."""
    drawn = Table(title="account signals", title_justify="left")
    for name, justify in (("measure", "left"), ("value", "right"), ("unit", "left"), ("target", "left"), ("", "left")):
        drawn.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]  # a Literal by the tuple above
    for row in sorted(rows, key=lambda each: each["target"] is None):
        value = "not measured" if row["value"] is None else f"{row['value']:,}"
        drawn.add_row(row["measure"], value, row["unit"], row["target"] or "", _MARKS[row["holds"]])
    return drawn


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """The rows with a bound, for a README."""
    lines = ["| measure | value | target | |", "|---|---|---|---|"]
    for row in rows:
        if row["target"] is not None:
            value = "not measured" if row["value"] is None else f"{row['value']:,} {row['unit']}".strip()
            verdict = {True: "holds", False: "**missed**", None: ""}[row["holds"]]
            lines.append(f"| {row['measure']} | {value} | {row['target']} | {verdict} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Draws; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.report", description="Table and plot of the measurements of account signals."
    )
    parser.add_argument("--out", type=Path, default=OUT, help="folder of results")
    parser.add_argument("--keep", type=Path, help="folder that gets a copy of plot and table")
    chosen = parser.parse_args()
    rows = kept(chosen.out)
    if not rows:
        sys.stderr.write(f"nothing was measured yet in {chosen.out}: make bench-features\n")
        return 2
    figure = overview(chosen.out)
    plot = chosen.out / "features.svg"
    plot.write_text(svg(figure), encoding="utf-8")
    figure.savefig(plot.with_suffix(".png"), dpi=_SHARP_DPI)
    Console(width=None if sys.stdout.isatty() else 160).print(table(rows))
    missing = [name for name in PROGRAMS if not (chosen.out / "features" / f"{name}.json").exists()]
    if missing:
        sys.stdout.write(f"not measured yet: {', '.join(missing)}\n")
    sys.stdout.write(
        f"{chosen.out / 'features.json'}; raw samples in {chosen.out / 'features'}; plot {plot}, and .png\n"
    )
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
        shutil.copy(plot, chosen.keep / "targets.svg")
        (chosen.keep / "targets.md").write_text(markdown(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
