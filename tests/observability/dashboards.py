"""What the committed dashboards ask Prometheus for, as Grafana would ask it."""

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DASHBOARDS = sorted((ROOT / "observability/dashboards").glob("*.json"))
RANGE = "1m"
"""In place of `$__rate_interval`."""


def panels(path: Path) -> list[dict[str, Any]]:
    """All but rows."""
    return [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]


def variables(path: Path) -> dict[str, str]:
    """What Grafana puts in place of each at first."""
    listed = json.loads(path.read_text())["templating"]["list"]
    return {
        each["name"]: each.get("allValue") or str(each.get("query", ""))
        for each in listed
        if each["type"] != "datasource"
    }


def queries(path: Path) -> dict[str, str]:
    """Expressions by panel and letter, variables replaced."""
    found: dict[str, str] = {}
    for panel in panels(path):
        for target in panel["targets"]:
            expr = target["expr"].replace("$__rate_interval", RANGE)
            for name, value in variables(path).items():
                expr = expr.replace(f"${name}", value)
            assert not re.search(r"\$\w", expr), expr
            found[f"{panel['title']} {target['refId']}"] = expr
    return found
