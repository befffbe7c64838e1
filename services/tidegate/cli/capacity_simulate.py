"""`tidegate capacity simulate`: plays an autoscaler over a trace and says what it lost and what it cost."""

import math
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tidegate.capacity.arrivals import DAY_S, RateTrace, TraceError, daily, read_trace, spike, steady
from tidegate.capacity.demand import Demand, DemandError
from tidegate.capacity.event_simulation import simulate_events
from tidegate.capacity.fluid_simulation import simulate_fluid
from tidegate.capacity.plan import planned
from tidegate.capacity.scaler_choice import ScalerChoice, ScalerKind, scaler_of, target_of
from tidegate.capacity.scenario import Admission, Balancing, Scenario
from tidegate.cli.capacity import costs_of, costs_option, mix_of
from tidegate.cli.capacity_outcome import draw_outcome, outcome_document
from tidegate.cli.output import print_json, told_os_error

MOST_EVENTS = 300_000
"""Items that are played one by one unless `--engine` says otherwise: some ten seconds on a slow core."""
MOST_PLAYED = 10_000_000
"""Items that can be played one by one at all: about 100 bytes each, half a minute of a core or more."""
MOST_S = 7 * DAY_S
"""Longest trace: the fluid's steps of a week take a quarter of a gigabyte."""
MOST_REPLICAS = 100_000
"""Each is an object that is looked at every second."""
MOST_RATE = 1e8
"""Items per second, as `tidegate capacity` has it; in a spike too."""
LEAST_TARGET = 0.001
"""Targets are shown and calculated to three digits."""
_DAYS_OF_SHAPE = {"steady": 600.0, "spike": 1_800.0, "daily": DAY_S}

