"""Serve's configuration ↔ the application that our code builds ↔ the pods that run it ↔ the time they get to end."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.rendering import Rendered

CHECK = "serve"

ENDS_IN_S = 15.0
"""For Ray's processes, from SIGTERM on: by then nothing is under way. Not measured in a pod."""

_DRAINING = "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S"


def serve_findings(rendered: Rendered) -> Iterator[Finding]:
    """Deployments that there are not, that no pod can run, or that are cut short."""
    for ray in rendered.of("RayService"):
        config = yaml.safe_load(ray.spec["serveConfigV2"])
        problem = _refused(config)
        if problem:
            told = "ray.serve.schema.ServeDeploySchema"
            yield Finding(CHECK, rendered.name, ray.title, "spec.serveConfigV2", problem, told)
            continue
        application = config["applications"][0]
        yield from _graph(rendered, ray, application)
        yield from _places(rendered, ray, application["deployments"])
        yield from _draining(rendered, ray, application["args"]["settings"])


def _refused(config: dict[str, Any]) -> str:
    from pydantic import ValidationError  # noqa: PLC0415 - beside Ray's import
    from ray.serve.schema import ServeDeploySchema  # noqa: PLC0415 - importing Ray takes seconds

    try:
        ServeDeploySchema.model_validate(config)
    except ValidationError as error:
        return "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg'].removeprefix('Value error, ')}" for each in error.errors()
        )
    return "; ".join(_ignored(config))


def _ignored(config: dict[str, Any]) -> Iterator[str]:
    """Yields keys that Serve 2.60 does not know. Its schemas ignore them, so a misspelt one would go unseen."""
    from ray.serve.config import AutoscalingConfig  # noqa: PLC0415 - importing Ray takes seconds
    from ray.serve.schema import (  # noqa: PLC0415 - as above
        DeploymentSchema,
        RayActorOptionsSchema,
        ServeApplicationSchema,
        ServeDeploySchema,
    )

    parts: list[tuple[str, dict[str, Any], Any]] = [("", config, ServeDeploySchema)]
    for application in config["applications"]:
        parts.append(("applications.", application, ServeApplicationSchema))
        for each in application.get("deployments") or ():
            name = f"deployments[{each.get('name')}]."
            parts.append((name, each, DeploymentSchema))
            parts.append((f"{name}autoscaling_config.", each.get("autoscaling_config") or {}, AutoscalingConfig))
            parts.append((f"{name}ray_actor_options.", each.get("ray_actor_options") or {}, RayActorOptionsSchema))
    for where, found, model in parts:
        for key in sorted(set(found) - set(model.model_fields)):
            yield f"{where}{key}: Serve knows no such key, only {', '.join(model.model_fields)}"


def _graph(rendered: Rendered, ray: Manifest, application: dict[str, Any]) -> Iterator[Finding]:
    built = deployments_built(application)
    told = [each["name"] for each in application["deployments"]]
    for name in [each for each in told if each not in built]:
        where = f"spec.serveConfigV2 applications[0].deployments[{name}]"
        problem = "the application has no such deployment"
        yield Finding(CHECK, rendered.name, ray.title, where, problem, ", ".join(built))
    for name in [each for each in built if each not in told]:
        where = "spec.serveConfigV2 applications[0].deployments"
        yield Finding(CHECK, rendered.name, ray.title, where, f"{name} is missing", ", ".join(built))


def deployments_built(application: dict[str, Any]) -> list[str]:
    """Names of the deployments of the application that our code builds for these settings."""
    from ray.serve._private.build_app import build_app  # noqa: PLC0415 - importing Ray takes seconds

    from tidegate.serving.app import build  # noqa: PLC0415 - as above

    return [each.name for each in build_app(build(application["args"]), name=application["name"]).deployments]


def _places(rendered: Rendered, ray: Manifest, deployments: list[dict[str, Any]]) -> Iterator[Finding]:
    """Each deployment fits into a group; its fewest pods hold the fewest replicas, its most the most and no more."""
    groups = ray.spec["rayClusterConfig"]["workerGroupSpecs"]
    taken: dict[str, list[tuple[dict[str, Any], dict[str, float]]]] = {}
    homeless = False
    for each in deployments:
        options = each.get("ray_actor_options") or {}
        wanted = {"CPU": float(options.get("num_cpus", 1)), **(options.get("resources") or {})}
        fits = [group for group in groups if all(_has(group, name) >= share for name, share in wanted.items())]
        if fits:
            taken.setdefault(fits[0]["groupName"], []).append((each, wanted))
            continue
        where = f"deployments.yaml [{each['name']}].ray_actor_options"
        offered = "; ".join(f"{group['groupName']}: {group.get('resources')}" for group in groups)
        yield Finding(CHECK, rendered.name, ray.title, where, f"no group has {wanted}", offered)
        homeless = True
    for group in () if homeless else groups:  # whose bounds depend on where each one goes
        there = taken.get(group["groupName"], [])
        fewest = _pods(group, [(_bounds(each)[0], wanted) for each, wanted in there])
        most = _pods(group, [(_bounds(each)[1], wanted) for each, wanted in there])
        where = f"spec.rayClusterConfig.workerGroupSpecs[{group['groupName']}]"
        if fewest > group["minReplicas"]:
            problem = f"{group['minReplicas']} pods can't hold the fewest replicas"
            yield Finding(CHECK, rendered.name, ray.title, f"{where}.minReplicas", problem, f"{fewest} or more")
        if most > group["maxReplicas"]:
            told = ", ".join(f"{each['name']} {_bounds(each)[1]}" for each, _ in there)
            problem = f"{group['maxReplicas']} pods can't hold the most replicas ({told})"
            allowed = f"{most} or more, or less in deployments.yaml (max_replicas, num_replicas)"
            yield Finding(CHECK, rendered.name, ray.title, f"{where}.maxReplicas", problem, allowed)
        enough = max(_enough(group, there), group["minReplicas"])
        if enough < group["maxReplicas"]:
            told = ", ".join(f"{each['name']} {_bounds(each)[1]}" for each, _ in there) or "none"
            problem = f"{group['maxReplicas']} pods are more than the most replicas ask for ({told})"
            allowed = f"{most} to {enough}, or more in deployments.yaml (max_replicas, num_replicas)"
            yield Finding(CHECK, rendered.name, ray.title, f"{where}.maxReplicas", problem, allowed)


