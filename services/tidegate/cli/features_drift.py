"""`tidegate features drift`: whether served account signals are distributed as in training, or as they were before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pyarrow as pa
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tidegate.cli.ledger import ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.periods import Period, Periods, named_periods, span
from tidegate.cli.replay import Moment
from tidegate.data_quality.counting import reference_of
from tidegate.data_quality.drift import FeatureDrift, drifts
from tidegate.data_quality.reference import Reference, ReferenceUnusableError, read_reference
from tidegate.data_quality.served_values import served_values
from tidegate.data_quality.training_values import training_values
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.models.evaluation.divergence import Verdict
from tidegate.training_sets.export import Wanted, decisions

_COLOURS = {Verdict.STABLE: "green", Verdict.MODERATE: "yellow", Verdict.LARGE: "red", Verdict.TOO_FEW: "dim"}


@dataclass(frozen=True, slots=True)
class _Compared:
    """What was compared with what."""

    reference: str
    after: Period
    rows: int
    found: Sequence[FeatureDrift]


@click.command()
@ledger_option
@click.option(
    "--reference",
    "reference_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A training set (Parquet) or what `features reference` made of one. By default the installed reference.",
)
@click.option("--before", nargs=2, type=Moment(), metavar="START END", help="Compares with served values of then.")
@click.option("--after", nargs=2, type=Moment(), metavar="START END", help="By default the ledger's last 24 hours.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Also draws it: a .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def drift(
    ctx: click.Context,
    path: Path,
    reference_path: Path | None,
    before: Period | None,
    after: Period | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Compares the account signals that decisions got with a training set, or with those of an earlier period.

    PSI (population stability index: from 0.1 moderate, from 0.25 large, a convention) and Jensen-Shannon divergence per
    feature, over the deciles of the reference and the values that were not known. Without any reference, the 7 days
    before are compared with. A shift means that accounts or a source have changed; it does not say which.
    """
    named = ctx.get_parameter_source("reference_path") is ParameterSource.COMMANDLINE
    if named and before is not None:
        raise click.UsageError("--reference and --before name two things to compare with")
    if before is not None or reference_path is None or not (named or reference_path.exists()):
        reference_path = None
    with opened(path) as archive, progress_bar() as bar:
        compared = _compare(_Ledger(archive, bar), reference_path, named_periods(archive, before=before, after=after))
    if plot is not None:
        _plot(plot, compared)
    if as_json:
        print_json(_document(compared))
    else:
        _draw(compared)


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What decisions of a period were made from."""

    archive: SqliteArchive
    bar: Progress

    def served(self, period: Period) -> pa.Table:
        start, end = period
        task = self.bar.add_task("reading", total=self.archive.count(since=start))
        records = decisions(self.archive.payloads(since=start), Wanted(end), progress=lambda: self.bar.advance(task))
        return served_values(records)


def _compare(ledger: _Ledger, reference_path: Path | None, periods: Periods) -> _Compared:
    if reference_path is not None:
        reference = _read(reference_path)
    else:
        earlier = ledger.served(periods.before)
        told = f"served {' to '.join(span(periods.before))}, {earlier.num_rows:,} decisions"
        reference = reference_of(earlier, source=told)
    served = ledger.served(periods.after)
    return _Compared(reference.source, periods.after, served.num_rows, drifts(reference, served))


def _read(path: Path) -> Reference:
    try:
        if path.suffix == ".json":
            return read_reference(path)
        values = training_values(path)
    except ReferenceUnusableError as error:
        raise click.ClickException(str(error)) from error
    return reference_of(values, source=f"{path.name}, {values.num_rows:,} rows")


def _plot(path: Path, compared: _Compared) -> None:
    from tidegate.data_quality.drift_plot import plot_drift  # noqa: PLC0415 - only who draws waits for matplotlib

    served = f"served {' to '.join(span(compared.after))}, {compared.rows:,} decisions"
    title = f"{served}\nagainst {compared.reference}"
    try:
        plot_drift(path, compared.found, title=title)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} can't be drawn: {error}") from error


def _document(compared: _Compared) -> dict[str, Any]:
    return {
        "reference": compared.reference,
        "after": span(compared.after),
        "decisions": compared.rows,
        "drift": [
            {
                "feature": one.feature,
                "psi": round(one.psi, 5),
                "jensen_shannon_bits": round(one.jensen_shannon, 5),
                "verdict": one.verdict,
                "bins": one.labels,
                "reference": one.before,
                "served": one.after,
            }
            for one in compared.found
        ],
    }


def _draw(compared: _Compared) -> None:
    click.echo(f"reference  {compared.reference}")
    click.echo(f"served     {' to '.join(span(compared.after))}, {compared.rows:,} decisions on known accounts")
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("view", "feature", ""):
        table.add_column(heading)
    for heading in ("PSI", "JS", "unknown", "before"):
        table.add_column(heading, justify="right")
    for one in compared.found:
        view, _, feature = one.feature.removeprefix("account_").partition("__")
        before, after = (counts[-1] / max(1, sum(counts)) for counts in (one.before, one.after))
        table.add_row(
            view,
            feature,
            f"[{_COLOURS[one.verdict]}]{one.verdict}[/]",
            f"{one.psi:.3f}",
            f"{one.jensen_shannon:.3f}",
            f"{after:.1%}",
            f"{before:.1%}",
        )
    Console(highlight=False).print(table)