_replicas = click.IntRange(1, MOST_REPLICAS)
_more_than_nothing = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option("--trace", "trace_path", type=click.Path(path_type=Path, dir_okay=False), help="CSV: at_s,items_per_s.")
@click.option(
    "--shape", type=click.Choice([*_DAYS_OF_SHAPE]), default="spike", show_default=True, help="Without --trace."
)
@click.option(
    "--items-per-second",
    type=click.FloatRange(0, MOST_RATE, min_open=True),
    default=1_000,
    show_default=True,
    help="Before the spike; the day's peak.",
)
@click.option(
    "--duration-s",
    type=click.FloatRange(0, MOST_S, min_open=True),
    help="By default 600 (steady), 1800 (spike), 86400 (daily).",
)
@click.option(
    "--spike-factor", type=_more_than_nothing, default=3, show_default=True, help="How much more comes in the spike."
)
@click.option("--spike-at-s", type=_more_than_nothing, help="When; by default after a third. With daily only if given.")
@click.option("--spike-for-s", type=_more_than_nothing, default=300, show_default=True, help="How long.")
@click.option(
    "--trough", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Quietest rate / peak, of a day."
)
@click.option("--deployment", default="ModerationRouter", show_default=True, help="Which one of the plan.")
@click.option("--mix", "mix_told", help="As for `tidegate capacity`.")
@click.option(
    "--service-ms", type=_more_than_nothing, help="CPU time of an item; by default the deployment's, by --costs."
)
@click.option(
    "--variation", type=click.FloatRange(0, 10), default=1, show_default=True, help="Its coefficient of variation."
)
@click.option("--scaler", type=click.Choice([each.value for each in ScalerKind]), default="serve", show_default=True)
@click.option(
    "--utilisation",
    type=click.FloatRange(0.01, 1, max_open=True),
    default=0.6,
    show_default=True,
    help="How busy replicas shall be.",
)
@click.option(
    "--target",
    type=click.FloatRange(min=LEAST_TARGET),
    help="serve: ongoing requests; hpa: CPU use; keda: queue / compute time. By default it follows from --utilisation.",
)
@click.option("--replicas", type=_replicas, help="At the start; by default enough for the first rate.")
@click.option("--least", type=_replicas, default=2, show_default=True, help="Fewest replicas.")
@click.option("--most", type=_replicas, default=10_000, show_default=True, help="Most replicas.")
@click.option("--upscale-delay-s", type=click.FloatRange(min=0), help="serve: 30 by default.")
@click.option(
    "--downscale-delay-s", type=click.FloatRange(min=0), help="serve: 600; hpa and keda: 300 (stabilisation window)."
)
@click.option("--look-back-s", type=_more_than_nothing, help="serve: 30; hpa and keda: 60.")
@click.option(
    "--scale-down-pods",
    type=click.IntRange(min=1),
    help="hpa and keda: at most so many fewer in --scale-period-s; by default all at once, as Kubernetes does.",
)
@click.option(
    "--scale-period-s",
    type=_more_than_nothing,
    default=15,
    show_default=True,
    help="hpa and keda: twice as many, or four more, at most in so long.",
)
@click.option(
    "--start-up-s",
    type=click.FloatRange(min=0),
    default=30,
    show_default=True,
    help="From wanted until it answers: an assumption.",
)
@click.option(
    "--budget-ms", type=_more_than_nothing, default=1_000, show_default=True, help="Of an item; later is late."
)
@click.option(
    "--balancing", type=click.Choice([each.value for each in Balancing]), default="two_choices", show_default=True
)
@click.option(
    "--engine",
    type=click.Choice(["auto", "events", "fluid"]),
    default="auto",
    show_default=True,
    help=f"events plays every item, up to {MOST_PLAYED:,}; auto does up to {MOST_EVENTS:,}.",
)
@click.option("--seed", type=click.IntRange(min=0), default=7, show_default=True)
@costs_option
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Also draws it: a .png, .svg or .pdf.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def simulate(costs_path: Path, mix_told: str | None, plot: Path | None, as_json: bool, **asked: Any) -> None:
    """Plays an autoscaler over a spike, a day or your own trace: what is lost, how many replicas, for how long.

    One deployment, whose replicas have a core each. Items come at random (Poisson) around the trace's rate. Admission
    is that of a router: 48 items under way, 128 that wait, at most half of their budget; the rest is shed. Scalers see
    means over their look-back, act after their delays, and a replica answers only after its start-up time. The same
    seed gives the same run. What is not modelled stands in services/tidegate/capacity/README.md.

    \b
    Examples:
      tidegate capacity simulate --shape spike --items-per-second 2000 --spike-factor 4 --plot spike.png
      tidegate capacity simulate --shape daily --items-per-second 100000 --scaler hpa
      tidegate capacity simulate --trace monday.csv --upscale-delay-s 5
    """  # noqa: D301 - click's mark of a paragraph that keeps its lines
    for name, value in asked.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise click.UsageError(f"--{name.replace('_', '-')}: must be a finite number, is {value}")
    try:
        trace = _trace(asked)
    except TraceError as error:
        raise click.ClickException(f"trace: {error}") from error
    _refuse_too_much(trace, asked)
    scenario = _scenario(asked, trace, _service_s(asked, costs_path, mix_told))
    choice = _choice(asked)
    _refuse_contradictions(choice, scenario)
    every = asked["engine"] == "events" or (asked["engine"] == "auto" and trace.expected() <= MOST_EVENTS)
    outcome = (simulate_events if every else simulate_fluid)(trace, scenario, scaler_of(choice, scenario))
    told = {
        "scaler": choice.kind.value,
        "target": None if choice.kind is ScalerKind.FIXED else target_of(choice, scenario),
        "engine": "events" if every else "fluid",
        "deployment": asked["deployment"] if asked["service_ms"] is None else "as told by --service-ms",
    }
    if plot is not None:
        _plot(plot, outcome, scenario, told)
    if as_json:
        print_json(outcome_document(outcome, scenario, told))
    else:
        draw_outcome(Console(highlight=False), outcome, scenario, told)


def _trace(asked: dict[str, Any]) -> RateTrace:
    if (path := asked["trace_path"]) is not None:
        try:
            return read_trace(path.read_text(encoding="utf-8-sig"))  # spreadsheets begin a file with a mark
        except OSError as error:
            raise click.ClickException(f"--trace: {path} can't be read: {told_os_error(error)}") from error
        except UnicodeDecodeError as error:
            raise click.ClickException(f"--trace: {path} is not UTF-8") from error
    shape, rate, at_s = asked["shape"], asked["items_per_second"], asked["spike_at_s"]
    duration_s = asked["duration_s"] or _DAYS_OF_SHAPE[shape]
    if shape == "steady":
        return steady(rate, duration_s)
    if shape == "spike":
        return spike(
            rate, duration_s, factor=asked["spike_factor"], at_s=at_s or duration_s / 3, for_s=asked["spike_for_s"]
        )
    spikes = [] if at_s is None else [(at_s, asked["spike_for_s"], asked["spike_factor"])]
    return daily(rate, duration_s, trough=asked["trough"], peak_at_s=20 * 3_600.0, spikes=spikes)


