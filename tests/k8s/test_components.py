"""Components left out of the production overlay: what the check says has to follow."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from k8s.check.__main__ import findings
from k8s.check.findings import Finding
from k8s.check.references.images import by_tag, image_findings, tag_findings
from k8s.check.rendering import Rendered, render
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


def test_images_by_tag_are_told_with_the_line_that_pins_them(overlay: Callable[[str], Rendered]) -> None:
    told = {each.problem: each.allowed for each in tag_findings(overlay("production"))}
    line = (
        'images: in production/kustomization.yaml: {name: tidegate/models, newName: REGISTRY/NAME, digest: "sha256:…"}'
    )
    assert told["tidegate/models:0.1.0 has no digest"] == line
    assert len(told) == 4, "each of our three once, and the Collector's"


@pytest.mark.parametrize(("digits", "left"), [(64, 0), (63, 1)])
def test_images_by_digest_as_the_guide_writes_them_are_right(copied: Path, digits: int, left: int) -> None:
    target = Path(shutil.copytree(copied / "production", copied / f"digest-{digits}"))
    path = target / "kustomization.yaml"
    before, _, _ = path.read_text().partition("\nimages:\n")
    names = ("tidegate/services", "tidegate/models", "tidegate/triton-gpu", "otel/opentelemetry-collector-contrib")
    ends = ("a" * 64, "b" * 64, "c" * 64, "d" * digits)
    lines = [
        f'  - {{name: {name}, newName: registry.example/{name}, digest: "sha256:{end}"}}'
        for name, end in zip(names, ends, strict=True)
    ]
    path.write_text("\n".join([before, "images:", *lines, ""]))
    rendered = render(target)
    assert len(by_tag(rendered)) == left
    assert list(image_findings(rendered)) == []
