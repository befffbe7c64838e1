"""Who is connected to whom in a running stack, by what the processes are, from the kernel's tables of connections."""

from collections.abc import Iterable

import psutil

from k8s.connections import Outside, Role

_REPLICAS = {
    "ModerationRouter": Role.ROUTER,
    "FeatureLookup": Role.STAGES,
    "TextDetectors": Role.STAGES,
    "ImageDetectors": Role.STAGES,
    "SpeechDetectors": Role.SPEECH,
    "AccountSignals": Role.SIGNALS,
}

RAY = "ray"
"""Raylet, agents, GCS and Serve's controller: on one machine they are of the head and of every worker at once."""


def role_of(process: psutil.Process) -> Role | Outside | str:
    """What a process would be a pod of; `RAY` for what each node of a Ray cluster has."""
    command = " ".join(process.cmdline())
    for name, role in _REPLICAS.items():
        if f":{name}" in command:
            return role
    if process.name() == "haproxy":
        return Role.ROUTER  # each router's pod has its own
    if process.name() == "tritonserver":
        return Role.TRITON
    if "tidegate.telemetry.receiver" in command:
        return Outside.COLLECTOR
    return RAY


def edges(processes: Iterable[psutil.Process]) -> set[tuple[Role | Outside | str, Role | Outside | str]]:
    """Connections of these processes among each other: who opened one, and who took it on."""
    roles: dict[int, Role | Outside | str] = {}
    listening: dict[int, Role | Outside | str] = {}
    established: list[tuple[int, int, int]] = []
    for process in processes:
        try:
            roles[process.pid] = role_of(process)
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    listening[each.laddr.port] = roles[process.pid]
                elif each.status == psutil.CONN_ESTABLISHED:
                    established.append((process.pid, each.laddr.port, each.raddr.port))
        except psutil.Error:
            continue
    return {
        (roles[pid], listening[remote])
        for pid, local, remote in established
        if remote in listening and local not in listening
    }
