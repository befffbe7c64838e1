"""The picture: how much each answers, how long it takes, and where the CPU time goes."""

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

from loadtests.compare import contenders as who
from loadtests.compare.findings import Findings, Group
from loadtests.compare.load_plan import Kind
from loadtests.compare.measuring import GENERATOR
from loadtests.compare.schedule import CALLERS, STREAMS, WINDOW, Detector

CONTENDERS = (who.HANDWRITTEN, who.NAIVE, who.DISTRIBUTED, who.COLOCATED)
COLOURS = {who.HANDWRITTEN: "#6b7280", who.NAIVE: "#d97706", who.DISTRIBUTED: "#2563eb", who.COLOCATED: "#059669"}
_TITLES = {Detector.CHEAP: "cheap detector", Detector.REAL: "real text detector"}
_PARTS = {
    "server or router": ("handwritten", "Moderation", "ModerationRouter"),
    "account stage": ("Accounts", "FeatureLookup"),
    "text stage": ("Texts", "TextDetectors"),
    "Triton": ("Triton",),
    "proxy": ("HAProxy", "Serve's proxy actor"),
    "account signals, afterwards": ("AccountSignals",),
}
"""Roles that do the same in different contenders; the rest is Ray's and Serve's own."""
_REST = "Ray, Serve, other stages"
_MOST_DECADES = 12
"""Of a logarithmic axis; with fewer, matplotlib leaves out labels."""


def draw(found: Findings, path: Path) -> None:
    """Writes the PNG."""
    figure, axes = plt.subplots(2, 2, figsize=(13, 10), layout="constrained")
    for axis, detector in zip(axes[0], Detector, strict=True):
        _rates(axis, found, detector)
    _latencies(axes[1][0], found)
    _cpu(axes[1][1], found)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _rates(axis: Any, found: Findings, detector: Detector) -> None:
    for contender in CONTENDERS:
        callers = _callers(found, contender, detector)
        groups = [Group(contender, detector, Kind.UNARY, number) for number in callers]
        middles = [found.middle(group, "items_per_s") for group in groups]
        axis.plot(callers, middles, marker="o", color=COLOURS[contender], label=contender)
        for group, number in zip(groups, callers, strict=True):
            every = [*found.by_repeat(group, "items_per_s").values()]
            axis.plot([number] * len(every), every, ".", color=COLOURS[contender], alpha=0.4)
        streams = found.middle(Group(contender, detector, Kind.STREAM, STREAMS * WINDOW), "items_per_s")
        if streams is not None:
            label = f"{contender}, {STREAMS} streams of {WINDOW}"
            axis.plot([STREAMS * WINDOW], [streams], marker="*", ms=14, ls="", color=COLOURS[contender], label=label)
    limit = found.bare_limit(detector)
    if limit:
        axis.axhline(max(limit.values()), color="black", ls=":", label="bare Triton")
    axis.set(title=f"items/s, {_TITLES[detector]}", xlabel="items under way", xscale="log", yscale="log")
    _ticks(axis, found)


def _latencies(axis: Any, found: Findings) -> None:
    for contender in CONTENDERS:
        callers = _callers(found, contender, Detector.CHEAP)
        for percent, style in ((50, "-"), (99, ":")):
            middles = [
                found.middle(Group(contender, Detector.CHEAP, Kind.UNARY, number), f"p{percent}_ms")
                for number in callers
            ]
            label = f"{contender}, p{percent}"
            axis.plot(callers, middles, style, marker="o", color=COLOURS[contender], label=label)
    axis.set(title="latency in ms, cheap detector", xlabel="callers", xscale="log", yscale="log")
    _ticks(axis, found)


def _cpu(axis: Any, found: Findings) -> None:
    spent = {name: _parts(found, name) for name in CONTENDERS}
    lefts = dict.fromkeys(spent, 0.0)
    for number, part in enumerate([*_PARTS, _REST]):
        widths = [parts.get(part, 0.0) for parts in spent.values()]
        axis.barh([*spent], widths, left=[*lefts.values()], color=f"C{number}", label=part)
        lefts = {name: left + width for (name, left), width in zip(lefts.items(), widths, strict=True)}
    axis.invert_yaxis()
    axis.set(title=f"CPU ms per item, {CALLERS} callers, cheap detector", xlabel="load generator left out")
    _legend(axis)


def _parts(found: Findings, contender: str) -> dict[str, float]:
    part_of = {role: part for part, roles in _PARTS.items() for role in roles}
    taken: dict[str, float] = {}
    for role, spent in found.cpu_ms(Group(contender, Detector.CHEAP, Kind.UNARY, CALLERS)).items():
        if role != GENERATOR:
            part = part_of.get(role, _REST)
            taken[part] = taken.get(part, 0.0) + spent
    return taken


def _callers(found: Findings, contender: str, detector: Detector) -> list[int]:
    return sorted(
        {
            each.in_flight
            for each in found.samples
            if (each.contender, each.detector, each.kind) == (contender, detector, Kind.UNARY)
        }
    )


def _ticks(axis: Any, found: Findings) -> None:
    callers = sorted({each.in_flight for each in found.samples if each.kind == Kind.UNARY})
    axis.set_xticks(callers, labels=map(str, callers))
    axis.minorticks_off()
    axis.grid(alpha=0.3, which="both")
    axis.yaxis.set_major_locator(mpl.ticker.LogLocator(subs=(1, 2, 5), numticks=_MOST_DECADES))
    axis.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    _legend(axis)


def _legend(axis: Any) -> None:
    """Beneath the panel: within it, it would lie on a line in one set of data or another."""
    axis.legend(fontsize=8, ncols=4, columnspacing=1, loc="upper center", bbox_to_anchor=(0.5, -0.13), frameon=False)
