"""Rules: valid, tested, generated from what is declared, and each alert leads a person somewhere."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observability.prometheus import required
from tidegate.telemetry.monitoring.burn_rates import BURNS
from tidegate.telemetry.monitoring.files import generated
from tidegate.telemetry.monitoring.objectives import LATENCY_S, OBJECTIVES
from tidegate.telemetry.monitoring.prometheus_names import series
from tidegate.telemetry.names import MetricName
from tidegate.telemetry.otel_measures import DURATIONS

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "observability/rules").glob("*.yaml"))
RULE_TESTS = sorted((ROOT / "observability/rules/tests").glob("*.yaml"))
RUNBOOKS = ROOT / "observability/runbooks"
RECEIVERS_OWN = {"tidegate_receiver_series", "tidegate_receiver_rejected_points_total"}
"""What the built-in receiver shows of itself (`receiver/series.py`)."""

METRIC = re.compile(r"\b(?:tidegate|process|nv|ray)_[a-z0-9_]+\b")
RECORDED = re.compile(r"\btidegate:[a-z0-9_:]+")


def rules() -> list[dict[str, Any]]:
    documents = [yaml.safe_load(path.read_text()) for path in RULES]
    return [rule for document in documents for group in document["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def known_series() -> set[str]:
    return set().union(*(series(name) for name in MetricName), RECEIVERS_OWN)


def test_promtool_finds_no_fault_in_any_rule() -> None:
    done = subprocess.run(
        [required("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_for_one_machine_is_sound_and_loads_every_rule() -> None:
    done = subprocess.run(
        [required("promtool"), "check", "config", ROOT / "observability/prometheus.yaml"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(RULES)} rule files found" in done.stdout


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.stem)
def test_rules_fire_when_they_should_and_not_else(path: Path) -> None:
    done = subprocess.run(
        [required("promtool"), "test", "rules", path], capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_file_has_a_test_and_every_alert_is_expected_to_fire_in_one() -> None:
    assert [path.name for path in RULE_TESTS] == [path.name for path in RULES]
    expected = {
        name
        for path in RULE_TESTS
        for test in yaml.safe_load(path.read_text())["tests"]
        for asked in test["promql_expr_test"]
        for sample in asked["exp_samples"]
        for name in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert {rule["alert"] for rule in alerts()} == expected


def test_what_is_committed_is_what_is_generated() -> None:
    for name, text in generated().items():
        assert (ROOT / "observability" / name).read_text() == text, (
            f"{name}: run python -m tidegate.telemetry.monitoring"
        )


def test_rules_ask_for_declared_metrics_and_recorded_series_only() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        assert set(METRIC.findall(rule["expr"])) <= known_series(), rule
        assert set(RECORDED.findall(rule["expr"])) <= recorded, rule


def test_every_alert_says_whom_it_wakes_what_is_wrong_and_what_to_read() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert {"summary", "description", "runbook"} == set(rule["annotations"]), rule
        assert (ROOT / rule["annotations"]["runbook"]).is_file(), rule["annotations"]["runbook"]
        assert Path(rule["annotations"]["runbook"]).stem == rule["alert"]


def test_every_runbook_is_of_an_alert_and_says_what_users_feel_how_to_see_it_and_what_to_do() -> None:
    books = [path for path in RUNBOOKS.glob("*.md") if path.name != "README.md"]
    assert {path.stem for path in books} == {rule["alert"] for rule in alerts()}
    for path in books:
        headings = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert headings == ["What people feel", "How to see it", "What to do"], path


def test_what_runbooks_ask_prometheus_for_is_declared() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for path in RUNBOOKS.glob("*.md"):
        assert set(METRIC.findall(path.read_text())) <= known_series(), path
        assert set(RECORDED.findall(path.read_text())) <= recorded, path


def test_each_objective_has_a_page_and_a_ticket_and_its_latency_is_an_edge_of_a_bucket() -> None:
    for objective in OBJECTIVES:
        of_it = [rule for rule in alerts() if rule["alert"] == objective.alert]
        assert len(of_it) == len(BURNS)
        assert {rule["labels"]["severity"] for rule in of_it} == {"page", "ticket"}
        assert 0 < objective.budget < 0.5
    assert LATENCY_S in DURATIONS.edges
