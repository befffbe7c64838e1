"""The guides, as somebody with a cluster follows them: what they are to type is there, in order, and of one version."""

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from k8s.check.rendering import Rendered
from k8s.generate import OVERLAYS
from tests.observability.test_runbooks import parsed

ROOT = OVERLAYS.parents[1]
GUIDES = [ROOT / "k8s" / each for each in ("README.md", "components/README.md", "components/tls/README.md")]
FIRST, COMPONENTS, TLS = GUIDES
_CORE = {"apps/v1", "batch/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1", "v1"}


def blocks(guide: Path) -> list[str]:
    """What is between fences, without its indentation; pictures and files left out."""
    found = re.findall(r"^( *)```\n(.*?)^ *```$", guide.read_text(), re.MULTILINE | re.DOTALL)
    texts = ["\n".join(line.removeprefix(indent) for line in text.splitlines()) for indent, text in found]
    return [
        each for each in texts if re.search(r"^(?:\S*/)?(?:kubectl|helm|make|kind|for|openssl)\b", each, re.MULTILINE)
    ]


def told(guide: Path) -> str:
    """All of a guide on one line, so that what is broken over two is found."""
    return " ".join(guide.read_text().split())


def versions(component: str) -> tuple[int, ...]:
    """At least which version of something the table of components asks for."""
    (row,) = re.findall(rf"^\| {component}[^|]*\| ([\d.]+)", COMPONENTS.read_text(), re.MULTILINE)
    return tuple(int(each) for each in row.split("."))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_blocks_can_be_pasted_into_a_shell(guide: Path) -> None:
    assert blocks(guide)
    for block in blocks(guide):
        done = subprocess.run(["bash", "-n"], input=block, check=False, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{done.stderr}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_commands_name_are_there(guide: Path) -> None:
    text = told(guide)
    named = re.findall(r"kubectl (?:-n \S+ )?apply -[kf] (k8s/[\w./-]+)", text)
    named += [
        file.replace("$i", image)
        for images, file in re.findall(r"for i in ([\w -]+); do docker build -f (\S+)", text)
        for image in images.split()
    ]
    assert guide == COMPONENTS or named
    for each in named:
        assert (ROOT / each.rstrip("`")).exists(), each


def test_the_first_guide_goes_from_a_cluster_to_a_decision() -> None:
    """Nothing is used before it is there: charts before what they install, KubeRay and images before Tidegate."""
    local = told(FIRST).partition("## Production")[0]
    steps = [
        "kind create cluster",
        "helm repo add kuberay ",
        "helm install kuberay-operator",
        "kind load docker-image",
        "kubectl apply -k k8s/overlays/local",
        "kubectl -n tidegate wait rayservice/tidegate",
        "-- tidegate moderate",
        "port-forward",
        ".venv/bin/tidegate moderate",
        "kind delete cluster",
    ]
    places = [local.find(each, local.index("## From clone")) for each in steps]
    assert -1 not in places, dict(zip(steps, places, strict=True))
    assert places == sorted(places)


def test_images_of_the_first_guide_are_those_of_its_overlay(overlay: Callable[[str], Rendered]) -> None:
    (loop,) = re.findall(r"for i in ([\w -]+); do", FIRST.read_text())
    used = {
        container.document["image"]
        for each in overlay("local").manifests
        for pod in each.pods()
        for container in pod.containers()
    }
    assert {f"tidegate/{each}:0.1.0" for each in loop.split()} == used


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_charts_are_known_before_they_are_installed(guide: Path) -> None:
    for block in blocks(guide):
        known: set[str] = set()
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["helm", "repo", "add"]:
                known.add(words[3])
            if words[:2] == ["helm", "install"]:
                chart = words[3]
                assert chart.startswith("oci://") or chart.partition("/")[0] in known, line
                assert "--create-namespace" in words, line


def test_labels_that_guides_look_for_are_in_the_manifests(overlay: Callable[[str], Rendered]) -> None:
    there = {
        pod.labels.get("app.kubernetes.io/component") for each in overlay("production").manifests for pod in each.pods()
    }
    asked = {each for guide in GUIDES for each in re.findall(r"app\.kubernetes\.io/component=([\w-]+)", told(guide))}
    assert {"router", "head", "signals"} <= asked <= there


def test_tidegates_own_commands_parse() -> None:
    asked = re.findall(
        r"(?:\.venv/bin/|-- )tidegate ((?:moderate|banks list)[^`\n]*)", told(FIRST).replace(" ```", "\n")
    )
    assert len(asked) >= 3
    for each in asked:
        try:
            parsed(shlex.split(each))
        except click.UsageError as error:
            pytest.fail(f"tidegate {each}: {error.format_message()}")


def test_the_version_of_kuberay_is_that_of_its_schema() -> None:
    (line,) = re.findall(r"ray-project/kuberay, ([\d.]+) line", (ROOT / "k8s/schemas/README.md").read_text())
    installed = {each for guide in GUIDES for each in re.findall(r"kuberay-operator --version (\S+)", told(guide))}
    assert len(installed) == 1
    assert installed.pop().startswith(f"{line}.")
    assert ".".join(str(each) for each in versions("KubeRay")) == line


def test_what_production_asks_of_operators_is_in_the_table(overlay: Callable[[str], Rendered]) -> None:
    production = overlay("production")
    for scaled in production.of("ScaledObject"):
        if "fallback" in scaled.spec and any(each.get("metricType") == "Value" for each in scaled.spec["triggers"]):
            assert versions("KEDA") >= (2, 18)
    for gateway in production.of("Gateway"):
        if any(name.startswith("cert-manager.io/") for name in gateway.document["metadata"].get("annotations") or {}):
            assert "--set config.enableGatewayAPI=true" in told(COMPONENTS)
            assert versions("cert-manager") >= (1, 16)


def test_every_kind_that_production_needs_is_looked_for(overlay: Callable[[str], Rendered]) -> None:
    """Definitions that `kubectl get crd` is to show, by plural and group."""
    kinds = {each.type for each in overlay("production").manifests if each.type.partition(" ")[0] not in _CORE}
    wanted = {f"{kind.lower()}s.{version.partition('/')[0]}" for version, kind in (each.split(" ") for each in kinds)}
    assert wanted
    (shown,) = re.findall(r"^kubectl get crd (.*)$", "\n".join(blocks(COMPONENTS)), re.MULTILINE)
    assert wanted <= set(shown.split())


def test_room_for_a_second_pod_of_signals_is_what_it_asks_for(overlay: Callable[[str], Rendered]) -> None:
    (ray,) = overlay("production").of("RayService")
    (asked,) = (pod.main().document["resources"]["requests"] for pod in ray.pods() if pod.group == "signals")
    assert asked == {"cpu": "1", "memory": "2Gi"}
    assert "must have room for a second one** meanwhile (1 core, 2 GiB)" in told(FIRST)
