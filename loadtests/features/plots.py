"""What `make bench-features` found, in six panels; a panel whose program has not run says so."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from loadtests.features import batch, ingest, lookup, risk, visibility
from tidegate.models.evaluation.plots import styled

_OURS, _OTHERS, _SECOND, _BOUND = "#2a7f86", "#8a8377", "#d8821f", "#b3332e"
_SHOWN_MODELS: Final = 8
_GIB: Final = 2**30

Samples = Mapping[str, Any]


def overview(out: Path) -> Figure:
    """All panels.

    Args:
        out: Folder of all benchmarks.
    """
    figure, axes = styled(11.5, 6.6, rows=2, columns=3)
    for place, (program, title, draw) in zip(axes, PANELS, strict=True):
        place.set_title(title)
        path = out / "features" / f"{program}_samples.json"
        if path.exists():
            draw(place, json.loads(path.read_text()))
        else:
            place.text(0.5, 0.5, "not measured", ha="center", va="center", transform=place.transAxes)
    return figure


def lookups(axes: Axes, samples: Samples) -> None:
    """A dot per repeat: what a lookup takes as a multiple of raw."""
    ways = {"lookup": _OURS, "Feast": _OTHERS}
    for place, (size, found) in enumerate(samples["us_per_account"].items()):
        raw = [statistics.median(times) for times in found["raw"]]
        for shift, (name, colour) in enumerate(ways.items()):
            ratios = [statistics.median(each) / base for each, base in zip(found[name], raw, strict=True)]
            at = place + 0.18 * (2 * shift - 1)
            axes.plot([at] * len(ratios), ratios, "o", color=colour, markersize=4, alpha=0.6)
            label = f"{name} {statistics.median(ratios):.2f}"
            axes.text(at, max(ratios), label, color=colour, fontsize=8, ha="center", va="bottom")
        axes.hlines(lookup.TARGETS[int(size)], place - 0.4, place + 0.4, color=_BOUND, linestyle=":")
    sizes = ["one account" if size == "1" else f"batch of {size}" for size in samples["us_per_account"]]
    axes.set_xticks(range(len(sizes)), sizes)
    axes.set(ylabel="÷ raw pipelined HMGET", ylim=(0, axes.get_ylim()[1] * 1.08), xlim=(-0.5, len(sizes) - 0.5))


def visible(axes: Axes, samples: Samples) -> None:
    """Share of events that are visible after so long."""
    for (store, found), colour in zip(samples.items(), (_SECOND, _OURS), strict=False):
        ordered = np.sort(found)
        axes.plot(ordered, np.arange(1, ordered.size + 1) / ordered.size, color=colour, label=store)
    axes.axvline(visibility.TARGET_MS, color=_BOUND, linestyle=":")
    axes.axhline(0.99, color=_OTHERS, linewidth=0.7, linestyle=":")
    axes.set_xscale("log")
    axes.set(xlabel="ms after its acknowledgement", ylabel="share of events visible", ylim=(0, 1.02))
    axes.legend(loc="upper left")


def durable(axes: Axes, samples: Samples) -> None:
    """Events per second, batch after batch."""
    batches = samples["batches"]
    per_s = [each["events"] / each["wall_s"] for each in batches]
    axes.plot(np.cumsum([each["events"] for each in batches]) / 1e3, per_s, ".", color=_OURS, markersize=4)
    mean = sum(each["events"] for each in batches) / sum(each["wall_s"] for each in batches)
    axes.axhline(mean, color=_OURS, linewidth=1)
    axes.axhline(ingest.TARGET_EVENTS_PER_S, color=_BOUND, linestyle=":")
    axes.set(xlabel="thousand events in the log", ylabel="events per second", ylim=(0, None))


def memory(axes: Axes, samples: Samples) -> None:
    """Memory of the undisturbed run over time."""
    whole, start = samples["undisturbed"], 0.0
    for part, colour, name in (("computed", _OURS, "compute"), ("materialised", _SECOND, "materialize")):
        seen = whole[part]
        times = [(start + at) / 60 for at, _ in seen["rss"]]
        axes.plot(times, [size / _GIB for _, size in seen["rss"]], color=colour, label=name)
        start += seen["seconds"]
    _bounds(axes, samples)
    axes.set(xlabel="minutes", ylabel="GiB, summed over processes", xlim=(0, None), ylim=(0, axes.get_ylim()[1] * 1.2))
    axes.legend(loc="upper right", ncols=2)


def _bounds(axes: Axes, samples: Samples) -> None:
    if samples["archive"]["events"] >= batch.EVENTS:
        axes.axhline(batch.TARGET_GIB, color=_BOUND, linestyle=":")
        axes.axvline(batch.TARGET_MINUTES, color=_BOUND, linestyle=":")


def resumed(axes: Axes, samples: Samples) -> None:
    """Finished partitions over time: undisturbed, and killed half-way."""
    other = samples["disturbed"]
    killed_at = other["killed"]["seconds"]
    _steps(axes, samples["undisturbed"]["computed"], 0.0, _OURS, "undisturbed")
    _steps(axes, other["killed"], 0.0, _SECOND, "until kill -9")
    _steps(axes, other["resumed"], killed_at, _SECOND, "started again", linestyle="--")
    axes.axvline(killed_at / 60, color=_BOUND, linewidth=1)
    axes.set(xlabel="minutes", ylabel="partitions finished", xlim=(0, None), ylim=(0, None))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", fontsize=8)


def _steps(axes: Axes, seen: Samples, start: float, colour: str, name: str, *, linestyle: str = "-") -> None:
    told = [(at, line.split()[1].replace(",", "")) for at, line in seen["lines"] if line.startswith("computing:")]
    done = [(0.0, told[0][1] if start and told else "0"), *told]
    axes.step(
        [(start + at) / 60 for at, _ in done],
        [int(count) for _, count in done],
        where="post",
        color=colour,
        label=name,
        linestyle=linestyle,
    )


def risks(axes: Axes, samples: Samples) -> None:
    """AUC of the best models on the same folds."""
    compared = samples["compared"]
    best = sorted(compared, key=lambda name: compared[name]["auc"])[-_SHOWN_MODELS:]
    for place, name in enumerate(best):
        colour = _OURS if name == risk.MODEL else _OTHERS
        found = compared[name]
        axes.errorbar(found["auc"], place, xerr=found["auc_spread"], fmt="o", color=colour, markersize=4, linewidth=1)
    axes.axvline(risk.TARGET_AUC, color=_BOUND, linestyle=":")
    axes.set_yticks(range(len(best)), [_short(name) for name in best], fontsize=7.5)
    axes.set(xlabel="AUC on held-out folds (bar: deviation)")


def _short(name: str) -> str:
    words = {"histogram gradient boosting": "hist. boosting", "gradient boosting": "boosting"}
    for long, short in words.items():
        name = name.replace(long, short)
    return name.replace(", the teacher alone", "").replace("_", " ")


PANELS: Final[Sequence[tuple[str, str, Callable[[Axes, Samples], None]]]] = (
    ("lookup", "A lookup in Redis", lookups),
    ("visibility", "From acknowledgement to the next lookup", visible),
    ("ingest", "Events checked and durable", durable),
    ("batch", "Batch: time and memory", memory),
    ("batch", "Batch: kill -9 half-way", resumed),
    ("risk", "Account risk", risks),
)
"""Program, title and drawing."""
