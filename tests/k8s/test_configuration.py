"""Settings, variables, commands, Secrets, addresses and mounts that are not there, told on a manifest broken so."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from k8s.check.objects import Manifest
from k8s.check.references.configuration import configuration_findings
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered
from tests.k8s.breaking import RAY, TRITON, Broken, container_of, only, set_variable


def test_a_variable_that_no_setting_has_is_told(broken: Broken) -> None:
    rendered = broken("production", RAY, lambda ray: set_variable(ray, "TIDEGATE_GRPC__PORTS", "1"))
    finding = only(configuration_findings, rendered)
    assert finding.field.endswith("env[TIDEGATE_GRPC__PORTS]")
    assert finding.problem == "no setting has this name"


def test_a_key_of_the_configuration_that_no_setting_has_is_told_in_the_settings_words(broken: Broken) -> None:
    def misspell(config: Manifest) -> None:
        config.document["data"]["settings.yaml"] += "\nlimit: {max_text_characters: 3}\n"

    finding = only(configuration_findings, broken("production", "ConfigMap tidegate-settings", misspell))
    assert "limit: unknown key; did you mean limits?" in finding.problem
    assert "tidegate --config " in finding.allowed
    assert "overlays/production/settings.yaml check-config`" in finding.allowed


@pytest.mark.parametrize("name", ["RAY_SERVE_ENABLE_HA_PROXY", "RAY_LOG_TO_STDERR"])
def test_a_variable_of_ray_that_differs_from_the_code_is_told(broken: Broken, name: str) -> None:
    rendered = broken("production", RAY, lambda ray: set_variable(ray, name, "0"))
    assert only(configuration_findings, rendered).allowed == "'1'"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["policy", "test-all"], "No such command 'test-all'"),
        (["features", "compute", "--state", "/x", "--fast"], "No such option"),
        (["features", "compute"], "Missing option '--state'"),
    ],
)
def test_a_job_whose_command_does_not_exist_is_told(broken: Broken, arguments: list[str], said: str) -> None:
    rendered = broken("production", "CronJob tidegate-features", lambda job: container_of(job).update(args=arguments))
    assert said in only(configuration_findings, rendered).problem


def test_a_secret_that_nobody_brings_is_told(broken: Broken) -> None:
    def rename(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        next(each for each in pod.spec["volumes"] if each["name"] == "ledger")["secret"] = {"secretName": "ledger"}

    finding = only(configuration_findings, broken("production", RAY, rename))
    assert finding.problem == "there is no Secret ledger"
    assert "tidegate-ledger" in finding.allowed


@pytest.mark.parametrize("group", ["routers", "stages"])
def test_a_pod_that_is_not_given_the_database_it_needs_is_told(broken: Broken, group: str) -> None:
    def take(ray: Manifest) -> None:
        container = container_of(ray, group)
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != "banks"]

    finding = only(configuration_findings, broken("production", RAY, take))
    assert f"[{group}]" in finding.field
    assert finding.problem == "banks.dsn_file is /etc/tidegate-banks/dsn, which no Secret gives"


def test_a_secret_without_the_key_that_a_pod_is_given_is_told(broken: Broken) -> None:
    def rename(job: Manifest) -> None:
        (pod,) = job.pods()
        next(each for each in pod.spec["volumes"] if each["name"] == "banks")["secret"]["items"][0]["key"] = "owner"

    finding = only(configuration_findings, broken("production", "Job tidegate-migrate", rename))
    assert "banks.dsn_file" in finding.problem


def test_who_is_given_a_dsn_is_given_the_ca_that_it_names(overlay: Callable[[str], Rendered]) -> None:
    stores = ("tidegate-ledger", "tidegate-banks")
    whole = overlay("production")
    keys = {
        each["name"]: each["keys"]
        for each in yaml.safe_load((whole.directory / "needs.yaml").read_text())["objects"]
        if each["kind"] == "Secret"
    }
    given = [
        {each["path"] for each in secret.get("items") or [{"path": key} for key in keys[secret["secretName"]]]}
        for pod in pods_of(whole)
        for secret in (volume.get("secret") or {} for volume in pod.spec.get("volumes") or ())
        if secret.get("secretName") in stores
    ]
    assert len(given) == 8  # routers two, stages, signals, the jobs: migrate two, export, retention
    assert all({"dsn", "ca.crt"} <= files for files in given)


def test_who_is_given_the_password_of_the_signals_redis_is_given_its_ca_where_there_is_one(
    overlay: Callable[[str], Rendered],
) -> None:
    name, folder = "tidegate-online-store", "/etc/tidegate-online-store"
    readers = [
        each
        for pod in pods_of(overlay("production"))
        for each in pod.containers()
        if {"secretRef": {"name": name, "optional": True}} in each.document.get("envFrom", ())
    ]
    assert len(readers) == 6  # stages and signals with the init container of each, the features job two
    for each in readers:
        (mount,) = [found for found in each.document["volumeMounts"] if found["mountPath"] == folder]
        (volume,) = [found for found in each.pod.spec["volumes"] if found["name"] == mount["name"]]
        assert (volume["secret"]["secretName"], volume["secret"]["optional"]) == (name, True)
        assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    applying = [each.document["args"] for each in readers if "apply" in each.document.get("args", ())]
    assert len(applying) == 2
    assert all(f"--redis-ca-file={folder}/ca.crt" in arguments for arguments in applying)


def test_a_secret_that_a_pod_starts_without_is_not_missed(broken: Broken) -> None:
    def rename(job: Manifest, *, optional: bool) -> None:
        (pod,) = job.pods()
        volume = next(each for each in pod.spec["volumes"] if each["name"] == "online-store")
        volume["secret"] |= {"secretName": "elsewhere", "optional": optional}

    job = "CronJob tidegate-features"
    assert not list(configuration_findings(broken("production", job, lambda each: rename(each, optional=True))))
    finding = only(configuration_findings, broken("production", job, lambda each: rename(each, optional=False)))
    assert finding.problem == "there is no Secret elsewhere"


def test_an_address_in_the_settings_that_is_no_service_is_told(broken: Broken) -> None:
    def rename(service: Manifest) -> None:
        service.document["metadata"]["name"] = "triton"

    finding = only(configuration_findings, broken("local", "Service tidegate-triton", rename))
    assert (finding.subject, finding.field) == ("settings.yaml", "triton.address")
    assert " triton:8001" in finding.allowed


def test_an_address_in_another_namespace_that_is_no_service_is_told(broken: Broken) -> None:
    rendered = broken("production", "Service tidegate-otel-agent", lambda each: each.spec["ports"][0].update(port=4319))
    finding = only(configuration_findings, rendered)
    assert (finding.subject, finding.field) == ("settings.yaml", "telemetry.endpoint")


def test_a_mount_of_a_volume_that_there_is_not_is_told(broken: Broken) -> None:
    def rename(triton: Manifest) -> None:
        container_of(triton)["volumeMounts"][0]["name"] = "models"

    assert only(configuration_findings, broken("local", TRITON, rename)).problem == "there is no volume models"


def test_needs_of_an_overlay_are_kept_beside_it(overlay: Callable[[str], Rendered], tmp_path: Path) -> None:
    whole = overlay("production")
    copied = Path(shutil.copytree(whole.directory, tmp_path / "production"))
    (copied / "needs.yaml").unlink()
    missing = {each.problem for each in configuration_findings(replace(whole, directory=copied))}
    secrets = ("tidegate-ledger", "tidegate-banks", "tidegate-ray-store")
    assert missing == {f"there is no Secret {name}" for name in secrets}
