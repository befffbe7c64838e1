"""`python -m tidegate.models.evaluation.account_risk_plots`: draws the card's plots from the metrics."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from tidegate.models.catalogue import catalogue
from tidegate.models.evaluation.other_detectors import metrics_of
from tidegate.models.evaluation.plots import Document, styled, svg

_OURS: Final = "#2a7f86"
_OTHERS: Final = "#8a8377"
_EVEN: Final = "#d9dde2"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tidegate.models.evaluation.account_risk_plots", description=__doc__
    )
    parser.add_argument("--out", type=Path, default=Path("models/cards/plots"))
    options = parser.parse_args(arguments)
    metrics = metrics_of(catalogue()["account_risk"])
    if metrics is None:
        sys.stderr.write("account_risk has no metrics; train it first: make models\n")
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        path = options.out / f"account_risk_{name}.svg"
        path.write_text(svg(draw(metrics)), encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def compared(metrics: Document) -> Figure:
    """Area under the ROC curve of each model on the same folds, with its spread over folds."""
    rows = sorted(metrics["compared"].items(), key=lambda one: float(one[1]["auc"]))
    figure, (axes,) = styled(6.8, 4.8)
    for place, (name, one) in enumerate(rows):
        colour = _OURS if name == "account_risk" else _OTHERS
        axes.errorbar(one["auc"], place, xerr=one["auc_spread"], fmt="o", color=colour, markersize=4.5, linewidth=1)
    axes.axvline(0.97, color="#b3332e", linewidth=1, linestyle=":")
    axes.text(0.97, -0.6, "target ", color="#b3332e", fontsize=8, ha="right")
    axes.set_yticks(range(len(rows)), [name.replace("_", " ") for name, _ in rows])
    axes.set(xlabel="AUC on accounts of held-out folds (bar: standard deviation over folds)", xlim=(0.45, 1.0))
    return figure


def roc(metrics: Document) -> Figure:
    """Bots found over false alarms."""
    figure, (axes,) = styled(4.2, 3.9)
    axes.plot([0, 1], [0, 1], color=_EVEN, linewidth=1)
    axes.plot(metrics["roc"]["false_alarms"], metrics["roc"]["found"], color=_OURS, linewidth=1.8)
    axes.set(xlabel="share of people taken for bots", ylabel="share of bots found", xlim=(0, 1), ylim=(0, 1.02))
    return figure


def reliability(metrics: Document) -> Figure:
    """What is true over what is said, in bins of equally many accounts."""
    figure, (axes,) = styled(4.2, 3.9)
    axes.plot([0, 1], [0, 1], color=_EVEN, linewidth=1)
    bins = metrics["reliability"]
    said, true = [one["mean_score"] for one in bins], [one["share_positive"] for one in bins]
    axes.plot(said, true, "o-", color=_OURS, markersize=4, linewidth=1)
    axes.set(xlabel="mean probability", ylabel="share of bots", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_title(f"ECE {metrics['ece']:.3f}")
    return figure


def hidden(metrics: Document) -> Figure:
    """What is left of order and calibration when inputs are missing."""
    rows = sorted(metrics["hidden"], key=lambda one: float(one["auc"]))
    figure, panels = styled(7.2, 2.9, columns=2)
    for axes, key, title in zip(panels, ("auc", "ece"), ("AUC", "calibration error (ECE)"), strict=True):
        axes.barh([one["missing"] for one in rows], [one[key] for one in rows], color=_OURS, height=0.6)
        axes.set_title(title)
    panels[0].set_xlim(0.5, 1.0)
    panels[0].set_ylabel("what is missing")
    panels[1].set_yticklabels([])
    return figure


PLOTS: Final[Mapping[str, Callable[[Document], Figure]]] = {
    "compared": compared,
    "roc": roc,
    "reliability": reliability,
    "hidden": hidden,
}
"""By the end of the file's name."""

if __name__ == "__main__":
    sys.exit(main())
