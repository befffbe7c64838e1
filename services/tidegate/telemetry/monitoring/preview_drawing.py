"""A dashboard as one picture, in about the shape that Grafana gives it."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator, MultipleLocator
from PIL import Image

from tidegate.telemetry.monitoring.shown import ShownPanel, written

_COLUMN_PX, _ROW_PX, _GAP_PX, _HEAD_PX, _LINE_PX = 58, 38, 8, 40, 17
_DPI: Final = 100
_LEGEND_SHARE: Final = 0.35
"""Of a panel's height: what Grafana leaves to a legend below it before it scrolls."""
_PALETTE: Final = (
    "#73BF69", "#F2CC0C", "#5794F2", "#FF780A", "#F2495C", "#8AB8FF", "#B877D9", "#37872D", "#1F60C4", "#C4162A"
)  # fmt: skip
"""Like Grafana's classic one, in its order."""
_COLOURS: Final = {
    "green": "#56A64B", "yellow": "#E0B400", "orange": "#FF780A", "red": "#E02F44", "blue": "#3274D9", "text": "#24292e"
}  # fmt: skip
_INK, _FAINT, _GROUND = "#24292e", "#8e99a4", "#f4f5f5"
_MOST_TICKS: Final = 5
_TICKS_S: Final = (10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400)
"""Steps between times on an axis."""
LONGEST_S: Final = _MOST_TICKS * _TICKS_S[-1]
"""What an axis of times can show: five days."""
_STYLE: Final[Any] = {"font.size": 8, "axes.edgecolor": "#d0d4d8", "text.color": _INK, "axes.linewidth": 0.8}


@dataclass(frozen=True, slots=True)
class Window:
    """What is looked at."""

    start_s: float
    """Unix time."""
    end_s: float
    """Unix time."""
    step_s: float
    """Between points."""


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel."""

    name: str
    """In the legend."""
    points: Sequence[tuple[float, float]]
    """Unix time and value."""

    @property
    def last(self) -> float:
        """The last number; NaN if there is none."""
        return next((value for _, value in reversed(self.points) if not math.isnan(value)), math.nan)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a panel shows."""

    lines: Sequence[Line]
    """In Prometheus' order."""
    traces: Sequence[tuple[float, float]]
    """Exemplars: Unix time and value."""


