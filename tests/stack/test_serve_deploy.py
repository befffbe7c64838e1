"""What a RayService does with its manifest, without Kubernetes: `ray start`, `serve deploy`, the probes of its pods."""

import asyncio
import json
import shlex
import shutil
import sqlite3
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

from k8s.check.objects import Container, Manifest
from k8s.check.rendering import Rendered, RenderingError, render
from k8s.connections import Role
from k8s.generate import OVERLAYS
from tests.stack.connected import DIRECT_GRPC, DIRECT_HTTP, GCS, NODE, OF_NODES, REPLICAS, WORKERS, Edge, edges
from tests.stack.deployed import DeployedRay
from tests.stack.open_streams import Asked, asked_while
from tests.stack.running import Stack, eventually
from tidegate.client import ContentItem, ModerationError, Surface, TidegateClient, text_part
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.ledger.record_format import decode
from tidegate.ledger.sqlite_archive import SqliteArchive
from tidegate.serving.stack.ports import LOOPBACK, free_ports
from tidegate.serving.stack.probe import serves
from tidegate.telemetry.names import SpanName

_OF_RAY = {
    Edge(NODE, Role.HEAD, GCS),
    Edge(Role.HEAD, NODE, OF_NODES),
    Edge(Role.HEAD, Role.ROUTER, WORKERS),
    Edge(Role.ROUTER, Role.HEAD, WORKERS),
    Edge(Role.ROUTER, Role.STAGES, WORKERS),
    Edge(Role.ROUTER, Role.STAGES, REPLICAS),
    Edge(Role.ROUTER, Role.ROUTER, DIRECT_GRPC),
    Edge(Role.ROUTER, Role.ROUTER, DIRECT_HTTP),
}
"""What Ray's ranges in k8s/connections.py are for: none of them may go unseen."""

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600, func_only=True)]


@pytest.fixture(scope="module")
def local() -> Rendered:
    """The local overlay."""
    return _rendered("local")


@pytest.fixture(scope="module")
def production() -> Rendered:
    """The production overlay."""
    return _rendered("production")


