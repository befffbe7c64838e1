"""What does not fit its schema is told with object, field, and what is allowed there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from k8s.check import vendoring
from k8s.check.generated import generated_findings
from k8s.check.objects import Manifest
from k8s.check.rendering import Rendered
from k8s.check.schemas import CRDS_FILE, schema_findings

CRDS = Path(__file__).resolve().parents[3] / "shared/k8s/crds"


def test_an_unknown_field_deep_in_a_custom_resource_is_told_with_the_known_ones(
    broken: Callable[..., Rendered],
) -> None:
    def misspell(ray: Manifest) -> None:
        group = ray.spec["rayClusterConfig"]["workerGroupSpecs"][0]
        group["replica"] = group.pop("replicas")

    rendered = broken("local", "RayService tidegate", misspell)
    (finding,) = schema_findings("local", rendered.manifests)
    assert finding.field == "spec.rayClusterConfig.workerGroupSpecs[all]"
    assert finding.problem == "no such field: replica"
    assert "replicas" in finding.allowed


def test_an_unknown_field_in_a_container_of_a_custom_resource_is_told(broken: Callable[..., Rendered]) -> None:
    def misspell(ray: Manifest) -> None:
        next(iter(ray.pods())).main().document["liveness"] = {}

    (finding,) = schema_findings("local", broken("local", "RayService tidegate", misspell).manifests)
    assert finding.field.endswith("headGroupSpec.template.spec.containers[ray-head]")
    assert finding.problem == "no such field: liveness"


def test_a_wrong_type_is_told_with_the_right_one(broken: Callable[..., Rendered]) -> None:
    rendered = broken("local", "Deployment tidegate-triton", lambda each: each.spec.update(replicas="two"))
    (finding,) = schema_findings("local", rendered.manifests)
    assert (finding.field, finding.problem, finding.allowed) == (
        "spec.replicas",
        "'two' is of the wrong type",
        "integer",
    )


def test_what_is_missing_is_told(broken: Callable[..., Rendered]) -> None:
    rendered = broken("local", "Deployment tidegate-triton", lambda each: each.spec.pop("selector"))
    (finding,) = schema_findings("local", rendered.manifests)
    assert (finding.field, finding.problem) == ("spec", "missing: selector")


def test_a_kind_without_a_schema_is_a_finding() -> None:
    unknown = Manifest({"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": "a"}})
    (finding,) = schema_findings("local", [unknown])
    assert "example.org/v1 Thing" in finding.problem


def test_settings_that_were_changed_alone_are_told(overlay: Callable[[str], Rendered], tmp_path: Path) -> None:
    whole = overlay("local")
    copied = Path(shutil.copytree(whole.directory, tmp_path / "local"))
    changed = yaml.safe_load((copied / "settings.yaml").read_text()) | {"topology": "colocated"}
    (copied / "settings.yaml").write_text(yaml.safe_dump(changed))
    (finding,) = generated_findings(Rendered("local", copied, whole.manifests))
    assert "python -m k8s.generate" in finding.allowed


@pytest.mark.skipif(not CRDS.is_dir(), reason="the CustomResourceDefinitions are not beside this checkout")
def test_the_schemas_of_custom_resources_are_those_of_their_projects() -> None:
    written = vendoring.crd_schemas(CRDS)
    assert vendoring.text_of(written) == CRDS_FILE.read_text()
