"""`tidegate capacity refresh`: a costs file of what the benchmarks measured on this machine."""

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from tidegate.capacity.bench_results import COMMANDS, BenchError, Result, refreshed
from tidegate.capacity.costs_file import written
from tidegate.cli.capacity import costs_of, costs_option
from tidegate.cli.output import told_os_error


@click.command()
@click.option(
    "--bench", type=click.Path(path_type=Path, file_okay=False), default=Path("build/bench"), show_default=True
)
@click.option("--machine", help="What it was measured on, in your words; by default cores and system.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write.")
@costs_option
def refresh(bench: Path, machine: str | None, out: Path, costs_path: Path) -> None:
    """Makes a costs file of your own measurements, for `--costs` of the other commands.

    Reads what these left in build/bench: `TIDEGATE_NEARBY_CALLS=false make compare`, `make bench-features`,
    `make bench-ledger`, `make bench-models`, and `python -m loadtests.sizes`. As many as there are: other figures stay
    as in --costs, each with its day and source.
    """
    results = {name: _read(bench / name) for name in COMMANDS if (bench / name).exists()}
    if not results:
        commands = ", ".join(f"`{command}` ({name})" for name, command in COMMANDS.items())
        raise click.ClickException(f"{bench} holds nothing to read. Run any of {commands}")
    compare = results.get("compare_samples.json")
    told = machine or _machine(compare)
    try:
        made = refreshed(costs_of(costs_path), results, machine=told)
        out.write_text(written(made.costs))
    except (BenchError, KeyError, TypeError) as error:
        raise click.ClickException(f"{bench}: not what the benchmarks write: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{out} can't be written: {told_os_error(error)}") from error
    sys.stderr.write(f"{out}: {len(made.renewed)} figures of this machine, {len(made.kept)} as before")
    sys.stderr.write(f": {', '.join(made.kept)}\n" if made.kept else "\n")


def _read(path: Path) -> Result:
    try:
        return Result(json.loads(path.read_text()), datetime.fromtimestamp(path.stat().st_mtime, tz=UTC).date())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} can't be read: {error}") from error


def _machine(compare: Result | None) -> str:
    if compare is not None:
        told = compare.document["machine"]
        return f"{told['cores']} cores, {told['memory_gib']} GiB, {told['system']}"
    return platform.platform()
