"""What a RayService does with its manifest, without Kubernetes: `ray start`, `serve deploy`, the probes of its pods."""

import json
import shlex
import shutil
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from k8s.check.objects import Container, Manifest
from k8s.check.rendering import Rendered, RenderingError, render
from k8s.generate import OVERLAYS
from tests.stack.deployed import DeployedRay
from tests.stack.running import Stack, eventually
from tidegate.client import ContentItem, ModerationError, Surface, TidegateClient, text_part
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.serving.stack.ports import LOOPBACK, free_ports
from tidegate.serving.stack.probe import serves

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600, func_only=True)]


@pytest.fixture(scope="module")
def local() -> Rendered:
    """The local overlay."""
    try:
        return render(OVERLAYS / "local")
    except RenderingError as error:
        pytest.skip(str(error))


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A folder with a short path."""
    made = Path(tempfile.mkdtemp(prefix="tg"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_the_generated_configuration_deploys_and_probes_tell_when_a_pod_may_have_traffic(
    local: Rendered, stack: Stack, short_directory: Path
) -> None:
    (ray,) = local.of("RayService")
    head, worker = (pod.main() for pod in ray.pods())
    port = free_ports(1)[0]
    config = _here(ray, port=port, state_dir=short_directory / "state", triton=stack.part("triton")["address"])
    (short_directory / "serve.yaml").write_text(yaml.safe_dump(config))
    apply(short_directory / "state/features", OnlineChoice(), progress=lambda _: None)
    params = ray.spec["rayClusterConfig"]["workerGroupSpecs"][0]["rayStartParams"] | {"num-cpus": "2"}

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

        done = cluster.run(*_drain_command())
        assert done.returncode == 0, done.stdout + done.stderr


def _here(ray: Manifest, *, port: int, state_dir: Path, triton: str) -> dict[str, Any]:
    """The manifest's configuration with addresses of this machine."""
    config: dict[str, Any] = yaml.safe_load(ray.spec["serveConfigV2"])
    settings = config["applications"][0]["args"]["settings"]
    settings["state_dir"] = str(state_dir)
    settings["triton"]["address"] = triton
    settings["grpc"] = {"port": port}
    config["grpc_options"]["port"] = port
    config["http_options"] = {"host": LOOPBACK, "port": free_ports(1)[0]}
    # Scaled by production's policy, and so that a single caller is reason enough for a second router.
    scaled = next(each for each in _production() if each["name"] == "ModerationRouter")["autoscaling_config"]
    at_once = {"upscale_delay_s": 0, "metrics_interval_s": 1, "look_back_period_s": 2, "target_ongoing_requests": 0.01}
    router = next(each for each in config["applications"][0]["deployments"] if each["name"] == "ModerationRouter")
    del router["num_replicas"]
    router["autoscaling_config"] = scaled | at_once | {"min_replicas": 1, "max_replicas": 2}
    return config


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
    return sum(replica["state"] == "RUNNING" for replica in _deployments(cluster)["ModerationRouter"]["replicas"])


def _deployments(cluster: DeployedRay) -> dict[str, Any]:
    """What `serve status` asks for; the command itself takes seconds of a core to start, and this is asked often."""
    url = _url(cluster.dashboard) + "/api/serve/applications/"
    asking = urllib.request.Request(url, headers={"Authorization": f"Bearer {cluster.token}"})
    with urllib.request.urlopen(asking, timeout=60) as answer:
        deployments: dict[str, Any] = json.load(answer)["applications"]["tidegate"]["deployments"]
    return deployments


def _drain_command() -> list[str]:
    """What a router's pod of the production overlay runs before it ends, without the wait."""
    (ray,) = render(OVERLAYS / "production").of("RayService")
    pod = next(each for each in ray.pods() if each.group == "routers")
    script = pod.main().document["lifecycle"]["preStop"]["exec"]["command"][-1]
    return shlex.split(script.partition(";")[0])


def _production() -> list[dict[str, Any]]:
    deployments: list[dict[str, Any]] = yaml.safe_load((OVERLAYS / "production/deployments.yaml").read_text())
    return deployments


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
