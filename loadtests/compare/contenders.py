"""Who takes part: Tidegate as `tidegate up` starts it, in either topology, and what it is compared with.

Each has a copy of the online store, equal at the start: Tidegate computes signals from its own decisions all along and
writes them there, as it does in production.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from loadtests.compare.contender import Launch
from loadtests.compare.shared_parts import Addresses
from tidegate.features.online import EVENTS
from tidegate.serving.ray_environment import embedded
from tidegate.serving.settings import Topology, load_settings
from tidegate.serving.stack.ports import LOOPBACK, free_ports, free_range
from tidegate.serving.stack.probe import accepts, serves
from tidegate.serving.stack.state import StackPhase, read_state

HANDWRITTEN = "hand-written"
NAIVE = "naive Serve"
DISTRIBUTED = "distributed"
COLOCATED = "colocated"
HANDWRITTEN_UNRECORDED = "hand-written, no ledger"
HANDWRITTEN_WHOLE = "hand-written, all features"
DISTRIBUTED_UNRECORDED = "distributed, no ledger"

POLICIES = Path(__file__).with_name("policies")
_REPLICA_PORTS = 16
_DRAINING_S = 1.0
_LEDGER = "--ledger={folder}/decisions.db"
_STACK = "tidegate.serving.stack.embedded"
_UNRECORDED_STACK = "loadtests.compare.unrecorded_stack"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where contenders are set up."""

    checkout: Path
    """Of this code."""
    work: Path
    """Folder of this run."""
    shared: Addresses
    """What they all ask."""


def launch_of(name: str, scene: Scene) -> Launch:
    """How a contender is started. Its folder and its copy of the online store are made. Raises KeyError."""
    folder = scene.work / name.replace(", ", "-").replace(" ", "-").lower()
    shutil.copytree(scene.shared.features, folder / "features")
    return _LAUNCHES[name](name, scene, folder)


def _baseline(name: str, scene: Scene, folder: Path, *, module: str, arguments: Sequence[str] = ()) -> Launch:
    port, log = free_ports(1)[0], folder / "server.log"
    command = [sys.executable, "-m", f"loadtests.baselines.{module}", f"--port={port}"]
    command += [f"--triton={scene.shared.triton}", f"--features={folder / 'features'}", f"--policies={POLICIES}"]
    address = f"{LOOPBACK}:{port}"
    return Launch(
        name=name,
        command=[*command, *(argument.format(folder=folder, free_port=free_ports(1)[0]) for argument in arguments)],
        environment={**os.environ, "PYTHONPATH": str(scene.checkout)},
        log=log,
        address=address,
        ready=lambda: "ready\n" in log.read_text(errors="replace") and accepts(address),
    )


def _tidegate(name: str, scene: Scene, folder: Path, *, topology: Topology, module: str, routers: int = 1) -> Launch:
    """As `tidegate up` does it, but over the shared Triton and receiver."""
    shared, port = scene.shared, free_ports(1)[0]
    shutil.copy(folder / "features" / EVENTS, folder / EVENTS)
    settings = load_settings(
        None,
        state_dir=folder,
        topology=topology,
        replicas={"router": routers},
        policies_dir=POLICIES,
        grpc={"port": port},
        triton={"address": shared.triton, "managed": False},
        features={"demo_accounts": 0},
        telemetry={"endpoint": shared.otlp, "triton_endpoint": shared.otlp_http, "root_sampling_ratio": 0.0},
    )
    payload = folder / "settings.json"
    payload.write_text(json.dumps(settings.payload()))
    runtime = Path(tempfile.mkdtemp(prefix="tidegate-"))  # short: Unix sockets allow about 100 characters
    address = f"{LOOPBACK}:{port}"
    return Launch(
        name=name,
        command=[sys.executable, "-m", module, str(payload), str(runtime)],
        environment={**os.environ, "PYTHONPATH": str(scene.checkout), **_ray_environment(runtime)},
        log=folder / "stack.log",
        address=address,
        ready=lambda: _is_up(folder) and serves(address),
    )


def _ray_environment(runtime: Path) -> dict[str, str]:
    metrics, stats, *fallback = free_ports(4)
    replicas = free_range(2 * _REPLICA_PORTS)
    return embedded(
        runtime,
        metrics_port=metrics,
        stats_port=stats,
        grpc_ports=replicas[:_REPLICA_PORTS],
        http_ports=replicas[_REPLICA_PORTS:],
        fallback_ports=(fallback[0], fallback[1]),
        draining_s=_DRAINING_S,
    )


def _is_up(folder: Path) -> bool:
    known = read_state(folder)
    return known is not None and known.phase is StackPhase.READY


_LAUNCHES: Mapping[str, Callable[[str, Scene, Path], Launch]] = {
    HANDWRITTEN: partial(_baseline, module="handwritten", arguments=(_LEDGER,)),
    HANDWRITTEN_UNRECORDED: partial(_baseline, module="handwritten"),
    HANDWRITTEN_WHOLE: partial(_baseline, module="handwritten", arguments=(_LEDGER, "--whole-service")),
    NAIVE: partial(_baseline, module="naive_serve", arguments=(_LEDGER, "--http-port={free_port}")),
    DISTRIBUTED: partial(_tidegate, topology=Topology.DISTRIBUTED, module=_STACK),
    DISTRIBUTED_UNRECORDED: partial(_tidegate, topology=Topology.DISTRIBUTED, module=_UNRECORDED_STACK),
    COLOCATED: partial(_tidegate, topology=Topology.COLOCATED, module=_STACK, routers=2),  # an interpreter each
}
