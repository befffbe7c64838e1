"""`python -m tidegate.models.evaluation.bench`: measures every target, writes `build/bench/models.json`, draws a table.

Beside it lie the whole document (`models-measured.json`), the raw scores of each held-out text (`models-scores.csv.gz`:
labels and scores, no text) and the plot. About ten minutes on two cores; every draw is seeded.
"""

import argparse
import csv
import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tidegate.models.catalogue import catalogue, specification
from tidegate.models.evaluation.assessment import SMALL, Assessment, Effort, assess
from tidegate.models.evaluation.bench_row import Row
from tidegate.models.evaluation.held_out import DataMissingError
from tidegate.models.evaluation.other_detectors import other_rows
from tidegate.models.evaluation.targets import text_harm_rows
from tidegate.models.training.examples import HEADS, LABELS

MEASURED: Final = "models-measured.json"
_MARKS: Final = {True: "[green]holds[/]", False: "[red]misses[/]", None: ""}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(prog="python -m tidegate.models.evaluation.bench", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="one folder per data set")
    parser.add_argument("--version", default=catalogue()["text_harm"].version, help="of text_harm")
    parser.add_argument("--cache", type=Path, default=Path("build/models"), help="of built graphs")
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    parser.add_argument("--small", action="store_true", help="a few minutes, to try the way; numbers mean little")
    parser.add_argument("--no-baselines", action="store_true", help="leaves out what needs the training mixture")
    options = parser.parse_args(arguments)
    try:
        from tidegate.models.evaluation import comparison, plots  # noqa: PLC0415 - need the development requirements
    except ImportError as error:
        sys.stderr.write(f"{error.name} is missing: pip install -r requirements/dev.txt, or make test once\n")
        return 2
    effort: Effort = SMALL if options.small else Effort()
    spec = specification("text_harm", options.version)
    with _progress() as bar:
        task = bar.add_task("", total=None)

        def report(line: str) -> None:
            bar.update(task, description=line)
            if not bar.console.is_terminal:
                sys.stderr.write(line + "\n")

        try:
            found = assess(spec, options.data, cache=options.cache, effort=effort, report=report)
            compared: dict[str, Any] = {}
            if not options.no_baselines:
                compared = comparison.comparison(options.data, found.scores[0], effort=effort, report=report)
        except DataMissingError as error:
            sys.stderr.write(f"{error}. Name the folder with --data.\n")
            return 2
    document: dict[str, Any] = found.document | compared
    rows = [*text_harm_rows(document), *other_rows(catalogue(), bench=options.out)]
    _write(options.out, document, found, rows)
    plot = options.out / "models.svg"
    plot.write_text(plots.svg(plots.quality_and_cost(document)), encoding="utf-8")
    _draw(rows)
    sys.stdout.write(f"{options.out / 'models.json'}; raw samples and plot beside it ({plot.name})\n")
    return 0


def _write(out: Path, document: dict[str, Any], found: Assessment, rows: Sequence[Row]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / MEASURED).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (out / "models.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
    examples, scores = found.scores
    with gzip.open(out / "models-scores.csv.gz", "wt", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["source", "words", *(f"is_{head}" for head in HEADS), *(f"score_{label}" for label in LABELS)])
        for one, row in zip(examples, scores, strict=True):
            judged = ["" if target < 0 else int(target) for target in one.targets]
            table.writerow([one.source, len(one.text.split()), *judged, *(f"{score:.5f}" for score in row)])


def _draw(rows: Sequence[Row]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("measure", "value", "target", ""):
        table.add_column(heading, overflow="fold", justify="right" if heading in {"value", "target"} else "left")
    for row in rows:
        value = "[dim]not here[/]" if row.value is None else f"{row.value:.3f}"
        table.add_row(row.measure, value, row.target or "", _MARKS[row.holds])
    Console(highlight=False).print(table)


def _progress() -> Progress:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


if __name__ == "__main__":
    sys.exit(main())
