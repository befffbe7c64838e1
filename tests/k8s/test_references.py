"""Each reference check, on a manifest that was broken in one place: what it says of it."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.references.collector import collector_findings
from k8s.check.references.configuration import configuration_findings
from k8s.check.references.hardening import hardening_findings
from k8s.check.references.images import image_findings
from k8s.check.references.network import network_findings
from k8s.check.references.ports import port_findings
from k8s.check.references.selectors import pods_of, selector_findings
from k8s.check.references.serve_graph import serve_findings
from k8s.check.references.triton import triton_findings
from k8s.check.rendering import Rendered
from k8s.connections import policies

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]
Check = Callable[[Rendered], Any]

TRITON, RAY = "Deployment tidegate-triton", "RayService tidegate"


def _only(check: Check, rendered: Rendered) -> Finding:
    (finding,) = list(check(rendered))
    assert isinstance(finding, Finding)
    return finding


def _container(manifest: Manifest, group: str = "") -> dict[str, Any]:
    pod = next(each for each in manifest.pods() if not group or each.group == group)
    return pod.main().document


def _set_variable(manifest: Manifest, name: str, value: str, group: str = "routers") -> None:
    variables = [dict(each) for each in _container(manifest, group)["env"] if each["name"] != name]
    _container(manifest, group)["env"] = [*variables, {"name": name, "value": value}]


def _change_serve(manifest: Manifest, change: Callable[[dict[str, Any]], object]) -> None:
    config = yaml.safe_load(manifest.spec["serveConfigV2"])
    change(config)
    manifest.spec["serveConfigV2"] = yaml.safe_dump(config)


def test_a_service_that_selects_no_pod_is_told_with_the_labels_there_are(broken: Broken) -> None:
    rendered = broken(
        "production", "Service tidegate-grpc", lambda each: each.spec["selector"].update({"app": "router"})
    )
    finding = _only(selector_findings, rendered)
    assert finding.field == "spec.selector"
    assert "takes no pod" in finding.problem
    assert "app.kubernetes.io/component=router" in finding.allowed


def test_a_deployment_that_does_not_select_its_own_pods_is_told(broken: Broken) -> None:
    def rename(triton: Manifest) -> None:
        triton.spec["selector"]["matchLabels"]["app.kubernetes.io/component"] = "router"

    assert "its own pods" in _only(selector_findings, broken("production", TRITON, rename)).problem


def test_a_budget_for_disruptions_that_protects_nothing_is_told(broken: Broken) -> None:
    def rename(budget: Manifest) -> None:
        budget.spec["selector"]["matchLabels"]["app.kubernetes.io/component"] = "routers"

    finding = _only(selector_findings, broken("production", "PodDisruptionBudget tidegate-routers", rename))
    assert finding.subject == "PodDisruptionBudget tidegate-routers"


def test_a_service_port_that_no_container_has_is_told_with_those_it_has(broken: Broken) -> None:
    def rename(service: Manifest) -> None:
        service.spec["ports"][0]["targetPort"] = "grpc"

    finding = _only(port_findings, broken("production", "Service tidegate-grpc", rename))
    assert finding.problem == "grpc is no port of RayService tidegate routers"
    assert "serve-grpc (9000)" in finding.allowed


def test_a_headless_service_on_another_port_than_its_pods_is_told(broken: Broken) -> None:
    rendered = broken("local", "Service tidegate-triton", lambda each: each.spec["ports"][0].update(port=80))
    assert "translates nothing" in _only(port_findings, rendered).problem


def test_a_probe_of_a_port_that_the_container_does_not_have_is_told(broken: Broken) -> None:
    def rename(ray: Manifest) -> None:
        container = _container(ray, "routers")
        container["readinessProbe"] = {"grpc": {"port": 9001}}

    finding = _only(port_findings, broken("production", RAY, rename))
    assert finding.field.endswith("[routers].template.spec.containers[ray-worker].readinessProbe.grpc.port")
    assert finding.problem == "9001 is no port of the container"


def test_a_route_to_a_port_that_the_service_does_not_have_is_told(broken: Broken) -> None:
    def move(route: Manifest) -> None:
        route.spec["rules"][0]["backendRefs"][0]["port"] = 8000

    finding = _only(port_findings, broken("production", "GRPCRoute tidegate", move))
    assert (finding.problem, finding.allowed) == ("8000 is no port of the Service", "serve-grpc (9000)")


def test_a_grpc_port_other_than_that_of_the_settings_is_told(broken: Broken) -> None:
    rendered = broken(
        "production",
        RAY,
        lambda ray: _change_serve(ray, lambda config: config["grpc_options"].update(port=9100)),
    )
    finding = _only(port_findings, rendered)
    assert finding.allowed == "grpc_options.port: 9100"


def test_triton_listening_elsewhere_than_its_container_says_is_told(broken: Broken) -> None:
    def move(triton: Manifest) -> None:
        container = _container(triton)
        container["args"] = [each.replace("--grpc-port=8001", "--grpc-port=9001") for each in container["args"]]

    assert _only(port_findings, broken("production", TRITON, move)).allowed == "--grpc-port=9001"


def test_a_variable_that_no_setting_has_is_told(broken: Broken) -> None:
    rendered = broken("production", RAY, lambda ray: _set_variable(ray, "TIDEGATE_GRPC__PORTS", "1"))
    finding = _only(configuration_findings, rendered)
    assert finding.field.endswith("env[TIDEGATE_GRPC__PORTS]")
    assert finding.problem == "no setting has this name"


def test_a_key_of_the_configuration_that_no_setting_has_is_told_in_the_settings_words(broken: Broken) -> None:
    def misspell(config: Manifest) -> None:
        config.document["data"]["settings.yaml"] += "\nlimit: {max_text_characters: 3}\n"

    finding = _only(configuration_findings, broken("production", "ConfigMap tidegate-settings", misspell))
    assert "limit" in finding.problem


@pytest.mark.parametrize("name", ["RAY_SERVE_ENABLE_HA_PROXY", "RAY_LOG_TO_STDERR"])
def test_a_variable_of_ray_that_differs_from_the_code_is_told(broken: Broken, name: str) -> None:
    rendered = broken("production", RAY, lambda ray: _set_variable(ray, name, "0"))
    assert _only(configuration_findings, rendered).allowed == "'1'"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["policy", "test-all"], "No such command 'test-all'"),
        (["features", "compute", "--state", "/x", "--fast"], "No such option"),
        (["features", "compute"], "Missing option '--state'"),
    ],
)
def test_a_job_whose_command_does_not_exist_is_told(broken: Broken, arguments: list[str], said: str) -> None:
    rendered = broken("production", "CronJob tidegate-features", lambda job: _container(job).update(args=arguments))
    assert said in _only(configuration_findings, rendered).problem


def test_a_secret_that_nobody_brings_is_told(broken: Broken) -> None:
    def rename(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        next(each for each in pod.spec["volumes"] if each["name"] == "ledger")["secret"] = {"secretName": "ledger"}

    finding = _only(configuration_findings, broken("production", RAY, rename))
    assert finding.problem == "there is no Secret ledger"
    assert "tidegate-ledger" in finding.allowed


@pytest.mark.parametrize("group", ["routers", "stages"])
def test_a_pod_that_is_not_given_the_database_it_needs_is_told(broken: Broken, group: str) -> None:
    def take(ray: Manifest) -> None:
        container = _container(ray, group)
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != "banks"]

    finding = _only(configuration_findings, broken("production", RAY, take))
    assert f"[{group}]" in finding.field
    assert finding.problem == "banks.dsn_file is /etc/tidegate-banks/dsn, which no Secret gives"


def test_a_secret_without_the_key_that_a_pod_is_given_is_told(broken: Broken) -> None:
    def rename(job: Manifest) -> None:
        (pod,) = job.pods()
        next(each for each in pod.spec["volumes"] if each["name"] == "banks")["secret"]["items"][0]["key"] = "owner"

    finding = _only(configuration_findings, broken("production", "Job tidegate-migrate", rename))
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


def test_an_address_in_the_settings_that_is_no_service_is_told(broken: Broken) -> None:
    def rename(service: Manifest) -> None:
        service.document["metadata"]["name"] = "triton"

    finding = _only(configuration_findings, broken("local", "Service tidegate-triton", rename))
    assert (finding.subject, finding.field) == ("settings.yaml", "triton.address")
    assert " triton:8001" in finding.allowed


def test_an_address_in_another_namespace_that_is_no_service_is_told(broken: Broken) -> None:
    rendered = broken("production", "Service tidegate-otel-agent", lambda each: each.spec["ports"][0].update(port=4319))
    finding = _only(configuration_findings, rendered)
    assert (finding.subject, finding.field) == ("settings.yaml", "telemetry.endpoint")


def test_a_mount_of_a_volume_that_there_is_not_is_told(broken: Broken) -> None:
    def rename(triton: Manifest) -> None:
        _container(triton)["volumeMounts"][0]["name"] = "models"

    assert _only(configuration_findings, broken("local", TRITON, rename)).problem == "there is no volume models"


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("tidegate/tritons:0.1.0", "tidegate/tritons has no Dockerfile"),
        ("tidegate/triton-cpu", "is of no certain version"),
        ("tidegate/triton-cpu:latest", "is of no certain version"),
    ],
)
def test_an_image_that_nobody_builds_or_pins_is_told(broken: Broken, image: str, said: str) -> None:
    rendered = broken("local", TRITON, lambda triton: _container(triton).update(image=image))
    assert said in _only(image_findings, rendered).problem


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        ("readOnlyRootFilesystem", False, "True"),
        ("allowPrivilegeEscalation", True, "False"),
        ("capabilities", {"drop": ["NET_RAW"]}, "{'drop': ['ALL']}"),
    ],
)
def test_a_container_that_may_more_than_restricted_ones_is_told(
    broken: Broken, field: str, value: object, allowed: str
) -> None:
    def loosen(triton: Manifest) -> None:
        container = _container(triton)
        container["securityContext"] = {**container["securityContext"], field: value}

    finding = _only(hardening_findings, broken("local", TRITON, loosen))
    assert finding.field.endswith(f"containers[triton].securityContext.{field}")
    assert finding.allowed == allowed


def test_a_pod_as_root_and_a_container_without_a_request_are_told(broken: Broken) -> None:
    def loosen(triton: Manifest) -> None:
        pod = next(triton.pods())
        pod.spec["securityContext"] = {"seccompProfile": {"type": "RuntimeDefault"}}
        del _container(triton)["resources"]["requests"]["cpu"]

    fields = {each.field.rpartition(".")[2] for each in hardening_findings(broken("local", TRITON, loosen))}
    assert fields == {"runAsNonRoot", "runAsUser", "requests"}


def test_an_argument_that_only_the_manifest_has_is_told(broken: Broken) -> None:
    rendered = broken("local", TRITON, lambda triton: _container(triton)["args"].append("--model-control-mode=poll"))
    assert "--model-control-mode=poll is in one of the two only" in _only(triton_findings, rendered).problem


def test_a_deployment_that_the_application_does_not_have_is_told_with_those_it_has(broken: Broken) -> None:
    def rename(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["name"] = "Router"

    found = list(serve_findings(broken("local", RAY, lambda ray: _change_serve(ray, rename))))
    assert [each.problem for each in found] == [
        "the application has no such deployment",
        "ModerationRouter is missing",
    ]
    assert "ModerationRouter" in found[0].allowed


def test_the_colocated_topology_has_the_router_alone(broken: Broken) -> None:
    def colocate(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["topology"] = "colocated"

    found = list(serve_findings(broken("local", RAY, lambda ray: _change_serve(ray, colocate))))
    assert {each.allowed for each in found} == {"ModerationRouter"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_replica": 1}, "num_replica: Serve knows no such key"),
        ({"ray_actor_options": {"num_cpu": 1}}, "num_cpu: Serve knows no such key"),
        ({"max_ongoing_requests": 0}, "max_ongoing_requests"),
    ],
)
def test_what_serve_would_refuse_or_ignore_is_told(broken: Broken, change: dict[str, Any], said: str) -> None:
    def misspell(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0].update(change)

    finding = _only(serve_findings, broken("local", RAY, lambda ray: _change_serve(ray, misspell)))
    assert said in finding.problem


def test_a_deployment_that_no_group_can_run_is_told(broken: Broken) -> None:
    def want(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["ray_actor_options"]["resources"] = {"gpu-router": 1}

    finding = _only(serve_findings, broken("production", RAY, lambda ray: _change_serve(ray, want)))
    assert "gpu-router" in finding.problem
    assert "routers:" in finding.allowed


def test_fewer_pods_than_the_fewest_replicas_need_is_told(broken: Broken) -> None:
    def more(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["autoscaling_config"]["min_replicas"] = 3

    finding = _only(serve_findings, broken("production", RAY, lambda ray: _change_serve(ray, more)))
    assert finding.field.endswith("[routers].minReplicas")
    assert finding.allowed == "3 or more"


@pytest.mark.parametrize(
    ("names", "change", "group", "needed"),
    [
        (["ModerationRouter"], {"autoscaling_config": {"min_replicas": 2, "max_replicas": 200}}, "routers", "200"),
        # Each of them alone would fit into 40 pods of two cores; together they take two cores a replica.
        (
            ["FeatureLookup", "TextDetectors", "ImageDetectors"],
            {"autoscaling_config": {"min_replicas": 2, "max_replicas": 45}},
            "stages",
            "45",
        ),
        (["FeatureLookup"], {"autoscaling_config": None, "num_replicas": "auto"}, "stages", "47"),
    ],
)
def test_more_replicas_than_a_groups_most_pods_hold_are_told(
    broken: Broken, names: list[str], change: dict[str, Any], group: str, needed: str
) -> None:
    def more(config: dict[str, Any]) -> None:
        for each in config["applications"][0]["deployments"]:
            if each["name"] in names:
                each.update(change)

    finding = _only(serve_findings, broken("production", RAY, lambda ray: _change_serve(ray, more)))
    assert finding.field.endswith(f"[{group}].maxReplicas")
    assert names[0] in finding.problem
    assert finding.allowed.startswith(f"{needed} or more")


def test_as_many_fixed_replicas_as_a_group_holds_are_right_and_one_more_is_told(broken: Broken) -> None:
    def fixed(count: int) -> Rendered:
        def change(config: dict[str, Any]) -> None:
            next(each for each in config["applications"][0]["deployments"] if each["name"] == "SpeechDetectors").update(
                num_replicas=count
            )

        return broken("production", RAY, lambda ray: _change_serve(ray, change))

    assert {each.field.rpartition(".")[2] for each in serve_findings(fixed(20))} == {"minReplicas"}
    assert {each.field.rpartition(".")[2] for each in serve_findings(fixed(21))} == {"minReplicas", "maxReplicas"}


def test_a_pod_that_is_killed_while_it_waits_is_told(broken: Broken) -> None:
    def hurry(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        pod.spec["terminationGracePeriodSeconds"] = 30

    finding = _only(serve_findings, broken("production", RAY, hurry))
    assert finding.field.endswith("[routers].template.spec.terminationGracePeriodSeconds")
    assert finding.allowed == "90 s or more"


def test_a_node_that_goes_before_its_routers_is_told(broken: Broken) -> None:
    def hurry(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        command = pod.main().document["lifecycle"]["preStop"]["exec"]["command"]
        command[-1] = command[-1].replace("75", "45")

    finding = _only(serve_findings, broken("production", RAY, hurry))
    assert finding.field.endswith("--deadline-remaining-seconds")
    assert finding.allowed == "75 s or more"


def test_a_longer_budget_needs_pods_that_take_longer_to_end(broken: Broken) -> None:
    def allow(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["budget"] = {"max_ms": 60_000}

    found = list(serve_findings(broken("production", RAY, lambda ray: _change_serve(ray, allow))))
    assert {each.allowed for each in found} == {"105 s or more"}
    assert {each.field.rpartition(".")[2] for each in found} == {"preStop --deadline-remaining-seconds"}


def test_a_single_worker_ends_no_sooner_than_what_it_has_begun(broken: Broken) -> None:
    def allow(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["budget"] = {"max_ms": 60_000}

    finding = _only(serve_findings, broken("local", RAY, lambda ray: _change_serve(ray, allow)))
    assert finding.field.endswith("lifecycle.preStop")
    assert finding.allowed == "65 s or more"


def test_another_draining_than_the_settings_say_is_told(broken: Broken) -> None:
    def drain(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["grpc"] = {"draining_s": 20}

    found = list(serve_findings(broken("production", RAY, lambda ray: _change_serve(ray, drain))))
    assert {each.allowed for each in found} == {"20"}
    assert len(found) == 5, "the head, which holds Serve's controller, and four groups of workers"


AGENT = "DaemonSet tidegate-otel-agent"


@pytest.fixture
def collectors(overlay: Callable[[str], Rendered]) -> str:
    """The Collectors' ConfigMap, whose name carries a hash."""
    (found,) = (each.title for each in overlay("production").of("ConfigMap") if "agent.yaml" in each.document["data"])
    return found