def _rendered(overlay: str) -> Rendered:
    try:
        return render(OVERLAYS / overlay)
    except RenderingError as error:
        pytest.skip(str(error))


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A folder with a short path."""
    made = Path(tempfile.mkdtemp(prefix="tg"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_generated_configuration_deploys_and_probes_tell_when_a_pod_may_have_traffic(
    local: Rendered, production: Rendered, stack: Stack, short_directory: Path
) -> None:
    (ray,), (large,) = local.of("RayService"), production.of("RayService")
    head, worker = (pod.main() for pod in ray.pods())
    port = free_ports(1)[0]
    config = _here(ray, large, port=port, state_dir=short_directory / "state", triton=stack.part("triton")["address"])
    config["applications"][0]["args"]["settings"]["telemetry"] = {
        "endpoint": f"http://{stack.part('otlp-receiver')['address']}"
    }
    (short_directory / "serve.yaml").write_text(yaml.safe_dump(config))
    apply(short_directory / "state/features", OnlineChoice(), progress=lambda _: None)
    params = ray.spec["rayClusterConfig"]["workerGroupSpecs"][0]["rayStartParams"] | _resources(large)

    with DeployedRay(short_directory, params) as cluster:
        at = {"dashboard": cluster.dashboard, "agent": cluster.agent}
        assert not _passes(head, "startupProbe", at)
        assert eventually(lambda: _passes(head, "startupProbe", at), timeout_s=120), cluster.log.read_text()
        assert eventually(lambda: _passes(head, "readinessProbe", at), timeout_s=180)
        assert _passes(head, "livenessProbe", at)
        assert eventually(lambda: _passes(worker, "livenessProbe", at), timeout_s=10)
        address = f"{LOOPBACK}:{port}"
        assert worker.document["readinessProbe"]["grpc"] == {"port": 9000}
        assert not serves(address), "nothing is deployed yet, so the pod is not ready"

        done = cluster.run("serve", "deploy", str(short_directory / "serve.yaml"), "-a", _url(cluster.dashboard))
        assert done.returncode == 0, done.stdout + done.stderr
        assert eventually(lambda: serves(address), timeout_s=150), _status(cluster)

        with TidegateClient(address) as client:
            item = ContentItem("c-1", "a", Surface.COMMENT, "SE", (text_part("text", "what a lovely song"),))
            decision = client.moderate(item, budget_ms=20_000)
        assert decision.decision_id
        assert set(_deployments(cluster)) == {each["name"] for each in config["applications"][0]["deployments"]}
        with _calling(address, item):
            assert eventually(lambda: _routers(cluster) == 2, timeout_s=150), _status(cluster)
            ledger = short_directory / "state/ledger.db"
            assert eventually(lambda: _writers(ledger) == 2, timeout_s=60), "HAProxy does not know the second router"

            seen: set[Edge] = set()
            assert eventually(lambda: _seen(cluster, seen) >= _OF_RAY, timeout_s=60), f"not seen: {_OF_RAY - seen}"
        assert not [each for each in seen if not each.listed()], "not in k8s/connections.py"

        asked = asyncio.run(asked_while(lambda: _one_router_less(cluster, config), address))
        _nothing_was_lost(asked, ledger)
        assert eventually(lambda: _traced(stack, asked), timeout_s=30)
        stopped = [each for each in cluster.logs_of("ModerationRouter") if "router.stops" in each]
        assert stopped
        assert all("Graceful shutdown complete" in each for each in stopped), "one was killed before it was closed"

        done = cluster.run(*_drain_command())
        assert done.returncode == 0, done.stdout + done.stderr


def _seen(cluster: DeployedRay, seen: set[Edge]) -> set[Edge]:
    """With connections that there are now."""
    seen.update(edges(cluster.processes()))
    return seen


def _here(ray: Manifest, large: Manifest, *, port: int, state_dir: Path, triton: str) -> dict[str, Any]:
    """Production's configuration with the local one's stores, addresses of this machine, and one replica of each."""
    config: dict[str, Any] = yaml.safe_load(large.spec["serveConfigV2"])
    application = config["applications"][0]
    settings = yaml.safe_load(ray.spec["serveConfigV2"])["applications"][0]["args"]["settings"]
    application["args"]["settings"] = settings
    settings["state_dir"] = str(state_dir)
    settings["triton"]["address"] = triton
    settings["grpc"] = {"port": port}
    settings["nearby_calls"] = False  # as in production, where stages are elsewhere
    config["grpc_options"]["port"] = port
    config["http_options"] = {"host": LOOPBACK, "port": free_ports(1)[0]}
    for each in application["deployments"]:
        if "autoscaling_config" in each:
            each["autoscaling_config"]["min_replicas"] = 1
    # Scaled so that a single caller is reason enough for a second router.
    at_once = {"upscale_delay_s": 0, "metrics_interval_s": 1, "look_back_period_s": 2, "target_ongoing_requests": 0.01}
    router = next(each for each in application["deployments"] if each["name"] == "ModerationRouter")
    router["autoscaling_config"] |= at_once | {"max_replicas": 2}
    return config


def _resources(large: Manifest) -> dict[str, str]:
    """One pod of each of production's groups, and a second one of routers, as a single node."""
    sums: Counter[str] = Counter()
    for group in large.spec["rayClusterConfig"]["workerGroupSpecs"]:
        for name, share in group["resources"].items():
            sums[name] += int(share) * (2 if group["groupName"] == "routers" else 1)
    return {"num-cpus": str(sums.pop("CPU")), "resources": json.dumps(dict(sums))}


def _one_router_less(cluster: DeployedRay, config: dict[str, Any]) -> bool:
    """Whether the other one is gone."""
    router = next(each for each in config["applications"][0]["deployments"] if each["name"] == "ModerationRouter")
    router["autoscaling_config"] |= {"min_replicas": 1, "max_replicas": 1}  # without one, Serve would replace both
    with _asked(cluster, json.dumps(config).encode()):
        pass
    return eventually(lambda: _router_states(cluster) == ["RUNNING"], timeout_s=120)


