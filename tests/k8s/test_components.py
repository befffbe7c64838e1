"""Components left out of the production overlay: what the check says has to follow."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from k8s.check.__main__ import findings
from k8s.check.findings import Finding
from k8s.check.rendering import render
from k8s.generate import OVERLAYS

K8S = OVERLAYS.parent

pytestmark = pytest.mark.usefixtures("overlay")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's manifests, without those of the tests and checks."""
    root = tmp_path_factory.mktemp("manifests")
    for name in ("base", "components", "overlays"):
        shutil.copytree(K8S / name, root / "k8s" / name)
    shutil.copytree(K8S.parent / "observability", root / "observability")
    return root / "k8s/overlays"


@pytest.fixture
def without(copied: Path) -> Callable[[str], list[Finding]]:
    """Gives what is wrong with the production overlay once its line of a component is taken out."""

    def found(component: str) -> list[Finding]:
        overlay = Path(shutil.copytree(copied / "production", copied / f"without-{component}"))
        path, line = overlay / "kustomization.yaml", f"  - ../../components/{component}\n"
        assert line in path.read_text()
        path.write_text(path.read_text().replace(line, ""))
        return list(findings(render(overlay)))

    return found


def test_without_collectors_the_endpoint_in_the_settings_is_told(without: Callable[[str], list[Finding]]) -> None:
    finding = next(each for each in without("otel") if each.subject == "settings.yaml")
    assert finding.field == "telemetry.endpoint"
    assert finding.problem == "tidegate-otel-agent.tidegate-telemetry:4317 is no Service of this overlay"
    assert "component otel" in finding.allowed


def test_without_monitoring_kedas_prometheus_is_told(without: Callable[[str], list[Finding]]) -> None:
    (finding,) = without("monitoring")
    assert finding.subject == "ScaledObject tidegate-triton"
    assert finding.field == "spec.triggers[0].metadata.serverAddress"
    assert finding.problem.startswith("prometheus-operated.monitoring.svc:9090 is no Service of this overlay")
    assert "component monitoring" in finding.allowed


def test_without_gpus_the_line_that_gives_the_image_its_version_is_told(
    without: Callable[[str], list[Finding]],
) -> None:
    (finding,) = without("gpu")
    assert finding.problem == "tidegate/triton-cpu is of no certain version"
    assert finding.allowed == (
        "images: in without-gpu/kustomization.yaml: {name: tidegate/triton-cpu, newTag: VERSION} (or digest:), "
        "instead of the line of tidegate/triton-gpu, which no container uses"
    )
