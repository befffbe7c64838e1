"""A policy for Envoy Gateway that would cut calls: what the check says of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.check.objects import Manifest
from k8s.check.references.routes import streaming
from k8s.check.references.timeouts import POLICY, milliseconds, timeout_findings
from k8s.check.rendering import Rendered
from tests.k8s.breaking import Broken, only

ROUTE = "GRPCRoute tidegate"
STREAMS = "ModerationService.ModerateStream"


@pytest.fixture
def policy(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Gives the shipped policy with other times; None takes one out."""

    def written(http: dict[str, Any]) -> Path:
        document = yaml.safe_load(POLICY.read_text())
        times = document["spec"]["timeout"]["http"] | http
        document["spec"]["timeout"]["http"] = {name: value for name, value in times.items() if value is not None}
        path = tmp_path / POLICY.name
        path.write_text(yaml.safe_dump(document))
        return path

    return written


@pytest.mark.parametrize(
    ("http", "field"),
    [
        ({"requestTimeout": None}, "requestTimeout"),
        ({"requestTimeout": "1m"}, "requestTimeout"),
        ({"maxStreamDuration": "1h"}, "maxStreamDuration"),
    ],
)
def test_time_that_would_cut_a_stream_is_told(
    overlay: Callable[[str], Rendered], policy: Callable[[dict[str, Any]], Path], http: dict[str, Any], field: str
) -> None:
    finding = only(lambda each: timeout_findings(each, file=policy(http)), overlay("production"))
    assert finding.field == f"envoy-gateway.yaml: spec.timeout.http.{field}"
    assert STREAMS in finding.problem


@pytest.mark.parametrize(("asked", "right"), [(None, False), ("30s", False), ("30s500ms", True), ("0s", True)])
def test_a_call_that_is_no_stream_may_take_longer_than_the_longest_budget(
    broken: Broken, policy: Callable[[dict[str, Any]], Path], asked: str | None, *, right: bool
) -> None:
    def unary(route: Manifest) -> None:
        wanted = {"service": "tidegate.api.moderation.v1.ModerationService", "method": "Moderate"}
        route.spec["rules"][0]["matches"] = [{"method": wanted}]

    found = list(timeout_findings(broken("production", ROUTE, unary), file=policy({"requestTimeout": asked})))
    assert (found == []) is right
    assert all(each.allowed == "0s, which is none, or more than 30000 ms" for each in found)


def test_a_policy_for_another_route_is_told(broken: Broken) -> None:
    def rename(route: Manifest) -> None:
        route.document["metadata"]["name"] = "moderation"

    finding = only(timeout_findings, broken("production", ROUTE, rename))
    assert finding.field == "envoy-gateway.yaml: spec.targetRefs"
    assert finding.allowed == "GRPCRoute moderation"


def test_methods_with_streams_are_found_by_what_a_route_lets_in(overlay: Callable[[str], Rendered]) -> None:
    (route,) = overlay("production").of("GRPCRoute")
    assert STREAMS in streaming(route)
    assert not any(each.startswith("HashBankService") for each in streaming(route))
    assert STREAMS in streaming(Manifest({"spec": {"rules": [{}]}})), "a rule without a match lets in all"


@pytest.mark.parametrize(("text", "ms"), [("0s", 0), ("15s", 15_000), ("1m30s", 90_000), ("2h", 7_200_000), ("", 0)])
def test_durations_are_those_of_the_gateway_api(text: str, ms: int) -> None:
    assert milliseconds(text) == ms
