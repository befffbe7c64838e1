"""`tidegate capacity`: what so many items a second need, from measured costs; `simulate` and `refresh` beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tidegate.capacity.costs import Calls, Costs, CostsError, Topology
from tidegate.capacity.costs_file import SHIPPED, read_costs
from tidegate.capacity.demand import Demand, DemandError
from tidegate.capacity.mix import Mix, MixError, mix_of_shares
from tidegate.capacity.plan import planned
from tidegate.cli.capacity_view import draw_plan, plan_document
from tidegate.cli.lazy_group import LazyGroup
from tidegate.cli.output import print_json, told_os_error
from tidegate.policy.document import read_yaml
from tidegate.policy.problems import PolicyError

LATER = {
    "simulate": ("tidegate.cli.capacity_simulate", "simulate", "Plays an autoscaler over a day or a spike."),
    "refresh": ("tidegate.cli.capacity_refresh", "refresh", "Makes a costs file of your own measurements."),
}
"""Commands beneath this one."""


def costs_option(command: Any) -> Any:
    """`--costs` of every command that calculates."""
    return click.option(
        "--costs",
        "costs_path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=SHIPPED,
        help="Measured costs (YAML), as `capacity refresh` writes them. By default those of the machine Tidegate was "
        "written on: two slow shared cores, no GPU.",
    )(command)


@click.group("capacity", cls=LazyGroup, later=LATER, invoke_without_command=True)
@click.option("--items-per-second", type=float, help="At the busiest time. Required.")
@click.option("--mix", "mix_told", help="Weights of surfaces, as comment=0.9,profile=0.1, or a YAML file; see below.")
@click.option(
    "--topology", type=click.Choice([each.value for each in Topology]), default="distributed", show_default=True
)
@click.option(
    "--calls",
    type=click.Choice([each.value for each in Calls]),
    default="unary",
    show_default=True,
    help="How items come in.",
)
@click.option("--utilisation", type=float, default=0.6, show_default=True, help="How busy a core may be at the peak.")
@click.option("--mean-share", type=float, default=1.0, show_default=True, help="Mean of a day / peak, for the ledger.")
@click.option("--accounts", type=float, default=10_000_000, show_default=True, help="Accounts with signals in Redis.")
@click.option("--retention-days", type=float, default=183, show_default=True, help="How long decisions are kept.")
@click.option("--event-keep-days", type=int, help="signals.keep_events_days.  [default: all events are kept]")
@click.option("--allowed-share", type=float, default=0.95, show_default=True, help="Share of decisions that are ALLOW.")
@click.option("--event-volume-gib", type=float, default=20, show_default=True, help="Volume of the event log.")
@click.option("--export-volume-gib", type=float, default=100, show_default=True, help="Volume of the ledger's exports.")
@click.option("--node-cores", type=int, default=16, show_default=True, help="CPU cores of a worker node.")
@click.option("--redis-node-gib", type=float, default=64, show_default=True, help="Memory of a Redis node.")
@click.option("--redis-copies", type=int, default=1, show_default=True, help="Replicas of each Redis primary.")
@click.option("--gpu-texts-per-second", type=float, help="text_harm on one GPU of yours, measured by you.")
@click.option("--gpu-images-per-second", type=float, help="image_unsafe on one GPU of yours, measured by you.")
@costs_option
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.pass_context
def capacity(ctx: click.Context, /, mix_told: str | None, costs_path: Path, as_json: bool, **asked: Any) -> None:
    """Says what so many items a second need: replicas, cores, GPUs, Redis, ledger, network, and why.

    Arithmetic over measured costs: rate x CPU time / utilisation. Every number is shown with its assumptions, the
    command that measured it and the day. The shipped costs are from two slow shared cores without a GPU, so that
    GPUs are only counted if you say what one of yours does. Measure on your own machines: `tidegate capacity refresh`.

    The mix is an assumption about your product; the answer shows the one that was used. As a YAML file:

    \b
      surfaces:                   # shares add up to 1
        comment: {share: 0.95}
        profile: {share: 0.05, texts: 1, images: 0.25}   # parts of an item, in the mean
      audio_seconds: 120          # mean length of an audio part
      repeated_texts: 0.1         # share that the score cache answers

    \b
    Example:
      tidegate capacity --items-per-second 100000 --mix comment=0.97,profile=0.03 --mean-share 0.6
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines
    if ctx.invoked_subcommand is not None:
        return
    if asked["items_per_second"] is None:
        raise click.UsageError("--items-per-second is missing: how many items come at the busiest time?")
    costs, mix = costs_of(costs_path), mix_of(mix_told)
    try:
        demand = Demand.of(mix=mix, **asked)
    except DemandError as error:
        raise click.ClickException(str(error)) from error
    plan = planned(demand, costs)
    if as_json:
        print_json(plan_document(demand, costs, plan))
    else:
        draw_plan(Console(highlight=False), demand, costs, plan)


def costs_of(path: Path) -> Costs:
    """The measured costs, or a message to the user."""
    try:
        return read_costs(path)
    except CostsError as error:
        raise click.ClickException(str(error)) from error


def mix_of(told: str | None) -> Mix:
    """The mix that `--mix` names, or a message to the user."""
    try:
        if told is None:
            return Mix()
        if Path(told).suffix in {".yaml", ".yml"}:
            return Mix.of(_document(Path(told)))
        return mix_of_shares(told)
    except MixError as error:
        raise click.ClickException(f"--mix: {error}") from error


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = read_yaml(path.read_text(encoding="utf-8"), file=str(path))
    except OSError as error:
        raise click.ClickException(f"--mix: {path} can't be read: {told_os_error(error)}") from error
    except PolicyError as error:  # a repeated surface among them: YAML would take the last in silence
        raise click.ClickException(f"--mix: {error}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"--mix: {path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        raise click.ClickException(f"--mix: {path} must hold a mapping with `surfaces`; see --help")
    return document
