"""The Collectors' files and the variables that they ask for, told on a manifest broken in one place."""

from collections.abc import Callable

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.collector import collector_findings
from k8s.check.rendering import Rendered
from tests.k8s.breaking import Broken, container_of, only

AGENT = "DaemonSet tidegate-otel-agent"


@pytest.fixture
def collectors(overlay: Callable[[str], Rendered]) -> str:
    """The Collectors' ConfigMap, whose name carries a hash."""
    (found,) = (each.title for each in overlay("production").of("ConfigMap") if "agent.yaml" in each.document["data"])
    return found


def test_a_variable_that_a_collector_asks_for_and_does_not_get_is_told(broken: Broken) -> None:
    def forget(agent: Manifest) -> None:
        container = container_of(agent)
        container["env"] = [each for each in container["env"] if each["name"] not in {"NODE_NAME", "GATEWAY_HOST"}]

    found = list(collector_findings(broken("production", AGENT, forget)))
    assert [each.field.rpartition(".")[2] for each in found] == ["env[GATEWAY_HOST]", "env[NODE_NAME]"]
    assert all("is not set" in each.problem for each in found)


def test_a_variable_that_no_collector_asks_for_is_told(broken: Broken) -> None:
    def add(agent: Manifest) -> None:
        container_of(agent)["env"].append({"name": "K8S_NODE_IP", "value": "192.0.2.1"})

    finding = only(collector_findings, broken("production", AGENT, add))
    assert finding.field.endswith("env[K8S_NODE_IP]")
    assert "NODE_NAME" in finding.allowed


def test_a_variable_with_a_default_may_be_left_out(broken: Broken, collectors: str) -> None:
    def ask(configured: Manifest) -> None:
        configured.document["data"]["gateway.yaml"] += "# ${env:COMMENTED}\nx: ${env:MAYBE:-no} $${env:ESCAPED}\n"

    assert list(collector_findings(broken("production", collectors, ask))) == []


def test_a_collector_without_its_file_is_told(broken: Broken, collectors: str) -> None:
    def lose(configured: Manifest) -> None:
        del configured.document["data"]["agent.yaml"]

    assert "--config" in only(collector_findings, broken("production", collectors, lose)).problem
