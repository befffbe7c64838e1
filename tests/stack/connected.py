"""Who is connected to whom in a running stack, and on which of a pod's ports, by the kernel's tables of connections."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import psutil

from k8s.connections import RAY as RAY_PODS
from k8s.connections import Connection, Outside, Ports, Role, connections

_REPLICAS = {
    "ModerationRouter": Role.ROUTER,
    "FeatureLookup": Role.STAGES,
    "TextDetectors": Role.STAGES,
    "ImageDetectors": Role.STAGES,
    "SpeechDetectors": Role.SPEECH,
    "AccountSignals": Role.SIGNALS,
}
_OF_THE_HEAD = ("gcs_server", "dashboard/dashboard.py", "ray::ServeController")
"""What no other pod of Ray's has."""

NODE: Final = "node"
"""Raylet, agents, idle workers: on one machine they are those of the head and of every worker at once."""

GCS, TRITON, OTLP, OTLP_HTTP = Ports(6379), Ports(8001), Ports(4317), Ports(4318)
OF_NODES, WORKERS, REPLICAS = Ports(6380, 6383), Ports(10002, 10999), Ports(32768, 60999)
DIRECT_GRPC, DIRECT_HTTP = Ports(40000, 40099), Ports(30000, 30099)
_DASHBOARD, _AGENT, _METRICS, _UNKNOWN = Ports(8265), Ports(52365), Ports(8080), Ports(1)

_NO_POD = ("tidegate.serving.stack", "tidegate.models.runtime")
"""What starts and watches parts on one machine; on Kubernetes kubelets and KubeRay do."""

_INGRESS = "RAY_SERVE_DIRECT_INGRESS"
_FALLBACK = {"RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": Ports(8500), "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": Ports(9500)}

_BY_PROGRAM: Final[tuple[tuple[str, Mapping[str, Ports]], ...]] = (
    ("tritonserver", {"grpc_port": TRITON, "": _UNKNOWN}),
    ("tidegate.telemetry.receiver", {"grpc_port": OTLP, "": OTLP_HTTP}),
    ("gcs_server", {"": GCS}),
    ("dashboard/dashboard.py", {"": _DASHBOARD}),
    ("ray::DashboardAgent", {"": OF_NODES}),
    ("ray::RuntimeEnvAgent", {"": OF_NODES}),
    ("raylet/raylet", {"": OF_NODES}),
    ("haproxy", {"": _UNKNOWN}),
)
"""By a part of the program's name: which flag's port is which of a pod's, and what all others are."""

Pod = Role | Outside | str


@dataclass(frozen=True, slots=True)
class Edge:
    """Connections of one kind."""

    source: Pod
    target: Pod
    ports: Ports
    """The target's, as it has them in a pod."""

    def listed(self) -> bool:
        """Whether `k8s/connections.py` has it, in whichever pods of Ray's a node's processes are."""
        return all(each._in_one(connections()) for each in self._pods())

    def _in_one(self, allowed: Iterable[Connection]) -> bool:
        return any(
            (one.source, one.target) == (self.source, self.target)
            and any(_has(ports, self.ports) for ports in one.ports)
            for one in allowed
        )

    def _pods(self) -> Iterator["Edge"]:
        for source in RAY_PODS if self.source == NODE else (self.source,):
            for target in RAY_PODS if self.target == NODE else (self.target,):
                if (source, target) != (Role.HEAD, Role.HEAD):  # within the one pod of it all is free
                    yield replace(self, source=source, target=target)


def _has(allowed: Ports, ports: Ports) -> bool:
    last = ports.last or ports.first
    return allowed.protocol == "TCP" and allowed.first <= ports.first and last <= (allowed.last or allowed.first)