def test_a_variable_that_a_collector_asks_for_and_does_not_get_is_told(broken: Broken) -> None:
    def forget(agent: Manifest) -> None:
        container = _container(agent)
        container["env"] = [each for each in container["env"] if each["name"] not in {"NODE_NAME", "GATEWAY_HOST"}]

    found = list(collector_findings(broken("production", AGENT, forget)))
    assert [each.field.rpartition(".")[2] for each in found] == ["env[GATEWAY_HOST]", "env[NODE_NAME]"]
    assert all("is not set" in each.problem for each in found)


def test_a_variable_that_no_collector_asks_for_is_told(broken: Broken) -> None:
    def add(agent: Manifest) -> None:
        _container(agent)["env"].append({"name": "K8S_NODE_IP", "value": "192.0.2.1"})

    finding = _only(collector_findings, broken("production", AGENT, add))
    assert finding.field.endswith("env[K8S_NODE_IP]")
    assert "NODE_NAME" in finding.allowed


def test_a_variable_with_a_default_may_be_left_out(broken: Broken, collectors: str) -> None:
    def ask(configured: Manifest) -> None:
        configured.document["data"]["gateway.yaml"] += "# ${env:COMMENTED}\nx: ${env:MAYBE:-no} $${env:ESCAPED}\n"

    assert list(collector_findings(broken("production", collectors, ask))) == []


