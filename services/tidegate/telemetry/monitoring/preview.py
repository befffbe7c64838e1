"""`python -m tidegate.telemetry.monitoring.preview`: dashboards without Grafana, a tool for whoever changes them.

It asks a Prometheus every query of every panel over a range, as Grafana would, and draws each dashboard as one PNG:
panels where their `gridPos` puts them, with titles, units, legends and thresholds. It is no Grafana: fonts, ticks and
colours are like its own, not the same; what a mouse does is missing.
"""

import json
import math
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

from tidegate.telemetry.monitoring.preview_drawing import LONGEST_S, Answer, Line, Window, draw
from tidegate.telemetry.monitoring.shown import AskedQuery, ShownPanel, legend_of, shown_panels

DASHBOARDS: Final = Path("observability/dashboards")
_MOST_INTERVAL_S: Final = 300
"""Prometheus takes a sample for gone after five minutes: beyond that lines would have gaps between any two."""
_LATEST: Final = 4_102_444_800
"""2100, as Unix time."""


class _Finite(click.FloatRange):
    """A number within bounds. NaN is within any: it compares with nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


class Source:
    """A Prometheus."""

    def __init__(self, address: str) -> None:
        """Asks nothing yet.

        Args:
            address: `http://host:port`.
        """
        self._address = address.rstrip("/")

    def answer(self, panel: ShownPanel, window: Window) -> Answer:
        """What a panel shows.

        Raises:
            click.ClickException: Prometheus is not there, or refuses a query.
        """
        lines = [line for query in panel.queries for line in self._lines(query, window)]
        return Answer(lines, [dot for query in panel.queries if query.exemplars for dot in self._traces(query, window)])

    def _lines(self, query: AskedQuery, window: Window) -> list[Line]:
        asked = {"query": query.expr, "start": window.start_s, "end": window.end_s, "step": window.step_s}
        found: Any = self._asked("query_range", asked)
        return [
            Line(
                legend_of(query.legend, each["metric"], expr=query.expr),
                [(float(at_s), float(value)) for at_s, value in each["values"]],
            )
            for each in found["result"]
        ]

    def _traces(self, query: AskedQuery, window: Window) -> list[tuple[float, float]]:
        found: Any = self._asked("query_exemplars", {"query": query.expr, "start": window.start_s, "end": window.end_s})
        return [(each["timestamp"], float(each["value"])) for series in found for each in series["exemplars"]]

    def _asked(self, path: str, asked: Mapping[str, object]) -> object:
        url = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - the address is the developer's own
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise click.ClickException(f"Prometheus refuses {asked['query']}: {error.read().decode()}") from error
        except OSError as error:
            raise click.ClickException(f"no Prometheus answers at {self._address}: {error}") from error


@click.command()
@click.option("--prometheus", required=True, metavar="URL", help="Its address, such as http://127.0.0.1:9090.")
@click.option(
    "--minutes", type=_Finite(min=1, max=LONGEST_S // 60), default=60, show_default=True, help="How far back."
)
@click.option("--until", type=_Finite(0, _LATEST), metavar="UNIX", help="The end, as Unix time; now by default.")
@click.option("--board", "boards", multiple=True, metavar="NAME", help="Only this dashboard; may be repeated.")
@click.option(
    "--scrape-interval",
    type=_Finite(min=1, max=_MOST_INTERVAL_S),
    default=15,
    show_default=True,
    help="Of that Prometheus, in seconds.",
)
@click.option("--dashboards", type=click.Path(path_type=Path, exists=True, file_okay=False), default=DASHBOARDS)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("build/dashboards"))
def main(
    *,
    prometheus: str,
    minutes: float,
    until: float | None,
    boards: tuple[str, ...],
    scrape_interval: float,
    dashboards: Path,
    out: Path,
) -> None:
    """Draws dashboards as PNG files, asking a Prometheus."""
    end_s = time.time() if until is None else until
    step_s = max(scrape_interval, minutes * 60 / 240)
    window = Window(end_s - minutes * 60, end_s, step_s)
    rate_interval = f"{math.ceil(max(4 * scrape_interval, step_s + scrape_interval))}s"
    source = Source(prometheus)
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(dashboards.glob("*.json")):
        if boards and path.stem not in boards:
            continue
        document = json.loads(path.read_text())
        panels = shown_panels(document, rate_interval=rate_interval, whole_range=f"{minutes * 60:.0f}s")
        answers = [(panel, source.answer(panel, window)) for panel in panels]
        draw(document["title"], answers, window, out / f"{path.stem}.png")
        click.echo(out / f"{path.stem}.png")


if __name__ == "__main__":
    main()