def draw(title: str, answers: Sequence[tuple[ShownPanel, Answer]], window: Window, path: Path) -> None:
    """Draws one dashboard into a PNG file."""
    width = 24 * _COLUMN_PX
    height = _HEAD_PX + _ROW_PX * max(top + rows for _, top, _, rows in (panel.place for panel, _ in answers))
    with rc_context(_STYLE):
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=_GROUND)
        page = _Box(figure, (width, height), 0, 0, width, height)
        page.write(title, 8, _HEAD_PX / 2, fontsize=12, weight="bold")
        page.write(f"preview, not Grafana: {_spoken(window)}", width - 8, _HEAD_PX / 2, ha="right", color=_FAINT)
        for panel, answer in answers:
            _draw_panel(page.inside(panel), panel, answer, window)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", facecolor=_GROUND)
    # A palette is half the size, and lines look the same.
    palette = Image.new("P", (1, 1))
    palette.putpalette(_inks())
    Image.open(drawn).convert("RGB").quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def _inks() -> list[int]:
    """Red, green and blue of every colour that is drawn with, and of its edges on white."""
    drawn = [to_rgb(colour) for colour in (*_PALETTE, *_COLOURS.values(), _INK, _FAINT)]
    shades = [tuple(1 - share * (1 - part) for part in ink) for ink in drawn for share in (1.0, 0.6, 0.25)]
    return [round(255 * part) for ink in (*shades, to_rgb(_GROUND), (1.0, 1.0, 1.0)) for part in ink]


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of the page, in pixels from its upper left."""

    figure: Figure
    page: tuple[float, float]
    left: float
    top: float
    width: float
    height: float

    def inside(self, panel: ShownPanel) -> "_Box":
        left, top, columns, rows = panel.place
        corner = (left * _COLUMN_PX + _GAP_PX / 2, _HEAD_PX + top * _ROW_PX)
        return _Box(self.figure, self.page, *corner, columns * _COLUMN_PX - _GAP_PX, rows * _ROW_PX - _GAP_PX)

    def write(self, text: str, left: float, middle: float, **how: Any) -> None:
        at = ((self.left + left) / self.page[0], 1 - (self.top + middle) / self.page[1])
        self.figure.text(*at, text, **{"va": "center", **how})

    def axes(self, margins: tuple[float, float, float, float] = (0, 0, 0, 0), **how: Any) -> Axes:
        left, top, right, bottom = margins
        width, height = self.width - left - right, self.height - top - bottom
        across, down = self.page
        place = ((self.left + left) / across, 1 - (self.top + top + height) / down, width / across, height / down)
        return self.figure.add_axes(place, facecolor="white", **how)


def _draw_panel(box: _Box, panel: ShownPanel, answer: Answer, window: Window) -> None:
    if panel.kind == "row":
        box.write(f"⌄  {panel.title}", 0, box.height / 2, fontsize=10.5)
        return
    box.axes(xticks=[], yticks=[])
    box.write(panel.title, 10, 15, fontsize=9, weight="bold")
    if all(math.isnan(line.last) for line in answer.lines):
        told = panel.defaults.get("noValue") or "No data"
        box.write(told, box.width / 2, box.height / 2, ha="center", fontsize=11, color=_FAINT)
    elif panel.kind == "stat":
        _numbers(box, panel, answer.lines)
    else:
        legend_px = _legend(box, panel, answer.lines)
        _lines(box.axes((66, 34, 14, legend_px + 26)), panel, answer, window)


def _numbers(box: _Box, panel: ShownPanel, lines: Sequence[Line]) -> None:
    """The latest values beside each other, each in the colour of the limit that it has reached."""
    share = box.width / len(lines)
    for place, line in enumerate(lines):
        reached = [colour for value, colour in panel.thresholds if line.last >= value]
        colour = _COLOURS[reached[-1]] if reached else _COLOURS["green" if panel.thresholds else "text"]
        middle = (place + 0.5) * share
        box.write(written(line.last, panel.unit), middle, box.height * 0.55, ha="center", fontsize=17, color=colour)
        if len(lines) > 1:
            box.write(line.name, middle, box.height * 0.84, ha="center")


def _legend(box: _Box, panel: ShownPanel, lines: Sequence[Line]) -> float:
    """Writes what fits below; the height that it took, in pixels."""
    rows: list[list[tuple[float, str, str]]] = [[]]
    left = 10.0
    for place, line in enumerate(lines):
        text = f"{line.name}  Last: {written(line.last, panel.unit)}"
        needed = TextPath((0, 0), text, size=_STYLE["font.size"]).get_extents().width * _DPI / 72 + 34
        if rows[-1] and left + needed > box.width - 10:
            rows.append([])
            left = 10.0
        rows[-1].append((left, text, _colour(panel, line, place)))
        left += needed
    shown = rows[: max(1, int(box.height * _LEGEND_SHARE // _LINE_PX))]
    for place, row in enumerate(shown):
        middle = box.height - 8 - (len(shown) - place - 0.5) * _LINE_PX
        for at, text, colour in row:
            box.write("━", at, middle, color=colour, weight="bold")
            box.write(text, at + 16, middle)
    hidden = sum(map(len, rows[len(shown) :]))
    if hidden:
        told = f"{hidden} more: Grafana scrolls"
        box.write(told, box.width - 10, box.height - 8, ha="right", color=_COLOURS["red"], fontsize=7)
    return len(shown) * _LINE_PX + 8


def _colour(panel: ShownPanel, line: Line, place: int) -> str:
    fixed = panel.colours.get(line.name)
    return _COLOURS[fixed] if fixed else _PALETTE[place % len(_PALETTE)]


def _lines(frame: Axes, panel: ShownPanel, answer: Answer, window: Window) -> None:
    for place, line in enumerate(answer.lines):
        points = _with_gaps(line.points, window.step_s)
        ats, values = [at for at, _ in points], [value for _, value in points]
        mark = "." if len(points) == 1 else ""  # a line of one point would not be seen
        frame.plot(ats, values, color=_colour(panel, line, place), linewidth=1.1, marker=mark)
    if answer.traces:
        ats, values = [at for at, _ in answer.traces], [value for _, value in answer.traces]
        frame.scatter(ats, values, s=5, marker="D", color="#5794F2", zorder=3)
    frame.set_ylim(*_range(panel, answer))
    for value, colour in panel.thresholds:
        if frame.get_ylim()[0] <= value <= frame.get_ylim()[1]:
            frame.axhline(value, color=_COLOURS[colour], linewidth=1, linestyle=(0, (6, 4)))
    frame.set_xlim(window.start_s, window.end_s)
    length_s = window.end_s - window.start_s
    frame.xaxis.set_major_locator(MultipleLocator(next(step for step in _TICKS_S if length_s / step <= _MOST_TICKS)))
    frame.yaxis.set_major_locator(_steps(panel, *frame.get_ylim()))
    frame.xaxis.set_major_formatter(FuncFormatter(lambda at, _: f"{datetime.fromtimestamp(at, UTC):%H:%M}"))
    frame.yaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value, panel.unit)))
    frame.grid(color="#e9ebed", linewidth=0.7)
    frame.tick_params(length=0, labelcolor=_FAINT, labelsize=7.5)
    frame.spines[["top", "right", "left"]].set_visible(False)


def _range(panel: ShownPanel, answer: Answer) -> tuple[float, float]:
    values = [value for line in answer.lines for _, value in line.points] + [value for _, value in answer.traces]
    shown = [value for value in values if math.isfinite(value)] or [0.0]
    low = panel.defaults.get("min", min(shown))
    high = max(*shown, low, panel.defaults.get("custom", {}).get("axisSoftMax", low))
    return low, high + ((high - low) * 0.05 or 1.0)


def _steps(panel: ShownPanel, low: float, high: float) -> Locator:
    if panel.unit == "bytes":
        return MultipleLocator(2.0 ** math.ceil(math.log2((high - low) / _MOST_TICKS)))
    return MaxNLocator(_MOST_TICKS)


def _with_gaps(points: Sequence[tuple[float, float]], step_s: float) -> list[tuple[float, float]]:
    """With NaN where points are missing: Grafana does not join what is further apart."""
    found: list[tuple[float, float]] = []
    for at, value in points:
        if found and at - found[-1][0] > 1.5 * step_s:
            found.append((at - step_s, math.nan))
        found.append((at, value))
    return found


def _spoken(window: Window) -> str:
    start, end = (datetime.fromtimestamp(at, UTC) for at in (window.start_s, window.end_s))
    return f"{start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
