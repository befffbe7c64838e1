"""The Collector's configuration, as far as it can be held to account without one: no Collector could be had here.

Checked are its references, its order, its words against what spans carry, and its sampling against real spans.
"""

import inspect
import json
import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from tests.observability.sampling import COLLECTOR, kept_by, policies
from tests.serving.in_process import ScriptedFeatures, ScriptedText, scored, serving
from tests.serving.requests import request
from tests.telemetry.kept_spans import KeptSpans
from tidegate.moderation.decision import Action, Completeness
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.serving.settings import load_settings
from tidegate.telemetry.log_lines import JsonLines
from tidegate.telemetry.metrics import configure_metrics
from tidegate.telemetry.monitoring.objectives import LATENCY_S
from tidegate.telemetry.names import Attribute
from tidegate.telemetry.receiver.series import SeriesLimits
from tidegate.telemetry.setup import Tracing

CONFIGS = [COLLECTOR / f"{tier}.yaml" for tier in ("agent", "gateway")]
SECTIONS = ("receivers", "processors", "exporters", "connectors", "extensions")
PARENT = ("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01")


def config(name: str) -> dict[str, Any]:
    document = yaml.safe_load((COLLECTOR / f"{name}.yaml").read_text())
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_component_is_declared_once_and_used(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    declared = {section: set(document.get(section) or {}) for section in SECTIONS}
    pipelines = document["service"]["pipelines"].values()
    connectors = declared["connectors"]
    received = {name for pipeline in pipelines for name in pipeline["receivers"]}
    exported = {name for pipeline in pipelines for name in pipeline["exporters"]}
    assert received == declared["receivers"] | connectors
    assert exported == declared["exporters"] | connectors
    assert {name for pipeline in pipelines for name in pipeline["processors"]} == declared["processors"]
    assert set(document["service"]["extensions"]) == declared["extensions"]
    assert set(document) <= {*SECTIONS, "service"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_memory_is_limited_before_anything_else_and_batches_are_made_last(path: Path) -> None:
    for pipeline in yaml.safe_load(path.read_text())["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_it_takes_from_the_environment_is_named_at_its_head(path: Path) -> None:
    text = path.read_text()
    head = " ".join(line for line in text.splitlines() if line.startswith("#"))
    told = set(re.findall(r"\b[A-Z]+_?[A-Z]{2,}\b", head.partition("Environment:")[2])) - {"OTLP"}
    taken = {*re.findall(r"\$\{env:(\w+)\}", text), *re.findall(r"node_from_env_var: (\w+)", text)}
    assert taken == told


def test_spans_are_counted_before_any_is_dropped_and_all_of_a_trace_go_to_one_gateway() -> None:
    agent, gateway = config("agent"), config("gateway")
    traces = agent["service"]["pipelines"]["traces"]
    assert {"span_metrics", "load_balancing"} == set(traces["exporters"])
    assert "tail_sampling" not in traces["processors"]
    assert agent["exporters"]["load_balancing"]["routing_key"] == "traceID"
    assert "tail_sampling" in gateway["service"]["pipelines"]["traces"]["processors"]
    port = agent["exporters"]["load_balancing"]["resolver"]["dns"]["port"]
    assert gateway["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].endswith(f":{port}")


def test_what_sampling_and_counting_ask_for_is_what_spans_carry() -> None:
    asked = {policy["string_attribute"]["key"]: policy for policy in policies() if "string_attribute" in policy}
    assert set(asked) == {Attribute.REASON, Attribute.COMPLETENESS, Attribute.ACTION}
    assert set(asked[Attribute.COMPLETENESS]["string_attribute"]["values"]) == set(Completeness) - {"COMPLETE"}
    assert set(asked[Attribute.ACTION]["string_attribute"]["values"]) == set(Action) - {"ALLOW"}
    counted = {each["name"] for each in config("agent")["connectors"]["span_metrics"]["dimensions"]}
    assert counted == {Attribute.SURFACE, Attribute.ACTION, Attribute.COMPLETENESS}, "bounded sets"


def test_slow_is_what_the_objective_calls_slow_and_a_trace_is_waited_for_until_its_budget_is_over() -> None:
    slow = next(policy for policy in policies() if policy["name"] == "slow")
    assert slow["latency"]["threshold_ms"] == LATENCY_S * 1000
    wait_s = float(config("gateway")["processors"]["tail_sampling"]["decision_wait"].removesuffix("s"))
    assert wait_s > load_settings().budget.max_ms / 1000


def test_prometheus_sees_the_names_that_rules_ask_for() -> None:
    agent = config("agent")
    shown = agent["exporters"]["prometheus"]
    assert shown["translation_strategy"] == "UnderscoreEscapingWithSuffixes"
    assert shown["enable_open_metrics"], "exemplars"
    assert shown["without_scope_info"]
    set_by_us = {each["key"] for each in agent["processors"]["resource"]["attributes"]}
    assert not set_by_us & {"service.name", "service.namespace", "service.instance.id"}, "`job` would be another"


def test_a_dead_router_is_shown_no_longer_than_rules_and_runbooks_say_and_a_slow_one_as_long() -> None:
    shown = config("agent")["exporters"]["prometheus"]["metric_expiration"]
    exported_every_ms = inspect.signature(configure_metrics).parameters["interval_ms"].default
    assert (shown, SeriesLimits().max_age_s) == ("1m", 60), "rules/operations.yaml and the runbooks name this minute"
    assert exported_every_ms * 4 <= 60_000


def test_lines_come_with_the_path_that_tells_their_pod() -> None:
    """The container operator reads it unless told not to; the receiver leaves it out unless told to give it."""
    read = config("agent")["receivers"]["file_log"]
    container = read["operators"][0]
    assert container["type"] == "container"
    assert container.get("add_metadata_from_filepath", True)
    assert read["include_file_path"] is True
    (pods,) = read["include"]
    # As the operator takes them apart: .../namespace_pod_uid/container/restarts.log.
    assert re.fullmatch(r".*/[^_/]+_\*/\*/\*\.log", pods)
    associated = config("agent")["processors"]["k8s_attributes"]["pod_association"][0]["sources"]
    assert associated == [{"from": "resource_attribute", "name": "k8s.pod.uid"}]


def line(level: int) -> str:
    """One of ours, within a span."""
    record = logging.LogRecord("tidegate.ledger", level, "", 0, "ledger.commit_failed", None, None)
    with TracerProvider().get_tracer("test").start_as_current_span("one"):
        return JsonLines().format(record)


def test_our_lines_are_read_as_they_are_written() -> None:
    container, ours, event, ended = config("agent")["receivers"]["file_log"]["operators"]
    assert (container["type"], ours["type"], event["type"], ended["type"]) == (
        "container",
        "json_parser",
        "move",
        "regex_parser",
    )
    asked = re.fullmatch(r'body matches "(.+)"', ours["if"])
    assert asked
    assert not re.search(asked[1], "INFO 2026-11-26 07:00:00,000 tidegate_ModerationRouter abc -- {}")
    assert set(ours["severity"]["mapping"].values()) == set(logging.getLevelNamesMapping()) - {
        "NOTSET",
        "WARN",
        "FATAL",
    }
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        written = line(level)
        assert re.search(asked[1], written)
        fields = {f"attributes.{key}": value for key, value in json.loads(written).items()}
        datetime.strptime(fields[ours["timestamp"]["parse_from"]], ours["timestamp"]["layout"].replace("%L", "%f"))  # noqa: DTZ007
        assert fields[ours["severity"]["parse_from"]] in ours["severity"]["mapping"].values()
        assert re.fullmatch("[0-9a-f]{32}", fields[ours["trace"]["trace_id"]["parse_from"]])
        assert re.fullmatch("[0-9a-f]{16}", fields[ours["trace"]["span_id"]["parse_from"]])
        assert (fields[event["from"]], event["to"]) == ("ledger.commit_failed", "body")
    assert ended["if"] == "attributes.trace_id == nil"
    assert re.search(ended["regex"], f"moderate failed, trace {'ab' * 16}")


async def spans_of(
    *, text: ScriptedText | None = None, features: ScriptedFeatures | None = None, broken_ledger: bool = False
) -> tuple[ReadableSpan, ...]:
    """Those of one request whose caller traces."""
    exporter = KeptSpans()
    async with serving(text=text, features=features, tracing=Tracing(exporter.recorder)) as served:
        if broken_ledger:
            await served.ledger.close()
        try:
            await served.stub.Moderate(request(), metadata=(PARENT,))
        except grpc.aio.AioRpcError:
            assert broken_ledger
    return exporter.get_finished_spans()


async def test_a_harmless_quick_complete_decision_is_kept_by_chance_only() -> None:
    spans = await spans_of()
    assert spans
    assert kept_by(spans) <= {"slow"}, "a busy machine may be slow"


async def test_whatever_is_held_back_is_kept() -> None:
    assert "acted-on" in kept_by(await spans_of(text=ScriptedText(lambda _: scored(hate=7))))


async def test_decisions_that_lacked_a_signal_are_kept() -> None:
    features = ScriptedFeatures(answer=AccountSignals(LookupStatus.FAILED))
    assert "incomplete" in kept_by(await spans_of(features=features))


async def test_requests_that_end_without_a_decision_are_kept() -> None:
    assert "refused" in kept_by(await spans_of(broken_ledger=True))
