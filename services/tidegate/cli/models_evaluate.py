"""`tidegate models evaluate`: measures a text detector on held-out data, through the serving path."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tidegate.cli.ledger import progress_bar
from tidegate.cli.output import print_json
from tidegate.models.catalogue import CatalogueError, DetectorSpec, catalogue, specification
from tidegate.models.encoder import EncoderUnavailableError
from tidegate.models.evaluation.held_out import PER_SOURCE, DataMissingError, held_out
from tidegate.models.evaluation.other_detectors import metrics_of
from tidegate.models.evaluation.quality import POOLED, UNSEEN, JudgedTexts, SliceQuality
from tidegate.serving.settings import Settings

_MEASURED = "text_harm"


@click.command()
@click.argument("name")
@click.option("--version", help="Which version; by default the one that decides.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("../shared/data"),
    show_default=True,
    help="The data sets, one folder each; models/cards names them.",
)
@click.option("--limit", type=click.IntRange(1), default=PER_SOURCE, show_default=True, help="Most texts of a source.")
@click.option("--seed", type=int, default=7, show_default=True, help="Of the draw.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="Of the model's runtime.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/models"),
    show_default=True,
    help="Where built graphs are kept.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_obj
def evaluate(
    settings: Settings | None,
    name: str,
    version: str | None,
    data: Path,
    limit: int,
    seed: int,
    threads: int,
    cache: Path,
    as_json: bool,
) -> None:
    """Measures the text detector NAME on texts that its training held out.

    They go through the serving path: windows, the int8 graph, calibration and severity bands. The data sets are not
    part of Tidegate.
    """
    from tidegate.models.evaluation.served import ServedDetector  # noqa: PLC0415 - ONNX takes seconds; `list` needs none
    from tidegate.models.export.golden import ParityError  # noqa: PLC0415

    spec = _spec(settings, name, version)
    with progress_bar() as bar:
        reading = bar.add_task("reading data", total=None)
        try:
            examples = held_out(
                data, seed=seed, per_source=limit, report=lambda one: bar.update(reading, description=f"reading {one}")
            )
            detector = ServedDetector(spec, cache=cache, threads=threads)
        except DataMissingError as error:
            raise click.ClickException(f"{error}. Name the folder with --data.") from error
        except (CatalogueError, EncoderUnavailableError, ParityError) as error:
            raise click.ClickException(f"{spec.name} {spec.version} can't be built: {error}") from error
        bar.remove_task(reading)
        task = bar.add_task("scoring", total=len(examples))
        scored = detector.probabilities([one.text for one in examples], progress=lambda done: bar.advance(task, done))
    found = JudgedTexts(examples, scored).quality()
    if as_json:
        print_json(
            {
                "detector": spec.name,
                "version": spec.version,
                "precision": "int8",
                "texts": len(examples),
                "seed": seed,
                "most_texts_of_a_source": limit,
                "quality": [asdict(one) for one in found],
            }
        )
        return
    click.echo(
        f"{spec.name} {spec.version}, int8 as served, {len(examples):,} held-out texts, at most {limit:,} a source"
    )
    _draw("by label", [one for one in found if one.slice in {POOLED, UNSEEN} and one.auprc is not None])
    _draw("by source and length", [one for one in found if one.slice not in {POOLED, UNSEEN} and one.auprc is not None])
    click.echo(
        "AUPRC: guessing reaches the share of positives. 'At 4': severity 4 and above. Small slices are left out."
    )


def _spec(settings: Settings | None, name: str, version: str | None) -> DetectorSpec:
    if name != _MEASURED:
        raise click.ClickException(_elsewhere(name))
    chosen = version or (settings.detectors.live.get(name) if settings else None)
    try:
        return specification(name, chosen) if chosen else catalogue()[name]
    except CatalogueError as error:
        raise click.ClickException(str(error)) from error


def _elsewhere(name: str) -> str:
    """Where the measurements of a detector are that has a program of its own."""
    if name not in catalogue():
        return f"there is no detector {name}; known: {', '.join(catalogue())}"
    command = (metrics_of(catalogue()[name]) or {}).get("command")
    how = f" It was measured by: {command}." if command else ""
    return f"this command measures {_MEASURED} only.{how} What is known of {name}: tidegate models card {name}"


def _draw(title: str, found: Sequence[SliceQuality]) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold dim")
    table.add_column("label")
    table.add_column("texts")
    headings = (
        "positive",
        "negative",
        "AUPRC",
        "ROC-AUC",
        "P at R .5",
        "P at R .8",
        "ECE",
        "R at 4",
        "P at 4",
        "false at 4",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for one in found:
        table.add_row(
            one.label,
            one.slice,
            f"{one.positives:,}",
            f"{one.negatives:,}",
            *(
                _cell(value)
                for value in (
                    one.auprc,
                    one.roc_auc,
                    one.precision_at_recall_50,
                    one.precision_at_recall_80,
                    one.ece,
                    one.recall_at_4,
                    one.precision_at_4,
                    one.false_alarms_at_4,
                )
            ),
        )
    Console(highlight=False).print(table)


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