@dataclass
class _Here:
    """Where ranges of a pod's ports are on this machine, as the raylet was told."""

    ranges: list[tuple[range, Ports]] = field(default_factory=list)
    workers_are_told: bool = False

    def learn(self, raylet: psutil.Process) -> None:
        environment = raylet.environ()
        for kind, ports in (("GRPC", DIRECT_GRPC), ("HTTP", DIRECT_HTTP)):
            bounds = [int(environment[f"{_INGRESS}_{end}_{kind}_PORT"]) for end in ("MIN", "MAX")]
            self.ranges.append((range(bounds[0], bounds[1] + 1), ports))
        for name, ports in _FALLBACK.items():
            self.ranges.append((range(int(environment[name]), int(environment[name]) + 1), ports))
        command = " ".join(raylet.cmdline())  # within it, those of its agents
        for flag, ports in (("listen-port", _AGENT), ("metrics-export-port", _METRICS)):
            found = re.search(rf"--{flag}=(\d+)", command)
            if found:
                self.ranges.append((range(int(found[1]), int(found[1]) + 1), ports))
        first, last = (int(_told(raylet.cmdline(), f"{end}_worker_port") or 0) for end in ("min", "max"))
        if first:
            self.workers_are_told = True
            self.ranges.append((range(first, last + 1), WORKERS))

    def told(self, port: int) -> Ports | None:
        """What the raylet was told that this port is."""
        return next((ports for there, ports in self.ranges if port in there), None)

    def of_a_worker(self) -> Ports:
        """Of another. Where Ray takes free ports, they can't be told from those of Serve's own servers."""
        return REPLICAS if self.workers_are_told else WORKERS


def _told(command: list[str], name: str) -> str:
    """The value of a flag, with either spelling of it."""
    for flag, following in zip(command, [*command[1:], ""], strict=True):
        key, _, value = flag.lstrip("-").partition("=")
        if key.replace("-", "_") == name.replace("-", "_"):
            return value or following
    return ""


def _program(process: psutil.Process) -> str:
    """Its name, and a script's or a module's; a raylet's further arguments name those of its agents."""
    return " ".join(process.cmdline()[:3])


def role_of(process: psutil.Process) -> Pod:
    """What a process would be a pod of; `NODE` for what each node of a Ray cluster has."""
    program = _program(process)
    for name, role in _REPLICAS.items():
        if f":{name}" in program:
            return role
    if process.name() == "haproxy":
        return Role.ROUTER  # each router's pod has its own
    if process.name() == "tritonserver":
        return Role.TRITON
    if "tidegate.telemetry.receiver" in program:
        return Outside.COLLECTOR
    return Role.HEAD if any(each in program for each in _OF_THE_HEAD) else NODE


def _ports_of(process: psutil.Process, port: int, here: _Here) -> Ports:
    """What a port that a process listens on is in its pod."""
    command, asked = process.cmdline(), str(port)
    told = next((ports for mark, ports in _BY_PROGRAM if mark in _program(process)), None)
    of_node = here.told(port)
    if told is None or of_node:
        return of_node or here.of_a_worker()
    return next((ports for flag, ports in told.items() if flag and _told(command, flag) == asked), told[""])


def _of_pods(processes: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
    """Yields those that still run and would be in a pod."""
    for each in processes:
        with contextlib.suppress(psutil.Error):
            if each.name() and not any(mark in _program(each) for mark in _NO_POD):
                yield each


def _asked_by(haproxy: psutil.Process) -> Iterator[int]:
    """Ports that it calls and checks: it asks whether they are well by connections too short to be seen."""
    with contextlib.suppress(OSError, psutil.Error):  # it is replaced for each change
        text = Path(_told(haproxy.cmdline(), "f")).read_text()
        yield from map(int, re.findall(r"^\s*server \S+ \S+:(\d+)", text, re.MULTILINE))


def edges(processes: Iterable[psutil.Process], outside: Mapping[int, tuple[Outside, Ports]] | None = None) -> set[Edge]:
    """Connections that these processes have opened to each other, or to a port of what is not ours.

    Args:
        processes: A stack's.
        outside: Servers beside it, by their port: what they are, and the port that they have where they belong.
    """
    there = list(_of_pods(processes))
    here = _Here()
    for process in there:
        if process.name() == "raylet":
            here.learn(process)
    listening: dict[int, tuple[Pod, Ports]] = dict(outside or {})
    established: list[tuple[Pod, int, int]] = []
    for process in there:
        try:
            pod = role_of(process)
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    ports = _ports_of(process, each.laddr.port, here)
                    listening[each.laddr.port] = (Role.HEAD if ports in _FALLBACK.values() else pod, ports)
                elif each.status == psutil.CONN_ESTABLISHED:
                    established.append((pod, each.laddr.port, each.raddr.port))
        except psutil.Error:
            continue
    for process in there:
        if process.name() == "haproxy":
            established += [(Role.ROUTER, 0, port) for port in _asked_by(process)]
    return {Edge(pod, *listening[to]) for pod, at, to in established if to in listening and at not in listening}
