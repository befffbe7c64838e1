"""Serve's configuration against the application and the pods that run it, told on a manifest broken in one place."""

from typing import Any

import pytest

from k8s.check.objects import Manifest
from k8s.check.references.serve_graph import serve_findings
from k8s.check.rendering import Rendered
from tests.k8s.breaking import RAY, Broken, change_serve, only


def test_a_deployment_that_the_application_does_not_have_is_told_with_those_it_has(broken: Broken) -> None:
    def rename(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["name"] = "Router"

    found = list(serve_findings(broken("local", RAY, lambda ray: change_serve(ray, rename))))
    assert [each.problem for each in found] == [
        "the application has no such deployment",
        "ModerationRouter is missing",
    ]
    assert "ModerationRouter" in found[0].allowed


def test_the_colocated_topology_has_the_router_alone(broken: Broken) -> None:
    def colocate(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["topology"] = "colocated"

    found = list(serve_findings(broken("local", RAY, lambda ray: change_serve(ray, colocate))))
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

    finding = only(serve_findings, broken("local", RAY, lambda ray: change_serve(ray, misspell)))
    assert said in finding.problem


def test_a_deployment_that_no_group_can_run_is_told(broken: Broken) -> None:
    def want(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["ray_actor_options"]["resources"] = {"gpu-router": 1}

    finding = only(serve_findings, broken("production", RAY, lambda ray: change_serve(ray, want)))
    assert "gpu-router" in finding.problem
    assert "routers:" in finding.allowed


def test_fewer_pods_than_the_fewest_replicas_need_is_told(broken: Broken) -> None:
    def more(config: dict[str, Any]) -> None:
        config["applications"][0]["deployments"][0]["autoscaling_config"]["min_replicas"] = 4

    finding = only(serve_findings, broken("production", RAY, lambda ray: change_serve(ray, more)))
    assert finding.field.endswith("[routers].minReplicas")
    assert finding.allowed == "4 or more"


@pytest.mark.parametrize(
    ("names", "change", "group", "needed"),
    [
        (["ModerationRouter"], {"autoscaling_config": {"min_replicas": 2, "max_replicas": 200}}, "routers", "200"),
        # Each of them alone would fit into 25 pods of two cores; together they take two cores a replica.
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

    finding = only(serve_findings, broken("production", RAY, lambda ray: change_serve(ray, more)))
    assert finding.field.endswith(f"[{group}].maxReplicas")
    assert names[0] in finding.problem
    assert finding.allowed.startswith(f"{needed} or more")


def test_as_many_fixed_replicas_as_a_group_holds_are_right_and_one_more_is_told(broken: Broken) -> None:
    def fixed(count: int) -> Rendered:
        def change(config: dict[str, Any]) -> None:
            next(each for each in config["applications"][0]["deployments"] if each["name"] == "SpeechDetectors").update(
                num_replicas=count
            )

        return broken("production", RAY, lambda ray: change_serve(ray, change))

    assert {each.field.rpartition(".")[2] for each in serve_findings(fixed(2))} == {"minReplicas"}
    assert {each.field.rpartition(".")[2] for each in serve_findings(fixed(3))} == {"minReplicas", "maxReplicas"}


@pytest.mark.parametrize(
    ("group", "shipped", "allowed"),
    [("routers", 21, "20 to 21"), ("stages", 25, "20 to 25"), ("speech", 2, "1 to 2")],
)
def test_more_pods_than_the_most_replicas_ask_for_are_told(
    broken: Broken, group: str, shipped: int, allowed: str
) -> None:
    def grow(ray: Manifest) -> None:
        groups = ray.spec["rayClusterConfig"]["workerGroupSpecs"]
        (found,) = (each for each in groups if each["groupName"] == group)
        assert found["maxReplicas"] == shipped
        found["maxReplicas"] += 1

    finding = only(serve_findings, broken("production", RAY, grow))
    assert finding.field.endswith(f"[{group}].maxReplicas")
    assert finding.problem.startswith(f"{shipped + 1} pods are more than the most replicas ask for")
    assert finding.allowed.startswith(f"{allowed}, or more in deployments.yaml")


def test_a_pod_that_is_killed_while_it_waits_is_told(broken: Broken) -> None:
    def hurry(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        pod.spec["terminationGracePeriodSeconds"] = 30

    finding = only(serve_findings, broken("production", RAY, hurry))
    assert finding.field.endswith("[routers].template.spec.terminationGracePeriodSeconds")
    assert finding.allowed == "90 s or more"


def test_a_node_that_goes_before_its_routers_is_told(broken: Broken) -> None:
    def hurry(ray: Manifest) -> None:
        pod = next(each for each in ray.pods() if each.group == "routers")
        command = pod.main().document["lifecycle"]["preStop"]["exec"]["command"]
        command[-1] = command[-1].replace("75", "45")

    finding = only(serve_findings, broken("production", RAY, hurry))
    assert finding.field.endswith("--deadline-remaining-seconds")
    assert finding.allowed == "75 s or more"


def test_a_longer_budget_needs_pods_that_take_longer_to_end(broken: Broken) -> None:
    def allow(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["budget"] = {"max_ms": 60_000}

    found = list(serve_findings(broken("production", RAY, lambda ray: change_serve(ray, allow))))
    assert {each.allowed for each in found} == {"105 s or more"}
    assert {each.field.rpartition(".")[2] for each in found} == {"preStop --deadline-remaining-seconds"}


def test_a_single_worker_ends_no_sooner_than_what_it_has_begun(broken: Broken) -> None:
    def allow(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["budget"] = {"max_ms": 60_000}

    finding = only(serve_findings, broken("local", RAY, lambda ray: change_serve(ray, allow)))
    assert finding.field.endswith("lifecycle.preStop")
    assert finding.allowed == "65 s or more"


def test_another_draining_than_the_settings_say_is_told(broken: Broken) -> None:
    def drain(config: dict[str, Any]) -> None:
        config["applications"][0]["args"]["settings"]["grpc"] = {"draining_s": 20}

    found = list(serve_findings(broken("production", RAY, lambda ray: change_serve(ray, drain))))
    assert {each.allowed for each in found} == {"20"}
    assert len(found) == 5, "the head, which holds Serve's controller, and four groups of workers"
