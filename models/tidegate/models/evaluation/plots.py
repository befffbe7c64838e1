"""The plots of a measured detector, as SVG text. The same document gives the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

Document = Mapping[str, Any]

COLOURS: Final = {
    "hate": "#b3332e",
    "harassment": "#d8821f",
    "threat": "#6b4a9c",
    "sexual": "#c2588f",
    "self_harm": "#2a7f86",
    "profanity": "#8a8377",
    "any_harm": "#1d2a3a",
}
_SMALL_BYTES: Final = 5_000_000
_INK: Final = "#1d2a3a"
_PALE: Final = "#d9dde2"
_STYLE: Final[Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9,
    "svg.fonttype": "none",
    "svg.hashsalt": "tidegate",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#7b8794",
    "axes.labelcolor": _INK,
    "text.color": _INK,
    "xtick.color": "#4a5562",
    "ytick.color": "#4a5562",
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}


def svg(figure: Figure) -> str:
    """Returns a figure as SVG text."""
    kept = io.StringIO()
    figure.savefig(kept, format="svg", metadata={"Date": None, "Creator": None})
    return kept.getvalue()


def styled(width: float, height: float, *, rows: int = 1, columns: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """Returns a figure, in inches, and its axes in reading order."""
    mpl.rcParams.update(_STYLE)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    return figure, list(axes.flat)


def words(label: str) -> str:
    """Returns a label as people write it."""
    return {"any_harm": "any harm", "self_harm": "self-harm"}.get(label, label)


def precision_recall(document: Document) -> Figure:
    """Precision over recall of each label, all held-out sources together."""
    figure, (axes,) = styled(4.7, 3.9)
    quality = {one["label"]: one for one in document["quality"] if one["slice"] == "all sources"}
    for one in document["curves"]:
        label = one["label"]
        wide = 2.2 if label == "any_harm" else 1.4
        name = f"{words(label)}  {quality[label]['auprc']:.2f}"
        axes.plot(one["recall"], one["precision"], color=COLOURS[label], linewidth=wide, label=name)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    figure.legend(title="average precision", loc="outside lower center", ncols=3, fontsize=8, title_fontsize=8)
    return figure


def reliability(document: Document) -> Figure:
    """What is true over what is said, per label, in bins of equally many texts."""
    curves = [one for one in document["curves"] if one["label"] != "any_harm"]
    figure, panels = styled(7.6, 4.9, rows=2, columns=3)
    quality = {one["label"]: one for one in document["quality"] if one["slice"] == "all sources"}
    for axes, one in zip(panels, curves, strict=False):
        label, bins = one["label"], one["reliability"]
        axes.plot([0, 1], [0, 1], color=_PALE, linewidth=1)
        said, true = [each["mean_score"] for each in bins], [each["share_positive"] for each in bins]
        axes.plot(said, true, "o-", color=COLOURS[label], markersize=3.5, linewidth=1)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), title=f"{words(label)}, ECE {quality[label]['ece']:.3f}")
    for axes in panels[len(curves) :]:
        axes.set_visible(False)
    for axes in panels[::3]:
        axes.set_ylabel("share positive")
    for axes in panels[3:]:
        axes.set_xlabel("mean score")
    return figure


def robustness(document: Document) -> Figure:
    """Recall at severity 4 lost to each evasion, by label."""
    results = document["robustness"]["results"]
    labels = list(dict.fromkeys(one["label"] for one in results))
    drops: dict[str, list[tuple[str, float]]] = {}
    for one in results:
        drops.setdefault(one["evasion"], []).append((one["label"], one["recall_before"] - one["recall_after"]))
    order = sorted(drops, key=lambda evasion: sum(drop for _, drop in drops[evasion]))
    figure, (axes,) = styled(6.4, 3.9)
    for row, evasion in enumerate(order):
        mean = sum(drop for _, drop in drops[evasion]) / len(drops[evasion])
        axes.barh(row, mean, color=_PALE, height=0.62, zorder=1)
        for label, drop in drops[evasion]:
            axes.plot(drop, row, "o", color=COLOURS[label], markersize=5, zorder=3)
    axes.axvline(0.1, color="#b3332e", linewidth=1, linestyle=":", zorder=2)
    axes.axvline(0.0, color="#7b8794", linewidth=0.8, zorder=2)
    axes.text(0.1, len(order) - 0.35, " target", color="#b3332e", fontsize=8)
    axes.set_yticks(range(len(order)), [evasion.replace("_", " ") for evasion in order])
    axes.set(xlabel="recall at severity 4, before less after (bar: mean of labels)")
    marks = [axes.plot([], [], "o", color=COLOURS[label], label=words(label))[0] for label in labels]
    axes.legend(handles=marks, loc="lower right", fontsize=8)
    return figure


def bias(document: Document) -> Figure:
    """Mean score of hate for each identity term, in neutral and warm sentences."""
    [found] = [one for one in document["bias"] if one["label"] == "hate"]
    terms = found["terms"]
    figure, (axes,) = styled(8.2, 3.0)
    places = range(len(terms))
    axes.bar(places, [one["mean_score"] for one in terms], color="#b9c4cf", width=0.75)
    raised = [(place, one) for place, one in zip(places, terms, strict=True) if one["false_positive_rate"]]
    axes.bar([place for place, _ in raised], [one["mean_score"] for _, one in raised], color="#b3332e", width=0.75)
    axes.set_xticks(places, [one["term"] for one in terms], rotation=90, fontsize=7)
    axes.set(ylabel="mean score of hate", xlim=(-0.7, len(terms) - 0.3))
    axes.set_ylim(0, max(0.15, *(one["mean_score"] * 1.1 for one in terms)))
    gap, count = found["gap"], found["templates"]
    axes.set_title(f"{count} sentences a term; red: some at 0.5 or above; false-positive gap {gap:.3f}")
    return figure


def functional(document: Document) -> Figure:
    """Share right in each class of sentences."""
    classes = document["functional"]["classes"]
    figure, (axes,) = styled(6.4, 4.9)
    rows = range(len(classes))
    shares = [one["right"] / one["texts"] for one in classes]
    axes.barh(rows, [1.0] * len(classes), color="#eef1f4", height=0.7)
    axes.barh(rows, shares, color=["#b3332e" if one["hate"] else "#2a7f86" for one in classes], height=0.7)
    for row, one in zip(rows, classes, strict=True):
        axes.text(1.01, row, f"{one['right']} of {one['texts']}", va="center", fontsize=7.5)
    axes.set_yticks(rows, [one["name"] for one in classes], fontsize=8)
    axes.set_ylim(len(classes) - 0.4, -0.6)
    axes.set(xlim=(0, 1.0), xlabel="share on the right side of 0.5 (red: is hate, blue: is not)")
    return figure


def learning_curve(document: Document) -> Figure:
    """AUPRC by label over the number of training texts, of the hashed n-grams that are fitted in a minute."""
    figure, (axes,) = styled(5.9, 3.2)
    curve = document.get("learning_curve", ())
    for label, colour in COLOURS.items():
        points = [(one["trained_on"], one["auprc"][label]) for one in curve if one["auprc"].get(label) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), color=colour, marker="o", markersize=3, linewidth=1.4)
            axes.annotate(
                words(label),
                points[-1],
                xytext=(5, 0),
                textcoords="offset points",
                fontsize=8,
                va="center",
                color=colour,
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([one["trained_on"] for one in curve])
    axes.margins(x=0.18)
    axes.set_ylim(0, 1)
    axes.set_xlabel("training texts (log)")
    axes.set_ylabel("average precision, held out")
    return figure


def quality_and_cost(document: Document) -> Figure:
    """Any-harm AUPRC over milliseconds a text, the area of a point growing with its bytes: detectors and baselines."""
    figure, (axes,) = styled(5.9, 3.9)
    points = [*_own_points(document)]
    points += [
        (one["name"], one["ms_per_text"], one["auprc"]["any_harm"], one["size_bytes"], "#8a97a5")
        for one in document.get("baselines", ())
    ]
    for name, milliseconds, quality, size, colour in points:
        area = 18 + size / 1e6 * 6
        axes.scatter(milliseconds, quality, s=area, color=colour, alpha=0.8, linewidths=0, zorder=3)
        written = name.replace(", logistic", ",\nlogistic")
        place, aligned = _label_place(name, size, radius=(area / 3.14) ** 0.5)
        axes.annotate(
            f"{written}\n{milliseconds:.1f} ms, {size / 1e6:.0f} MB",
            (milliseconds, quality),
            xytext=place,
            textcoords="offset points",
            fontsize=7.5,
            zorder=4,
            **aligned,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color="#eef1f4", zorder=0)
    times, heights = [point[1] for point in points], [point[2] for point in points]
    axes.set_xlim(min(times) / 3, max(times) * 3)
    axes.set_ylim(max(0.0, min(heights) - 0.1), max(heights) + 0.08)
    axes.set_yticks([tick / 10 for tick in range(11) if axes.get_ylim()[0] <= tick / 10 <= 1.0])
    axes.set_xlabel("milliseconds from text to scores, one thread (log); area: bytes on disk")
    axes.set_ylabel("any harm, average precision, held out")
    return figure


def _label_place(name: str, size: int, *, radius: float) -> tuple[tuple[float, float], dict[str, Any]]:
    """Where a point's words go, so that neighbours do not write over each other: above, left of or below it."""
    if name.endswith("fp32"):
        return (0, radius + 3), {"ha": "center", "va": "bottom"}
    if size < _SMALL_BYTES:
        return (-radius - 4, 4), {"ha": "right", "va": "top"}
    return (0, -radius - 3), {"ha": "center", "va": "top"}


def _own_points(document: Document) -> list[tuple[str, float, float, int, str]]:
    sizes = {one["precision"]: one["size_bytes"] for one in document["size"]}
    [pooled] = [one for one in document["quality"] if one["label"] == "any_harm" and one["slice"] == "all sources"]
    loss = document["precision"]["auprc"]["any_harm"]["loss"] or 0.0
    quality = {"int8": pooled["auprc"], "fp32": pooled["auprc"] + loss}
    name, served = f"{document['detector']} {document['version']}", document["text_to_score_ms"]
    return [
        (f"{name}, {precision}", served[precision], quality[precision], sizes[precision], colour)
        for precision, colour in (("int8", "#2a7f86"), ("fp32", "#1d2a3a"))
    ]
