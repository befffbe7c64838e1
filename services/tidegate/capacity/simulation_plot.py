"""A simulated run as a picture: what came and what became of it, above the replicas that there were for it."""

from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tidegate.capacity.scenario import Outcome, Scenario

_INK, _GOOD, _LATE, _SHED, _READY, _STARTING = "#1d2a3a", "#2a7f86", "#d8821f", "#b3332e", "#2563eb", "#a9c1f0"
_STYLE: Final[Any] = {
    "font.size": 8.5,
    "svg.fonttype": "none",
    "svg.hashsalt": "tidegate",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "text.color": _INK,
}
_ROOM = 1.18
_HOURS_FROM_S, _MINUTES_FROM_S = 7_200, 300


def plot_simulation(path: Path, outcome: Outcome, scenario: Scenario, *, title: str) -> None:
    """Draws a PNG, SVG or PDF file, by its ending.

    Raises:
        ValueError: Files with such an ending can't be made.
        OSError: The file can't be written.
    """
    series = outcome.series
    unit, scale = _unit(series.bin_s * len(series.arrived))
    edges = [index * series.bin_s / scale for index in range(len(series.arrived) + 1)]
    with rc_context(_STYLE):
        figure = Figure(figsize=(11, 6.2), layout="constrained")
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        _items(above, edges, outcome)
        _replicas(below, edges, outcome, scenario)
        below.set_xlabel(unit)
        figure.savefig(path, dpi=130)


def _unit(length_s: float) -> tuple[str, float]:
    if length_s >= _HOURS_FROM_S:
        return "hours", 3_600.0
    return ("minutes", 60.0) if length_s >= _MINUTES_FROM_S else ("seconds", 1.0)


def _items(ax: Axes, edges: list[float], outcome: Outcome) -> None:
    series = outcome.series
    per_s = [[count / series.bin_s for count in counts] for counts in (series.good, series.late, series.shed)]
    base = [0.0] * len(series.arrived)
    for counts, colour, label in zip(per_s, (_GOOD, _LATE, _SHED), ("in time", "late", "shed"), strict=True):
        top = [low + count for low, count in zip(base, counts, strict=True)]
        ax.stairs(top, edges, baseline=base, fill=True, color=colour, label=label, lw=0)
        base = top
    ax.stairs(
        [count / series.bin_s for count in series.arrived], edges, baseline=None, color=_INK, lw=0.9, label="arrived"
    )
    _frame(ax, edges, f"items per second; lost {outcome.lost_share:.2%}")
    ax.legend(frameon=False, ncols=4, loc="upper right")


def _replicas(ax: Axes, edges: list[float], outcome: Outcome, scenario: Scenario) -> None:
    series = outcome.series
    paid = [ready + starting for ready, starting in zip(series.ready, series.starting, strict=True)]
    ax.stairs(paid, edges, baseline=list(series.ready), fill=True, color=_STARTING, label="starting")
    ax.stairs(series.ready, edges, baseline=None, color=_READY, lw=1.4, label="ready")
    needed = [count / series.bin_s * scenario.service_s for count in series.arrived]
    ax.stairs(needed, edges, baseline=None, color=_INK, lw=0.9, ls=":", label="cores that the items need")
    told = f"replicas; at most {outcome.peak_replicas:,}, {outcome.replica_hours:,.1f} replica hours"
    _frame(ax, edges, told)
    ax.legend(frameon=False, ncols=3, loc="upper right")


def _frame(ax: Axes, edges: list[float], title: str) -> None:
    """Leaves room above for the legend."""
    ax.set(title=title, xlim=(0, edges[-1]), ylim=(0, ax.get_ylim()[1] * _ROOM))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
