"""One thing named in two places, by two addresses: what the check says of it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.configuration import configuration_findings
from k8s.check.rendering import Rendered

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]

ONLINE_STORE, RAY, JOB = "ConfigMap tidegate-online-store", "RayService tidegate", "CronJob tidegate-features"
REDIS = "redis-features.example.internal:6379"


def _told(rendered: Rendered) -> list[Finding]:
    return list(configuration_findings(rendered))


@pytest.mark.parametrize("other", ["redis-ray.example.internal:6379", "redis-features.example.internal:6380"])
def test_another_redis_in_the_configuration_than_in_the_settings_is_told(broken: Broken, other: str) -> None:
    def move(config: Manifest) -> None:
        config.document["data"]["connection"] = f"{other},ssl=true"

    found = _told(broken("production", ONLINE_STORE, move))
    assert len(found) == 2, "stages and signals"
    assert all(each.field.endswith("initContainers[feature-repository].args --redis") for each in found)
    assert {each.problem for each in found} == {f"{other}; the settings say otherwise (features.redis_address)"}
    assert {each.allowed for each in found} == {REDIS}


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("TIDEGATE_FEATURES__REDIS_ADDRESS", "redis.example.internal:6379", REDIS),
        ("TIDEGATE_TRITON__ADDRESS", "tidegate-tritons:8001", "tidegate-triton:8001"),
        ("TIDEGATE_TELEMETRY__ENDPOINT", "http://other:4317", "http://tidegate-otel-agent.tidegate-telemetry:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other:4317", "http://tidegate-otel-agent.tidegate-telemetry:4317"),
    ],
)
def test_another_address_in_a_job_than_in_the_settings_is_told(
    broken: Broken, name: str, value: str, right: str
) -> None:
    def add(job: Manifest) -> None:
        container: dict[str, Any] = next(job.pods()).main().document
        container["env"] = [*container["env"], {"name": name, "value": value}]

    (finding,) = _told(broken("production", JOB, add))
    assert finding.field.endswith(f"containers[materialize].env[{name}]")
    assert (finding.problem.partition(";")[0], finding.allowed) == (value, right)


def test_the_same_address_once_more_is_right(broken: Broken) -> None:
    def add(job: Manifest) -> None:
        container: dict[str, Any] = next(job.pods()).main().document
        container["env"] = [*container["env"], {"name": "TIDEGATE_FEATURES__REDIS_ADDRESS", "value": REDIS}]

    assert _told(broken("production", JOB, add)) == []


def test_a_pod_with_another_database_than_the_others_is_told(broken: Broken) -> None:
    def move(job: Manifest) -> None:
        volume = next(each for each in next(job.pods()).spec["volumes"] if each["name"] == "ledger")
        volume["secret"] = {"secretName": "tidegate-banks"}

    (finding,) = _told(broken("production", "CronJob tidegate-ledger-retention", move))
    assert finding.problem == "ledger.dsn_file comes from Secret tidegate-banks here alone"
    assert finding.allowed == "tidegate-ledger"


def test_a_variable_that_names_a_database_beside_the_settings_is_told(broken: Broken) -> None:
    def add(job: Manifest) -> None:
        container: dict[str, Any] = next(job.pods()).main().document
        dsn = {"name": "TIDEGATE_LEDGER_DSN", "value": "postgresql://other/tidegate"}
        container["env"] = [*container["env"], dsn]

    (finding,) = _told(broken("production", "CronJob tidegate-ledger-retention", add))
    assert finding.field.endswith("env[TIDEGATE_LEDGER_DSN]")
    assert "ledger.dsn_file" in finding.problem


def test_a_redis_in_this_cluster_that_is_no_service_is_told(broken: Broken) -> None:
    def move(settings: Manifest) -> None:
        data = settings.document["data"]
        data["settings.yaml"] = data["settings.yaml"].replace(REDIS, "redis.stores.svc.cluster.local:6379")

    found = _told(broken("production", "ConfigMap tidegate-settings", move))
    nowhere = next(each for each in found if each.subject == "settings.yaml")
    assert nowhere.field == "features.redis_address"
    assert "needs.yaml" in nowhere.allowed


def test_a_redis_with_options_of_feasts_is_the_same_redis(broken: Broken) -> None:
    def add(settings: Manifest) -> None:
        data = settings.document["data"]
        data["settings.yaml"] = data["settings.yaml"].replace(REDIS, f"{REDIS},ssl=true")

    assert not _told(broken("production", "ConfigMap tidegate-settings", add))


def test_a_service_that_the_overlay_needs_of_its_cluster_is_taken_for_given(broken: Broken, tmp_path: Path) -> None:
    whole = broken("local", "Service tidegate-triton", lambda each: each.document["metadata"].update(name="triton"))
    (tmp_path / "needs.yaml").write_text("objects: [{kind: Service, name: tidegate-triton, namespace: tidegate}]\n")
    assert _told(whole) != []
    assert _told(replace(whole, directory=tmp_path)) == []
