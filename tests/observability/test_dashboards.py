"""Dashboards: what is committed is what the code makes, and it asks for nothing that nobody counts."""

from pathlib import Path

import pytest
import yaml

from tests.observability.dashboards import DASHBOARDS, panels, queries
from tests.observability.test_rules import METRIC, RECORDED, known_series, rules
from tidegate.telemetry.monitoring.files import BOARDS
from tidegate.telemetry.monitoring.prometheus_names import series
from tidegate.telemetry.names import MetricName

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


def test_there_is_a_file_for_each_board_and_no_other_and_kubernetes_gets_all() -> None:
    assert {path.stem for path in DASHBOARDS} == {board.name for board in BOARDS}
    (made,) = yaml.safe_load((DASHBOARDS[0].parent / "kustomization.yaml").read_text())["configMapGenerator"]
    assert set(made["files"]) == {path.name for path in DASHBOARDS}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_has_a_title_of_its_own_an_id_of_its_own_and_a_query(path: Path) -> None:
    shown = panels(path)
    assert shown
    assert len({panel["id"] for panel in shown}) == len(shown)
    assert len(queries(path)) == sum(len(panel["targets"]) for panel in shown), "two panels have one title"
    assert all(panel["targets"] and panel["datasource"]["uid"] == "${datasource}" for panel in shown)


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
