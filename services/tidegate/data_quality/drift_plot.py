"""Drift as a picture: a panel per feature, bars for the reference and for what was served."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from tidegate.data_quality.drift import FeatureDrift
from tidegate.models.evaluation.divergence import Verdict, shares

MOST_PANELS: Final = 12
"""Features that are drawn: those that moved furthest."""
_COLUMNS: Final = 3
_INK, _REFERENCE = "#1d2a3a", "#9aa5b1"
_SERVED: Final = {
    Verdict.STABLE: "#2a7f86",
    Verdict.MODERATE: "#d8821f",
    Verdict.LARGE: "#b3332e",
    Verdict.TOO_FEW: "#c9c3b8",
}
_STYLE: Final[Any] = {
    "font.size": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "tidegate",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "text.color": _INK,
}


def plot_drift(path: Path, found: Sequence[FeatureDrift], *, title: str) -> None:
    """Draws the first features into a PNG, SVG or PDF file, by its ending.

    Raises:
        ValueError: Files with such an ending can't be made.
        OSError: The file can't be written.
    """
    shown = found[:MOST_PANELS]
    rows = -(-max(1, len(shown)) // _COLUMNS)
    with rc_context(_STYLE):
        figure = Figure(figsize=(11.5, 0.9 + 2.3 * rows), layout="constrained")
        figure.suptitle(title, fontsize=10, x=0.01, ha="left")
        colours = {"reference": _REFERENCE, **{f"served: {verdict}": colour for verdict, colour in _SERVED.items()}}
        patches = [Patch(color=colour, label=label) for label, colour in colours.items()]
        figure.legend(handles=patches, loc="outside lower left", ncols=len(patches), frameon=False)
        axes: list[Axes] = list(figure.subplots(rows, _COLUMNS, squeeze=False).flat)
        for one, ax in zip(shown, axes, strict=False):
            _panel(ax, one)
        for ax in axes[len(shown) :]:
            ax.set_axis_off()
        figure.savefig(path, dpi=130)


def _panel(ax: Axes, one: FeatureDrift) -> None:
    places = range(len(one.labels))
    before, after = shares(one.before), shares(one.after)
    ax.bar([place - 0.2 for place in places], before, width=0.4, color=_REFERENCE)
    ax.bar([place + 0.2 for place in places], after, width=0.4, color=_SERVED[one.verdict])
    ax.set_title(f"{one.feature.replace('__', ' · ')}\nPSI {one.psi:.2f}, JS {one.jensen_shannon:.2f}, {one.verdict}")
    ax.set_xticks(list(places), [_tick(label) for label in one.labels], rotation=60, ha="right", fontsize=6.5)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _tick(label: str) -> str:
    try:
        return f"to {float(label):.4g}" if label != "+Inf" else "above"
    except ValueError:
        return label
