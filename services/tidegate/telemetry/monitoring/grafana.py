"""Dashboards as Grafana's JSON, by Grafana's own SDK."""

import itertools
import json
from typing import Any

from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    TextBoxVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.builders.dashboard import Row as RowBuilder
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.stat import Panel as Stat
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)

from tidegate.telemetry.monitoring.board import Board, Choice, Colour, Limit, Look, Panel, Query, Unit

SOURCE = "datasource"
"""The variable with Prometheus' name: a board belongs to no one installation."""
_SOURCE_REF = DataSourceRef(type_val="prometheus", uid=f"${{{SOURCE}}}")
_TAG = "tidegate"
_PAGE_WIDTH = 24
_HEIGHTS = {Look.LINES: 8, Look.NUMBERS: 4}
_FILL = 10.0

_ACTIONS = {
    "ALLOW": Colour.GOOD,
    "LABEL": Colour.SOON,
    "AGE_RESTRICT": Colour.SOON,
    "LIMIT_REACH": Colour.BAD,
    "REVIEW": Colour.NOTED,
    "BLOCK": Colour.WORST,
}
MEANINGS = {
    "{{status}}": {"OK": Colour.GOOD, "TIMED_OUT": Colour.BAD, "FAILED": Colour.WORST},
    "{{code}}": {
        "OK": Colour.GOOD,
        "CANCELLED": Colour.SOON,
        "INVALID_ARGUMENT": Colour.NOTED,
        "RESOURCE_EXHAUSTED": Colour.BAD,
        "UNAVAILABLE": Colour.WORST,
        "INTERNAL": Colour.WORST,
    },
    "{{freshness}}": {"FRESH": Colour.GOOD, "MISSING": Colour.NOTED, "STALE": Colour.BAD},
    "{{action}}": _ACTIONS,
    "{{reason}}": {
        "INVALID_REQUEST": Colour.NOTED,
        "CANCELLED": Colour.SOON,
        "OVERLOADED": Colour.BAD,
        "LEDGER_UNAVAILABLE": Colour.WORST,
        "INTERNAL": Colour.WORST,
    },
    "{{cause}}": {"REFUSED": Colour.SOON, "TIMEOUT": Colour.BAD, "COMMIT": Colour.WORST, "LOST": Colour.WORST},
    "{{cause}} {{outcome}}": {"OUTAGE LET_THROUGH": Colour.WORST, "OUTAGE HELD": Colour.BAD},
}
"""Lines whose colour means something, by legend: colours by place would make failures green."""


def grafana_json(board: Board) -> str:
    """The dashboard as Grafana imports it, in a form that is the same each time."""
    made = _dashboard(board).build()
    document: dict[str, Any] = json.loads(JSONEncoder(sort_keys=True).encode(made))
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def _dashboard(board: Board) -> Dashboard:
    made = (
        Dashboard(f"Tidegate / {board.title}")
        .uid(f"tidegate-{board.name}")
        .description(board.about)
        .tags([_TAG, "generated"])
        .link(_to_the_others())
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .with_variable(DatasourceVariable(SOURCE).label("Prometheus").type("prometheus"))
    )
    for choice in board.choices:
        made = made.with_variable(_choice(choice))
    for amount in board.amounts:
        made = made.with_variable(TextBoxVariable(amount.name).label(amount.label).default_value(amount.value))
    ids = itertools.count(1)
    for row in board.rows:
        made = made.with_row(RowBuilder(row.title).id(next(ids)))
        for panel, width in zip(row.panels, _widths(row.panels), strict=True):
            made = made.with_panel(_panel(panel).span(width).height(_HEIGHTS[panel.look]).id(next(ids)))
    return made


def _widths(panels: tuple[Panel, ...]) -> list[int]:
    """Of 24 columns, so that no line has a gap: as they say, or up to three beside each other."""
    if all(panel.columns for panel in panels):
        return [panel.columns for panel in panels]
    lines = -(-len(panels) // 3)
    short, longer = divmod(len(panels), lines)
    counts = [short + 1] * longer + [short] * (lines - longer)
    return [_PAGE_WIDTH // count for count in counts for _ in range(count)]


def _to_the_others() -> DashboardLink:
    """Beside each other above the panels; the time stays."""
    link = DashboardLink("Tidegate").type(DashboardLinkType.DASHBOARDS).tags([_TAG]).placement("")
    return link.keep_time(True)  # noqa: FBT003 - the SDK's setters take one value


def _choice(choice: Choice) -> QueryVariable:
    return (
        QueryVariable(choice.name)
        .label(choice.name)
        .datasource(_SOURCE_REF)
        .query(f"label_values({choice.metric}, {choice.name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)  # noqa: FBT003 - the SDK's setters take one value
        .include_all(True)  # noqa: FBT003 - as above
        .all_value(".*")
    )


def _panel(panel: Panel) -> Timeseries | Stat:
    made = _numbers() if panel.look is Look.NUMBERS else _lines(panel)
    made = made.title(panel.title).description(panel.about).datasource(_SOURCE_REF).unit(_unit(panel.unit))
    if panel.limits or panel.look is Look.NUMBERS:
        made = made.thresholds(_thresholds(panel.limits))
    if panel.empty:
        made = made.no_value(panel.empty)
    for place, query in enumerate(panel.queries):
        made = made.with_target(_target(panel, query, place))
    return made


def _numbers() -> Stat:
    return Stat().graph_mode(BigValueGraphMode.NONE).reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))


def _lines(panel: Panel) -> Timeseries:
    made = (
        Timeseries()
        .fill_opacity(_FILL)
        .legend(_legend())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.least is not None:
        made = made.min(panel.least)
    if panel.unit is Unit.SHARE:
        made = made.axis_soft_max(0.01)
    if panel.limits:
        made = made.thresholds_style(GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED))
    for legend in {query.legend for query in panel.queries} & set(MEANINGS):
        for name, colour in MEANINGS[legend].items():
            fixed = DynamicConfigValue(id_val="color", value={"fixedColor": colour.value, "mode": "fixed"})
            made = made.override_by_name(name, [fixed])
    return made


def _thresholds(limits: tuple[Limit, ...]) -> ThresholdsConfig:
    steps = [Threshold(value=None, color=Colour.GOOD.value if limits else "text")]
    steps += [Threshold(value=limit.value, color=limit.colour.value) for limit in limits]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _legend() -> VizLegendOptions:
    made = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    made = made.calcs(["lastNotNull"])
    return made.show_legend(True)  # noqa: FBT003 - as above


def _target(panel: Panel, query: Query, place: int) -> Dataquery:
    return (
        Dataquery()
        .expr(query.expr)
        .legend_format(query.legend or panel.title)
        .exemplar(query.traced)
        .range()
        .ref_id(chr(ord("A") + place))
    )


def _unit(unit: Unit) -> str:
    return "suffix: cores" if unit is Unit.CORES else unit.value
