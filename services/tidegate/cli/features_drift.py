"""`tidegate features drift`: whether served account signals are distributed as in training, or as they were before."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from tidegate.cli.ledger import WRONG_IN_LEDGER, ledger_option, opened, progress_bar
from tidegate.cli.output import print_json
from tidegate.cli.periods import Period, Periods, named_periods, span
from tidegate.cli.replay import Moment
from tidegate.data_quality.counting import reference_of, reference_of_columns
from tidegate.data_quality.drift import FEWEST_ROWS, FeatureDrift, drifts
from tidegate.data_quality.reference import Reference, ReferenceUnusableError, read_reference
from tidegate.data_quality.served_values import ServedValues, served_values
from tidegate.data_quality.training_values import training_values
from tidegate.data_quality.typed_values import WrongTypeError
from tidegate.ledger.archive import LedgerArchive, LedgerPlace
from tidegate.models.evaluation.divergence import Verdict
from tidegate.training_sets.export import Wanted, decisions

_COLOURS = {Verdict.STABLE: "green", Verdict.MODERATE: "yellow", Verdict.LARGE: "red", Verdict.TOO_FEW: "dim"}


_JUDGED = (Verdict.STABLE, Verdict.MODERATE, Verdict.LARGE)
_TRAINING_SET = ("tidegate features training-set --out set.parquet", "tidegate features reference set.parquet")
"""What makes a reference."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """What was compared with what."""

    reference: str
    after: Period
    rows: int
    found: Sequence[FeatureDrift]
    not_recorded: Sequence[str]
    """Features of the reference that no decision recorded."""


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
    place: LedgerPlace,
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
    with opened(place) as archive, progress_bar() as bar:
        compared = _compare(
            _Ledger(place, archive, bar), reference_path, named_periods(archive, before=before, after=after)
        )
    if plot is not None:
        _plot(plot, compared)
    if as_json:
        print_json(_document(compared))
    else:
        _draw(compared)


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What decisions of a period were made from."""

    place: LedgerPlace
    archive: LedgerArchive
    bar: Progress

    def served(self, period: Period) -> ServedValues:
        start, end = period
        task = self.bar.add_task("reading", total=self.archive.count(since=start))
        records = decisions(self.archive.payloads(since=start), Wanted(end), progress=lambda: self.bar.advance(task))
        try:
            return served_values(records)
        except WrongTypeError as error:
            advice = f"{WRONG_IN_LEDGER}, or choose a period without it: --before START END, --after START END"
            raise click.ClickException(f"The ledger at {self.place}, {error}. {advice}.") from error

    def told(self, period: Period, values: ServedValues) -> str:
        """How much a period holds."""
        start, end = period
        made = self.archive.count(since=start) - self.archive.count(since=end)
        return f"{' to '.join(span(period))}: {made:,} decisions, {values.decisions:,} of them on known accounts"


def _compare(ledger: _Ledger, reference_path: Path | None, periods: Periods) -> _Compared:
    if reference_path is not None:
        earlier, reference = None, _read(reference_path)
    else:
        earlier = ledger.served(periods.before)
        source = f"served {' to '.join(span(periods.before))}, {earlier.decisions:,} decisions"
        reference = reference_of_columns(earlier.columns(), source=source)
    served = ledger.served(periods.after)
    if not served.decisions or (earlier is not None and not earlier.decisions):
        raise click.ClickException(_nothing(ledger, periods, served, earlier))
    columns = served.columns()
    not_recorded = sorted(reference.features.keys() - columns.keys())
    return _Compared(reference.source, periods.after, served.decisions, drifts(reference, columns), not_recorded)


def _nothing(ledger: _Ledger, periods: Periods, served: ServedValues, earlier: ServedValues | None) -> str:
    """What there is, what is needed, and what to do next."""
    lines = ["there is nothing to compare yet.", f"  served  {ledger.told(periods.after, served)}"]
    if earlier is not None:
        lines.append(f"  before  {ledger.told(periods.before, earlier)}")
    held = ledger.archive.statistics()
    if held.first is not None and held.last is not None:
        lines.append(f"  ledger  {' to '.join(span((held.first, held.last)))}")
    lines.append(f"About {FEWEST_ROWS} decisions on each side are needed before a shift can be told from chance.")
    lines.append("Choose periods with --before START END and --after START END, or compare with a training set:")
    lines += [f"  {command}" for command in _TRAINING_SET]
    return "\n".join(lines)


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
        "not_recorded": compared.not_recorded,
        "drift": [
            {
                "feature": one.feature,
                "psi": round(one.psi, 5),
                "jensen_shannon_bits": round(one.jensen_shannon, 5),
                "verdict": one.verdict,
                "fewest_served": one.fewest_served,
                "bins": one.labels,
                "reference": one.before,
                "served": one.after,
            }
            for one in compared.found
        ],
    }


def _draw(compared: _Compared) -> None:
    console = Console(highlight=False)
    console.print(f"reference  {escape(compared.reference)}", soft_wrap=True)
    served = f"{' to '.join(span(compared.after))}, {compared.rows:,} decisions on known accounts"
    console.print(f"served     {served}", soft_wrap=True)
    console.print(_summary(compared), soft_wrap=True)
    if compared.not_recorded:
        told = f"{len(compared.not_recorded)} of the reference's features that these decisions did not record"
        console.print(f"[dim]left out: {told}; with features.kept=all they record every one[/dim]", soft_wrap=True)
    if judged := [one for one in compared.found if one.verdict is not Verdict.TOO_FEW]:
        console.print(_table(judged))


def _summary(compared: _Compared) -> str:
    if not compared.found:
        return "[yellow]no feature of the reference was served[/yellow]"
    counts = Counter(one.verdict for one in compared.found)
    told = [f"[{_COLOURS[each]}]{counts[each]} {each}[/]" for each in reversed(_JUDGED) if counts[each]]
    if few := [one for one in compared.found if one.verdict is Verdict.TOO_FEW]:
        told.append(f"[dim]{len(few)} not judged:[/dim] {_lacking(few)}")
    return f"{len(compared.found)} compared: {', '.join(told)}"


def _lacking(few: Sequence[FeatureDrift]) -> str:
    """What would have to be there for the features that can't be judged."""
    hopeless = [one for one in few if one.fewest_served is None]
    if hopeless:
        rows = max(sum(one.before) for one in hopeless)
        first, second = _TRAINING_SET
        told = f"the reference has too few rows, {rows:,} where {FEWEST_ROWS} are needed"
        return f"{told}; a larger one: `{first}`, then `{second}`"
    needed = max(one.fewest_served or 0 for one in few)
    return f"too few decisions; from about {needed:,} on a shift can be told from chance"


def _table(found: Sequence[FeatureDrift]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for heading in ("view", "feature", ""):
        table.add_column(heading)
    for heading in ("PSI", "JS", "unknown", "before"):
        table.add_column(heading, justify="right")
    for one in found:
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
    return table
