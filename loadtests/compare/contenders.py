"""Who takes part: Tidegate as `tidegate up` starts it, in either topology, and what it is compared with."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.compare.contender import Launch
from loadtests.compare.shared_parts import Addresses

from tidegate.serving.ray_environment import embedded
from tidegate.serving.settings import Topology, load_settings
from tidegate.serving.stack.ports import LOOPBACK, free_ports, free_range
from tidegate.serving.stack.probe import accepts, serves
from tidegate.serving.stack.state import StackPhase, read_state

HANDWRITTEN = "hand-written"
NAIVE = "naive Serve"
DISTRIBUTED = "distributed"
COLOCATED = "colocated"

POLICIES = Path(__file__).with_name("policies")
REPLICA_PORTS = 16
DRAINING_S = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Where contenders are set up."""

    checkout: Path
    """Of this code."""
    work: Path
    """Folder of this run."""
    shared: Addresses
    """What they all ask."""


def tidegate(scene: Scene, name: str, topology: Topology, *, changes: Mapping[str, Any]) -> Launch:
    """Tidegate as `tidegate up` starts it, but over the shared Triton, online store and receiver.

    Args:
        scene: Where.
        name: In the results.
        topology: Distributed or colocated.
        changes: Further settings.
    """
    state, shared = scene.work / name, scene.shared
    state.mkdir(parents=True)
    (state / "features").symlink_to(shared.features, target_is_directory=True)
    port = free_ports(1)[0]
    settings = load_settings(
        None,
        **{
            "state_dir": state,
            "topology": topology,
            "policies_dir": POLICIES,
            "grpc": {"port": port},
            "triton": {"address": shared.triton, "managed": False},
            "features": {"demo_accounts": 0},
            "telemetry": {
                "endpoint": shared.otlp,
                "triton_endpoint": shared.otlp_http,
                "root_sampling_ratio": 0.0,
            },
            **changes,
        },
    )
    payload = state / "settings.json"
    payload.write_text(json.dumps(settings.payload()))
    runtime = Path(tempfile.mkdtemp(prefix="tidegate-"))  # short: Unix sockets allow about 100 characters
    address = f"{LOOPBACK}:{port}"
    return Launch(
        name=name,
        command=[sys.executable, "-m", "tidegate.serving.stack.embedded", str(payload), str(runtime)],
        environment={**os.environ, **_ray_environment(runtime)},
        log=state / "stack.log",
        address=address,
        ready=lambda: _is_up(state) and serves(address),
    )


def _ray_environment(runtime: Path) -> dict[str, str]:
    metrics, stats, *fallback = free_ports(4)
    replicas = free_range(2 * REPLICA_PORTS)
    return embedded(
        runtime,
        metrics_port=metrics,
        stats_port=stats,
        grpc_ports=replicas[:REPLICA_PORTS],
        http_ports=replicas[REPLICA_PORTS:],
        fallback_ports=(fallback[0], fallback[1]),
        draining_s=DRAINING_S,
    )


def _is_up(state: Path) -> bool:
    known = read_state(state)
    return known is not None and known.phase is StackPhase.READY


def handwritten(scene: Scene, name: str, *arguments: str) -> Launch:
    """The hand-written server. Further arguments go to it."""
    return _baseline(scene, name, "loadtests.baselines.handwritten", *arguments)


def _baseline(scene: Scene, name: str, module: str, *arguments: str) -> Launch:
    port = free_ports(1)[0]
    command = [sys.executable, "-m", module, "--port", str(port), "--triton", scene.shared.triton]
    command += ["--features", str(scene.shared.features), "--policies", str(POLICIES), *arguments]
    address = f"{LOOPBACK}:{port}"
    return Launch(
        name=name,
        command=command,
        environment={**os.environ, "PYTHONPATH": str(scene.checkout)},
        log=scene.work / name / "server.log",
        address=address,
        ready=lambda: accepts(address),
    )
