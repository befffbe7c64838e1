"""Line charts as SVG, without a plotting library: a report must open anywhere and load nothing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 720, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 16, 44
_TICKS = 6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line."""

    name: str
    """In the legend."""
    points: Sequence[Point]
    """In order of x; those that are not finite are left out."""
    colour: str
    """CSS."""
    dashed: bool = False
    """For what is compared with."""

    def finite(self) -> list[Point]:
        """What can be drawn."""
        return [(x, y) for x, y in self.points if math.isfinite(x) and math.isfinite(y)]


@dataclass(frozen=True, slots=True)
class Mark:
    """A named straight line across the chart."""

    name: str
    """Written at it."""
    at: float
    """Its x, or its y if it is level."""
    level: bool = False
    """Whether it lies at a y."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel; values beyond the axis lie at its ends."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values within it."""
        if self.log:
            decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            return [
                step * 10**each for each in decades for step in (1, 2, 5) if self.low <= step * 10**each <= self.high
            ]
        raw = (self.high - self.low) / _TICKS
        unit = 10 ** math.floor(math.log10(raw))
        step = next(each * unit for each in (1, 2, 5, 10) if each * unit >= raw)
        return [step * each for each in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def line_chart(series: Sequence[Series], *, x: str, y: str, log_y: bool = False, marks: Sequence[Mark] = ()) -> str:
    """An SVG element.

    Args:
        series: The lines.
        x: What the horizontal axis shows.
        y: What the vertical axis shows.
        log_y: Whether that one is logarithmic.
        marks: Lines across.
    """
    points = [point for each in series for point in each.finite()]
    if not points:
        return "<p>Nothing was measured.</p>"
    xs = [px for px, _ in points] + [mark.at for mark in marks if not mark.level]
    ys = [py for _, py in points if py > 0 or not log_y] + [mark.at for mark in marks if mark.level]
    across = Scale(0, max(xs) * 1.02 or 1, _LEFT, WIDTH - _RIGHT)
    low = max(min(ys, default=1) / 1.3, 0.01) if log_y else 0
    up = Scale(low, (max(ys, default=1) or 1) * (1.3 if log_y else 1.06), HEIGHT - _BOTTOM, _TOP, log=log_y)
    drawn = _grid(across, up)
    drawn += [_marked(mark, across, up) for mark in marks] + [_line(each, across, up) for each in series]
    centre = (_LEFT + WIDTH - _RIGHT) / 2
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    return (
        f"<figure><figcaption>{''.join(_key(each) for each in series)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y)} by {escape(x)}">{"".join(drawn)}'
        f'<text class="axis" x="{centre}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x)}</text>'
        f'<text class="axis" transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{escape(y)}</text>'
        "</svg></figure>"
    )


def _grid(across: Scale, up: Scale) -> list[str]:
    rows = [
        f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{up.at(each):.1f}" y2="{up.at(each):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{up.at(each) + 4:.1f}" text-anchor="end">{each:,.10g}</text>'
        for each in up.ticks()
    ]
    columns = [
        f'<text x="{across.at(each):.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{each:,.10g}</text>'
        for each in across.ticks()
    ]
    return rows + columns


def _line(series: Series, across: Scale, up: Scale) -> str:
    places = [(across.at(x), up.at(y)) for x, y in series.finite()]
    dash = ' stroke-dasharray="5 4"' if series.dashed else ""
    path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
    dots = "".join(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2.5" fill="{series.colour}"/>' for px, py in places)
    return f'<polyline points="{path}" fill="none" stroke="{series.colour}" stroke-width="2"{dash}/>{dots}'


def _marked(mark: Mark, across: Scale, up: Scale) -> str:
    name = escape(mark.name)
    if mark.level:
        y = up.at(mark.at)
        return (
            f'<line class="mark" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="mark" x="{_LEFT + 6}" y="{y - 5:.1f}">{name}</text>'
        )
    x = across.at(mark.at)
    return (
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}"/>'
        f'<text class="mark" x="{x - 5:.1f}" y="{_TOP + 12}" text-anchor="end">{name}</text>'
    )


def _key(series: Series) -> str:
    style = "dashed" if series.dashed else "solid"
    return f'<span><i style="border-top:2px {style} {series.colour}"></i>{escape(series.name)}</span>'