def test_a_collector_without_its_file_is_told(broken: Broken, collectors: str) -> None:
    def lose(configured: Manifest) -> None:
        del configured.document["data"]["agent.yaml"]

    assert "--config" in _only(collector_findings, broken("production", collectors, lose)).problem


@pytest.fixture
def guarded(overlay: Callable[[str], Rendered]) -> Rendered:
    """The production overlay with the generated policies."""
    whole = overlay("production")
    others = tuple(each for each in whole.manifests if each.kind != "NetworkPolicy")
    return replace(whole, manifests=(*others, *(Manifest(each) for each in policies())))


def test_generated_policies_allow_what_is_listed_and_nothing_else(guarded: Rendered) -> None:
    assert list(network_findings(guarded)) == []


def test_an_edge_that_is_not_listed_is_told(guarded: Rendered) -> None:
    triton = next(each for each in guarded.manifests if each.title == "NetworkPolicy tidegate-triton")
    triton.spec["ingress"].append(
        {
            "from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/component": "router"}}}],
            "ports": [{"port": 8001, "protocol": "TCP"}],
        }
    )
    finding = _only(network_findings, guarded)
    assert (finding.subject, finding.field) == ("pods triton", "ingress")
    assert finding.problem == "router on TCP 8001: allowed, and not listed in k8s/connections.py"


