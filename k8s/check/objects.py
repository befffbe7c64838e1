"""A rendered object, and the pods in it: of a Deployment, a job, or each group of a RayService."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object as kustomize renders it."""

    document: dict[str, Any]
    """The whole of it."""

    @property
    def type(self) -> str:
        """`apiVersion kind`."""
        return f"{self.document.get('apiVersion', '')} {self.document.get('kind', '')}"

    @property
    def kind(self) -> str:
        """Without its version."""
        return str(self.document.get("kind", ""))

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return str(self.document.get("metadata", {}).get("name", ""))

    @property
    def namespace(self) -> str:
        """Where it is; empty if it is of no namespace."""
        return str(self.document.get("metadata", {}).get("namespace", ""))

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.kind} {self.name}"

    @property
    def spec(self) -> dict[str, Any]:
        """Its `spec`, empty if it has none."""
        spec: dict[str, Any] = self.document.get("spec") or {}
        return spec

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels."""
        return dict(self.document.get("metadata", {}).get("labels") or {})

    def path_of(self, steps: Iterable[str | int]) -> str:
        """A path for people: elements of lists by their names, where they have one."""
        told, node = "", self.document
        for step in steps:
            node = node[step]  # type: ignore[index]  # a path that the validator walked
            if isinstance(step, int):
                name = (node.get("name") or node.get("groupName")) if isinstance(node, Mapping) else None
                told += f"[{name or step}]"
            else:
                told += f".{step}" if told else str(step)
        return told or "."

    def pods(self) -> Iterator["Pod"]:
        """Yields the pod templates in it."""
        match self.kind:
            case "Deployment" | "DaemonSet" | "StatefulSet" | "Job":
                yield Pod(self, "spec.template", self.spec["template"])
            case "CronJob":
                yield Pod(self, "spec.jobTemplate.spec.template", self.spec["jobTemplate"]["spec"]["template"])
            case "RayService":
                cluster = self.spec["rayClusterConfig"]
                head = cluster["headGroupSpec"]
                yield Pod(self, "spec.rayClusterConfig.headGroupSpec.template", head["template"], group="headgroup")
                for group in cluster.get("workerGroupSpecs", ()):
                    place = f"spec.rayClusterConfig.workerGroupSpecs[{group['groupName']}].template"
                    yield Pod(self, place, group["template"], group=group["groupName"])
            case _:
                return


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod template in an object."""

    owner: Manifest
    """Where it is."""
    path: str
    """Where in it."""
    template: dict[str, Any]
    """`metadata` and `spec`."""
    group: str = ""
    """Of a RayService: which group."""

    @property
    def labels(self) -> dict[str, str]:
        """As the running pod carries them, those that KubeRay and jobs add included."""
        own = dict(self.template.get("metadata", {}).get("labels") or {})
        if not self.group:
            return own
        kind = "head" if self.group == "headgroup" else "worker"
        return {"ray.io/is-ray-node": "yes", "ray.io/node-type": kind, "ray.io/group": self.group} | own

    @property
    def spec(self) -> dict[str, Any]:
        """The pod's `spec`."""
        spec: dict[str, Any] = self.template["spec"]
        return spec

    def containers(self) -> Iterator["Container"]:
        """Yields all containers, those that run before the others included."""
        for field in ("initContainers", "containers"):
            for each in self.spec.get(field) or ():
                yield Container(
                    self, f"{self.path}.spec.{field}[{each['name']}]", each, first=field == "initContainers"
                )

    def main(self) -> "Container":
        """The container that the pod is there for: its first one that stays."""
        return next(each for each in self.containers() if not each.first)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of a pod."""

    pod: Pod
    """Where it runs."""
    path: str
    """Where in the object it is."""
    document: dict[str, Any]
    """The whole of it."""
    first: bool = False
    """Whether it runs before the others, and ends."""

    @property
    def ports(self) -> dict[str, int]:
        """By name."""
        return {each["name"]: each["containerPort"] for each in self.document.get("ports") or ()}

    def environment(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields name and entry of every variable."""
        for each in self.document.get("env") or ():
            yield each["name"], each
