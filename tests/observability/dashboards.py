"""What the committed dashboards ask Prometheus for, as Grafana would ask it."""

import json
from pathlib import Path

from tidegate.telemetry.monitoring.shown import ShownPanel, shown_panels

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "observability/dashboards").glob("*.json"))
RANGE = "1m"
"""In place of `$__rate_interval` and `$__range`."""


def panels(path: Path) -> list[ShownPanel]:
    """All but rows."""
    shown = shown_panels(json.loads(path.read_text()), rate_interval=RANGE, whole_range=RANGE)
    return [panel for panel in shown if panel.kind != "row"]


def queries(path: Path) -> dict[str, str]:
    """Expressions by panel and letter, variables replaced."""
    return {f"{panel.title} {query.letter}": query.expr for panel in panels(path) for query in panel.queries}
