"""A dashboard's JSON as Grafana shows it: where panels stand, what they ask, how names and numbers are written."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_LABEL = re.compile(r"\{\{\s*(.+?)\s*\}\}")
_VARIABLE = re.compile(r"\$\w+")
_NUMBERS = ((1.0, ""), (1e3, " K"), (1e6, " Mil"), (1e9, " Bil"))
_BYTES = ((1.0, " B"), (2.0**10, " KiB"), (2.0**20, " MiB"), (2.0**30, " GiB"))
_DURATIONS = (
    (1.0, " s"),
    (1e-6, " µs"),
    (1e-3, " ms"),
    (1.0, " s"),
    (60.0, " min"),
    (3600.0, " hours"),
    (86_400.0, " days"),
)
"""Sizes from small to large; the first is for 0."""


@dataclass(frozen=True, slots=True)
class AskedQuery:
    """One query of a panel."""

    letter: str
    """Of the query in its panel."""
    expr: str
    """PromQL, variables filled in."""
    legend: str
    """Grafana's template."""
    exemplars: bool
    """Whether Grafana asks for traces, too."""


@dataclass(frozen=True, slots=True)
class ShownPanel:
    """A panel, or the title of a row."""

    kind: str
    """Grafana's type: `row`, `timeseries`, `stat`."""
    title: str
    """For people."""
    about: str
    """Shown where the mouse rests on the panel's corner."""
    place: tuple[int, int, int, int]
    """Left, top, width and height on a grid of 24 columns."""
    defaults: Mapping[str, Any]
    """Of its fields: unit, limits, thresholds."""
    colours: Mapping[str, str]
    """Fixed ones, by series' name."""
    queries: tuple[AskedQuery, ...]
    """None in a row."""

    @property
    def unit(self) -> str:
        """Grafana's id of it."""
        return str(self.defaults.get("unit", ""))

    @property
    def thresholds(self) -> tuple[tuple[float, str], ...]:
        """Value and colour of each, but of the first, which is what is below all others."""
        steps = (self.defaults.get("thresholds") or {}).get("steps") or ()
        return tuple((float(step["value"]), str(step["color"])) for step in steps if step.get("value") is not None)


def variables(document: Mapping[str, Any]) -> dict[str, str]:
    """What Grafana puts in place of each at first: all of what can be chosen, and what can be typed."""
    listed = document["templating"]["list"]
    kept = [each for each in listed if each["type"] != "datasource"]
    return {each["name"]: each.get("allValue") or str(each.get("query", "")) for each in kept}


def shown_panels(document: Mapping[str, Any], *, rate_interval: str, whole_range: str) -> tuple[ShownPanel, ...]:
    """Rows and panels of a dashboard, variables as at first.

    Args:
        document: Its JSON.
        rate_interval: In place of `$__rate_interval`, such as `1m`.
        whole_range: In place of `$__range`.

    Raises:
        ValueError: An expression names a variable that the dashboard does not have.
    """
    values = {"__rate_interval": rate_interval, "__range": whole_range, **variables(document)}
    return tuple(_shown(panel, values) for panel in document["panels"])


def legend_of(template: str, labels: Mapping[str, str], *, expr: str) -> str:
    """A series' name as Grafana writes it: labels filled in, a label that is not there by its name.

    Without a template (`__auto`) it is the metric with all labels, or the whole expression if there is neither.
    """
    if template in {"", "__auto"}:
        told = ", ".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        return labels.get("__name__", "") + (f"{{{told}}}" if told else "") or expr
    return _LABEL.sub(lambda found: labels.get(found[1]) or found[1], template)


def written(value: float, unit: str) -> str:
    """A number with its unit, with the three digits that tell."""
    if math.isnan(value):
        return "NaN"
    match unit:
        case "percentunit":
            return f"{value * 100:.3g} %"
        case "s":
            return _scaled(value, _DURATIONS)
        case "bytes":
            return _scaled(value, _BYTES)
        case "cps":
            return f"{_scaled(value, _NUMBERS)} c/s"
        case _:
            return _scaled(value, _NUMBERS) + unit.partition("suffix:")[2]


def _shown(panel: Mapping[str, Any], values: Mapping[str, str]) -> ShownPanel:
    at, field = panel["gridPos"], panel.get("fieldConfig") or {}
    return ShownPanel(
        kind=panel["type"],
        title=panel["title"],
        about=panel.get("description", ""),
        place=(at["x"], at["y"], at["w"], at["h"]),
        defaults=field.get("defaults") or {},
        colours={name: colour for each in field.get("overrides") or () for name, colour in _fixed(each)},
        queries=tuple(_asked(target, values) for target in panel.get("targets") or ()),
    )


def _fixed(override: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if override["matcher"]["id"] == "byName":
        for each in override["properties"]:
            if each["id"] == "color":
                yield override["matcher"]["options"], each["value"]["fixedColor"]


def _asked(target: Mapping[str, Any], values: Mapping[str, str]) -> AskedQuery:
    def value(found: re.Match[str]) -> str:
        if found[0][1:] not in values:
            raise ValueError(
                f"{found[0]} in {target['expr']} is none of the dashboard's variables: {', '.join(values)}"
            )
        return values[found[0][1:]]

    expr = _VARIABLE.sub(value, target["expr"])
    return AskedQuery(target["refId"], expr, target.get("legendFormat", ""), bool(target.get("exemplar")))


def _scaled(value: float, sizes: tuple[tuple[float, str], ...]) -> str:
    size, suffix = next((each for each in reversed(sizes) if abs(value) >= each[0]), sizes[0])
    return f"{value / size:.3g}{suffix}"
