"""Dashboards: what is committed is what the code makes, and it asks for nothing that nobody counts."""

import json
import re
from collections import Counter
from itertools import product
from pathlib import Path

import grpc
import pytest
import yaml

from tests.observability.dashboards import DASHBOARDS, panels, queries
from tests.observability.test_rules import METRIC, RECORDED, known_series, rules
from tidegate.moderation.decision import Action
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.errors import Reason
from tidegate.moderation.signals import Freshness
from tidegate.telemetry.degradation import Cause, Outcome
from tidegate.telemetry.measures import CANCELLED, INTERNAL
from tidegate.telemetry.monitoring.files import BOARDS
from tidegate.telemetry.monitoring.prometheus_names import series
from tidegate.telemetry.names import MetricName
from tidegate.telemetry.pressure import LedgerFailure

TRITON = {
    "nv_inference_queue_duration_us",
    "nv_inference_compute_infer_duration_us",
    "nv_inference_count",
    "nv_inference_exec_count",
    "nv_inference_request_failure",
    "nv_gpu_utilization",
    "nv_gpu_memory_used_bytes",
}
"""What Triton counts (its user guide, "Metrics"); `tests/models/test_triton_metrics.py` asks a real one."""

COUNTED = {
    *(str(each) for kind in (Action, DetectorStatus, Freshness, Reason, LedgerFailure) for each in kind),
    *(f"{cause} {outcome}" for cause, outcome in product(Cause, Outcome)),
    *(status.name for status in grpc.StatusCode),
    CANCELLED,
    INTERNAL,
}
"""Values of labels that have a meaning."""


def test_there_is_a_file_for_each_board_and_no_other_and_kubernetes_gets_all() -> None:
    assert {path.stem for path in DASHBOARDS} == {board.name for board in BOARDS}
    (made,) = yaml.safe_load((DASHBOARDS[0].parent / "kustomization.yaml").read_text())["configMapGenerator"]
    assert set(made["files"]) == {path.name for path in DASHBOARDS}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_has_a_title_of_its_own_an_id_of_its_own_and_a_query(path: Path) -> None:
    raw = [panel for panel in json.loads(path.read_text())["panels"] if panel["type"] != "row"]
    assert raw
    assert len({panel["id"] for panel in raw}) == len(raw)
    assert len(queries(path)) == sum(len(panel["targets"]) for panel in raw), "two panels have one title"
    assert all(panel["targets"] and panel["datasource"]["uid"] == "${datasource}" for panel in raw)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_fill_the_page_from_left_to_right_and_stand_on_none_other(path: Path) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in panels(path):
        left, top, width, height = panel.place
        taken.update((left + across, top + down) for across in range(width) for down in range(height))
    assert set(taken.values()) == {1}
    assert {across for across, _ in taken} == set(range(24))
    assert len(taken) == 24 * len({down for _, down in taken}), "a gap"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_legends_are_words_or_labels_that_the_query_keeps(path: Path) -> None:
    for panel in panels(path):
        for query in panel.queries:
            assert query.legend not in {"", "__auto"}, f"{panel.title}: Grafana would show the whole expression"
            kept = {label for listed in re.findall(r"\bby \(([^)]+)\)", query.expr) for label in listed.split(", ")}
            asked = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
            assert not kept or asked <= kept, f"{panel.title}: Grafana would show the label's name"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_limits_rise_and_names_with_a_colour_are_values_that_are_counted(path: Path) -> None:
    for panel in panels(path):
        limits = [value for value, _ in panel.thresholds]
        assert limits == sorted(set(limits)), panel.title
        assert set(panel.colours) <= COUNTED, panel.title


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_ask_for_declared_metrics_and_recorded_series_only(path: Path) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for title, expr in queries(path).items():
        assert set(METRIC.findall(expr)) <= known_series() | TRITON, title
        assert set(RECORDED.findall(expr)) <= recorded, title


def test_every_declared_metric_is_on_a_board_or_in_a_rule() -> None:
    asked = " ".join(expr for path in DASHBOARDS for expr in queries(path).values())
    asked += " ".join(rule["expr"] for rule in rules())
    assert [name for name in MetricName if not series(name) & set(METRIC.findall(asked))] == []
