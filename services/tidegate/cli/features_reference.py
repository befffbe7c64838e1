"""`tidegate features reference`: from a training set, the distribution that served signals are compared with."""

from pathlib import Path

import click

from tidegate.cli.output import print_json, told_os_error
from tidegate.features.settled_option import SettledOption


@click.command()
@click.argument("training_set", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--out",
    cls=SettledOption,
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="JSON file to write.",
)
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def reference(training_set: Path, out: Path, as_json: bool) -> None:
    """Bins the signals of TRAINING_SET, a Parquet file, and keeps how it fills the bins.

    `tidegate features drift` compares with it by default. Routers read it when they start, and count what they serve in
    its bins. It holds no account and no decision, but words and deciles of the training set. A set of fewer than 400
    rows gives a warning: by chance alone, what is served would seem to have shifted.
    """
    from tidegate.data_quality.counting import reference_of  # noqa: PLC0415 - numpy and Arrow take a while
    from tidegate.data_quality.drift import FEWEST_ROWS, MOST_NOISE  # noqa: PLC0415
    from tidegate.data_quality.reference import ReferenceUnusableError  # noqa: PLC0415
    from tidegate.data_quality.training_values import training_values  # noqa: PLC0415

    try:
        values = training_values(training_set)
        made = reference_of(values, source=f"{training_set.name}, {values.num_rows:,} rows")
        out.parent.mkdir(parents=True, exist_ok=True)
        made.write(out)
    except ReferenceUnusableError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{out} can't be written: {told_os_error(error)}") from error
    if values.num_rows < FEWEST_ROWS:
        click.echo(_few(values.num_rows, fewest=FEWEST_ROWS, noise=MOST_NOISE), err=True)
    if as_json:
        facts = {"out": str(out), "rows": values.num_rows, "features": len(made.features), "digest": made.digest}
        print_json({**facts, "fewest_rows": FEWEST_ROWS})
        return
    click.echo(f"{out}: {len(made.features)} features of {values.num_rows:,} rows, reference {made.digest}")


def _few(rows: int, *, fewest: int, noise: float) -> str:
    return (
        f"warning: {rows:,} rows on known accounts are few. Though nothing has changed, a PSI over 11 bins comes to "
        f"about 10 (1/n + 1/m); it is judged where that is {noise} or less: from {fewest} rows with as many decisions. "
        "Until then `tidegate features drift` judges less, or nothing; routers' metrics compare with it all the same."
    )
