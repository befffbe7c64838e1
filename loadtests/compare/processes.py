"""CPU time and memory of a family of processes, as the kernel counts them (proc(5))."""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_TICKS = os.sysconf("SC_CLK_TCK")
_ROLES = (
    (re.compile(r"ServeReplica:\w+:(?P<name>\w+)"), "{name}"),
    (re.compile(r"ServeController"), "Serve's controller"),
    (re.compile(r"ProxyActor|HAProxyManager"), "Serve's proxy actor"),
    (re.compile(r"\bhaproxy\b"), "HAProxy"),
    (re.compile(r"\bgcs_server\b"), "Ray's GCS"),
    (re.compile(r"\braylet\b.*--node_ip|/raylet "), "Ray's raylet"),
    (
        re.compile(r"runtime_env.agent|RuntimeEnvAgent|[dD]ashboard|log_monitor|monitor\.py|ray::IDLE|job_manager"),
        "Ray's agents",
    ),
    (re.compile(r"tidegate\.serving\.stack\.embedded"), "supervisor"),
    (re.compile(r"tidegate\.serving\.stack\.warden"), "warden"),
    (re.compile(r"loadtests\.baselines\.(?P<name>\w+)"), "{name}"),
    (re.compile(r"tritonserver"), "Triton"),
    (re.compile(r"triton_python_backend_stub|tidegate\.models\.runtime"), "Triton"),
    (re.compile(r"tidegate\.telemetry\.receiver"), "OTLP receiver"),
    (re.compile(r"redis-server"), "Redis"),
)


@dataclass(frozen=True, slots=True)
class Memory:
    """Of a family of processes, in MiB."""

    resident: float
    """Sum of resident memory; what processes share is counted in each."""
    proportional: float
    """What is really taken: shared pages are counted once, divided among those who share them (Pss)."""


def role_of(command_line: str) -> str:
    """What a process is to us, by its command line; its program's name if it is none of ours."""
    for pattern, role in _ROLES:
        match = pattern.search(command_line)
        if match:
            return role.format(**match.groupdict())
    return command_line.partition(" ")[0].rsplit("/", 1)[-1] or "unnamed"


def cpu_seconds(stat: str) -> float:
    """User and system time of `/proc/PID/stat`. The name in brackets may hold blanks and brackets itself."""
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def proportional_kib(smaps_rollup: str) -> int:
    """`Pss` of `/proc/PID/smaps_rollup`. Raises ValueError if there is none."""
    match = re.search(r"^Pss:\s+(\d+) kB$", smaps_rollup, re.MULTILINE)
    if match is None:
        raise ValueError("no Pss in smaps_rollup")
    return int(match[1])


def family(roots: Iterable[int]) -> list[int]:
    """These processes and all beneath them that are alive."""
    found: dict[int, None] = {}
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(root)
            found |= {each.pid: None for each in (process, *process.children(recursive=True))}
    return [*found]


def cpu_by_role(pids: Iterable[int]) -> dict[str, float]:
    """CPU seconds so far of each role; processes that are gone are left out."""
    spent: dict[str, float] = {}
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            folder = Path("/proc", str(pid))
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            role = role_of(command)
            spent[role] = spent.get(role, 0.0) + cpu_seconds((folder / "stat").read_text())
    return spent


def busy_seconds() -> float:
    """CPU seconds that all programs of this machine have spent so far."""
    return busy_of(Path("/proc/stat").read_text())


def busy_of(stat: str) -> float:
    """CPU seconds of `/proc/stat` in which the machine was neither idle nor waiting for a disk."""
    user, nice, system, _idle, _waiting, irq, softirq = map(int, stat.split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def spent_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """CPU seconds by role from one `cpu_by_role` to a later one; never below zero, should a process have ended."""
    return {role: max(0.0, seconds - before.get(role, 0.0)) for role, seconds in after.items()}


def memory_of(pids: Iterable[int]) -> Memory:
    """Memory of these processes; those that are gone take none."""
    resident = proportional = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            resident += psutil.Process(pid).memory_info().rss / 2**20
            proportional += proportional_kib(Path("/proc", str(pid), "smaps_rollup").read_text()) / 2**10
    return Memory(round(resident, 1), round(proportional, 1))
