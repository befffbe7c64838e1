"""Dashboards as Grafana's JSON, by Grafana's own SDK."""

import itertools
import json
from typing import Any

from grafana_foundation_sdk.builders.common import VizLegendOptions, VizTooltipOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, TextBoxVariable
from grafana_foundation_sdk.builders.dashboard import Row as RowBuilder
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel as Timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DataSourceRef, VariableRefresh, VariableSort

from tidegate.telemetry.monitoring.board import Board, Choice, Panel, Query, Unit

SOURCE = "datasource"
"""The variable with Prometheus' name: a board belongs to no one installation."""
_SOURCE_REF = DataSourceRef(type_val="prometheus", uid=f"${{{SOURCE}}}")
_PANEL_WIDTH, _PANEL_HEIGHT = 8, 8
_FILL = 10.0


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
        .tags(["tidegate", "generated"])
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
        for panel in row.panels:
            made = made.with_panel(_lines(panel).id(next(ids)))
    return made


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


def _lines(panel: Panel) -> Timeseries:
    made = (
        Timeseries()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE_REF)
        .unit(_unit(panel.unit))
        .fill_opacity(_FILL)
        .span(_PANEL_WIDTH)
        .height(_PANEL_HEIGHT)
        .legend(_legend())
        .tooltip(VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if panel.least is not None:
        made = made.min(panel.least)
    if panel.unit is Unit.SHARE:
        made = made.axis_soft_max(0.01)
    for place, query in enumerate(panel.queries):
        made = made.with_target(_target(query, place))
    return made


def _legend() -> VizLegendOptions:
    made = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return made.show_legend(True)  # noqa: FBT003 - as above


def _target(query: Query, place: int) -> Dataquery:
    return (
        Dataquery()
        .expr(query.expr)
        .legend_format(query.legend or "__auto")
        .exemplar(query.traced)
        .range()
        .ref_id(chr(ord("A") + place))
    )


def _unit(unit: Unit) -> str:
    return "suffix: cores" if unit is Unit.CORES else unit.value