def _enough(group: dict[str, Any], there: list[tuple[dict[str, Any], dict[str, float]]]) -> int:
    """How many pods hold the most replicas, each deployment in pods of its own, and one while another is drained."""
    apart = 0
    for each, wanted in there:
        shares = [_has(group, name) / share for name, share in wanted.items() if share]
        in_one = math.floor(min(shares, default=_bounds(each)[1]) + 1e-9)
        apart += math.ceil(_bounds(each)[1] / in_one)
    return apart + 1


def _bounds(deployment: dict[str, Any]) -> tuple[int, int]:
    """Fewest and most replicas, with Serve's own defaults."""
    from ray.serve.config import AutoscalingConfig  # noqa: PLC0415 - importing Ray takes seconds

    scaling, fixed = deployment.get("autoscaling_config") or {}, deployment.get("num_replicas")
    if fixed == "auto":
        scaling = {"max_replicas": 100, **scaling}  # AutoscalingConfig.default of Serve 2.60
    elif not scaling:
        return fixed or 1, fixed or 1
    chosen = AutoscalingConfig.model_validate(scaling)
    return chosen.min_replicas, chosen.max_replicas


def _pods(group: dict[str, Any], replicas: list[tuple[int, dict[str, float]]]) -> int:
    """How many pods of a group have at least what these replicas take together."""
    sums: dict[str, float] = {}
    for count, wanted in replicas:
        for name, share in wanted.items():
            sums[name] = sums.get(name, 0.0) + count * share
    return max((math.ceil(total / _has(group, name) - 1e-9) for name, total in sums.items() if total), default=0)


def _has(group: dict[str, Any], name: str) -> float:
    return float((group.get("resources") or {}).get(name, 0))


def _draining(rendered: Rendered, ray: Manifest, settings: dict[str, Any]) -> Iterator[Finding]:
    """A pod that ends gets as long as what it has begun may take, and so does a cluster that is replaced."""
    from tidegate.serving import draining  # noqa: PLC0415 - beside the others
    from tidegate.serving.settings import Settings  # noqa: PLC0415 - as above

    chosen = Settings.from_payload(settings)
    told = f"grpc.draining_s {chosen.grpc.draining_s:g} s, budget.max_ms {chosen.budget.max_ms:g}: serving/draining.py"
    for pod in ray.pods():
        main = pod.main()
        variables = {name: entry.get("value") for name, entry in main.environment()}
        drains_s = float(variables.get(_DRAINING) or 30)  # Serve's own default
        if drains_s != chosen.grpc.draining_s:
            where, problem = f"{main.path}.env[{_DRAINING}]", f"{drains_s:g} s; the settings say otherwise ({told})"
            yield Finding(CHECK, rendered.name, ray.title, where, problem, f"{chosen.grpc.draining_s:g}")
        if pod.group == "headgroup":
            continue  # nothing of ours runs there
        end, grace_s = _End.of(main.document), pod.spec.get("terminationGracePeriodSeconds", 30)
        hook, drained_s = f"{main.path}.lifecycle.preStop", draining.node_s(chosen)
        wanted = [
            (f"{pod.path}.spec.terminationGracePeriodSeconds", grace_s, end.waits_s + ENDS_IN_S),
            ("spec.rayClusterDeletionDelaySeconds", ray.spec.get("rayClusterDeletionDelaySeconds", 60), grace_s),
            # Without a node to go to, replicas serve on: what they have begun must end.
            (hook, end.waits_s, draining.stage_s(chosen) if end.deadline_s is None else end.deadline_s),
        ]
        if end.deadline_s is not None:
            wanted.append((f"{hook} --deadline-remaining-seconds", end.deadline_s, drained_s))
        for where, found, least in wanted:
            if found < least:
                problem = f"{found:g} s are too few ({told})"
                yield Finding(CHECK, rendered.name, ray.title, where, problem, f"{least:g} s or more")


@dataclass(frozen=True, slots=True)
class _End:
    """What a container does before it ends."""

    waits_s: float
    """How long it waits."""
    deadline_s: float | None
    """When, as Ray is told, the node is gone; None if Ray is told nothing."""

    @classmethod
    def of(cls, container: dict[str, Any]) -> "_End":
        hook = (container.get("lifecycle") or {}).get("preStop") or {}
        if "sleep" in hook:
            return cls(float(hook["sleep"]["seconds"]), None)
        command = " ".join(hook.get("exec", {}).get("command", ()))
        slept, deadline = re.search(r"sleep (\d+)", command), re.search(r"--deadline-remaining-seconds=(\d+)", command)
        return cls(float(slept.group(1)) if slept else 0.0, float(deadline.group(1)) if deadline else None)