def _nothing_was_lost(asked: Asked, ledger: Path) -> None:
    """Every item was decided once, whichever router it met, and event streams were told why they ended."""
    assert not asked.errors
    assert set(asked.results.values()) == {1}
    archive = SqliteArchive(ledger)
    recorded = Counter(decode(payload).content_id for payload in archive.payloads())
    archive.close()
    assert {name: recorded[name] for name in asked.results} == dict(asked.results)
    assert asked.told
    assert set(asked.told) == {grpc.StatusCode.UNAVAILABLE}


def _writers(ledger: Path) -> int:
    """How many routers have recorded something."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as records:
        (count,) = records.execute("SELECT count(DISTINCT writer_id) FROM records").fetchone()
    return int(count)


def _traced(stack: Stack, asked: Asked) -> bool:
    """Whether every decision's span has arrived, those of the router that stopped included."""
    with closing(sqlite3.connect(f"file:{stack.state_dir / 'traces.sqlite'}?mode=ro", uri=True)) as store:
        rows = store.execute("SELECT trace_id FROM spans WHERE name = ?", (SpanName.MODERATE,))
        return {decision.trace_id for decision in asked.decisions} <= {trace_id for (trace_id,) in rows}


@contextmanager
def _calling(address: str, item: ContentItem) -> Iterator[None]:
    """One caller that asks again and again."""
    stop = threading.Event()

    def ask() -> None:
        with TidegateClient(address) as client:
            while not stop.wait(0.02):  # which leaves the second router a core to start on
                with suppress(ModerationError):  # while routers come and go
                    client.moderate(item, budget_ms=20_000)

    caller = threading.Thread(target=ask)
    caller.start()
    try:
        yield
    finally:
        stop.set()
        caller.join()


def _routers(cluster: DeployedRay) -> int:
    """How many run."""
    return _router_states(cluster).count("RUNNING")


def _router_states(cluster: DeployedRay) -> list[str]:
    """Of each that there is; none while Serve takes in another configuration."""
    return [each["state"] for each in _deployments(cluster).get("ModerationRouter", {"replicas": []})["replicas"]]


def _deployments(cluster: DeployedRay) -> dict[str, Any]:
    """What Serve says of each; the command `serve status` takes seconds of a core to start, and this is asked often."""
    with _asked(cluster) as answer:
        deployments: dict[str, Any] = json.load(answer)["applications"]["tidegate"]["deployments"]
    return deployments


def _asked(cluster: DeployedRay, config: bytes | None = None) -> Any:
    """What `serve status` asks for, or what `serve deploy` hands over."""
    url = _url(cluster.dashboard) + "/api/serve/applications/"
    headers = {"Authorization": f"Bearer {cluster.token}", "Content-Type": "application/json"}
    asking = urllib.request.Request(url, config, headers, method="GET" if config is None else "PUT")
    return urllib.request.urlopen(asking, timeout=120)


def _drain_command() -> list[str]:
    """What a router's pod of the production overlay runs before it ends, without the wait."""
    (ray,) = render(OVERLAYS / "production").of("RayService")
    pod = next(each for each in ray.pods() if each.group == "routers")
    script = pod.main().document["lifecycle"]["preStop"]["exec"]["command"][-1]
    return shlex.split(script.partition(";")[0])


def _passes(container: Container, probe: str, at: dict[str, int]) -> bool:
    """As the kubelet asks: success is a status from 200 to 399."""
    get = container.document[probe]["httpGet"]
    try:
        with urllib.request.urlopen(_url(at[get["port"]]) + get["path"], timeout=5) as answer:
            return bool(200 <= answer.status < 400)
    except OSError:  # urllib's errors are of this kind
        return False


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _status(cluster: DeployedRay) -> str:
    return cluster.run("serve", "status", "-a", _url(cluster.dashboard)).stdout