def test_an_edge_that_is_listed_and_not_allowed_is_told(guarded: Rendered) -> None:
    router = next(each for each in guarded.manifests if each.title == "NetworkPolicy tidegate-router")
    router.spec["ingress"] = [
        each for each in router.spec["ingress"] if {"protocol": "TCP", "port": 9000} not in each["ports"]
    ]
    assert _only(network_findings, guarded).problem == (
        "clients on TCP 9000: listed in k8s/connections.py, and not allowed"
    )


def test_an_overlay_without_a_policy_that_denies_is_told(guarded: Rendered) -> None:
    lax = tuple(each for each in guarded.manifests if each.title != "NetworkPolicy tidegate-default-deny")
    assert "no policy denies" in _only(network_findings, replace(guarded, manifests=lax)).problem


def test_needs_of_an_overlay_are_kept_beside_it(overlay: Callable[[str], Rendered], tmp_path: Path) -> None:
    whole = overlay("production")
    copied = Path(shutil.copytree(whole.directory, tmp_path / "production"))
    (copied / "needs.yaml").unlink()
    missing = {each.problem for each in configuration_findings(replace(whole, directory=copied))}
    secrets = ("tidegate-ledger", "tidegate-banks", "tidegate-ray-store")
    assert missing == {f"there is no Secret {name}" for name in secrets}