def _refuse_too_much(trace: RateTrace, asked: dict[str, Any]) -> None:
    """What can't be played is refused before memory or numpy's generators end."""
    if trace.end_s > MOST_S:  # of --trace: --duration-s has its range
        raise click.UsageError(f"--trace: ends at second {trace.end_s:g}; a trace may last {MOST_S:,.0f} s, a week")
    if (highest := max(trace.rates)) > MOST_RATE:
        told = "--trace" if asked["trace_path"] is not None else "--items-per-second with --spike-factor"
        raise click.UsageError(f"{told}: {highest:g} items/s at the highest; at most {MOST_RATE:,.0f} can be played")
    if asked["engine"] == "events" and trace.expected() > MOST_PLAYED:
        raise click.UsageError(
            f"--engine events: {trace.expected():,.0f} items; at most {MOST_PLAYED:,} can be played one by one. "
            "Take --engine fluid, a shorter --duration-s or a lower rate"
        )


def _refuse_contradictions(choice: ScalerChoice, scenario: Scenario) -> None:
    if choice.least > choice.most:
        raise click.UsageError(f"--least {choice.least} is above --most {choice.most}")
    if scenario.replicas > choice.most:
        raise click.UsageError(f"--replicas {scenario.replicas} is above --most {choice.most}")
    if choice.kind is not ScalerKind.FIXED and scenario.replicas < choice.least:
        raise click.UsageError(f"--replicas {scenario.replicas} is below --least {choice.least}")
    if choice.kind is not ScalerKind.FIXED and target_of(choice, scenario) < LEAST_TARGET:
        raise click.UsageError(
            f"--utilisation {choice.utilisation:g}: such idle replicas have no queue that a target could follow from. "
            f"Give --target, {LEAST_TARGET:g} at least, or let them be busier"
        )


def _service_s(asked: dict[str, Any], costs_path: Path, mix_told: str | None) -> float:
    """CPU time of an item in the deployment: all its work divided by all items."""
    if asked["service_ms"] is not None:
        return float(asked["service_ms"]) / 1e3
    try:
        plan = planned(Demand.of(items_per_second=1_000, mix=mix_of(mix_told)), costs_of(costs_path))
    except DemandError as error:
        raise click.ClickException(str(error)) from error
    found = {each.name: each.busy_cores / 1_000 for each in plan.deployments}
    if asked["deployment"] not in found:
        raise click.UsageError(f"--deployment: {asked['deployment']!r} is none of {', '.join(found)}")
    return found[asked["deployment"]]


def _scenario(asked: dict[str, Any], trace: RateTrace, service_s: float) -> Scenario:
    enough = math.ceil(trace.rates[0] * service_s / asked["utilisation"])
    return Scenario(
        service_s=service_s,
        variation=asked["variation"],
        replicas=asked["replicas"] or min(max(asked["least"], enough), asked["most"]),
        start_up_s=asked["start_up_s"],
        admission=Admission(budget_s=asked["budget_ms"] / 1e3),
        balancing=Balancing(asked["balancing"]),
        seed=asked["seed"],
    )


def _choice(asked: dict[str, Any]) -> ScalerChoice:
    return ScalerChoice(
        kind=ScalerKind(asked["scaler"]),
        least=asked["least"],
        most=asked["most"],
        utilisation=asked["utilisation"],
        target=asked["target"],
        up_delay_s=asked["upscale_delay_s"],
        down_delay_s=asked["downscale_delay_s"],
        look_back_s=asked["look_back_s"],
        down_pods=asked["scale_down_pods"],
        period_s=asked["scale_period_s"],
    )


def _plot(path: Path, outcome: Any, scenario: Scenario, told: dict[str, Any]) -> None:
    from tidegate.capacity.simulation_plot import plot_simulation  # noqa: PLC0415 - only who draws waits for matplotlib

    target = "" if told["target"] is None else f", target {told['target']:g}"
    title = (
        f"{told['deployment']}: {scenario.service_s * 1e3:.3g} ms an item, {told['scaler']}{target}, "
        f"start-up {scenario.start_up_s:g} s, seed {scenario.seed} ({told['engine']})"
    )
    try:
        plot_simulation(path, outcome, scenario, title=title)
    except (OSError, ValueError) as error:
        raise click.ClickException(f"--plot: {path} can't be drawn: {error}") from error
