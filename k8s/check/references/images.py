"""Images ↔ Dockerfiles, and pins."""

from collections.abc import Iterator
from pathlib import Path

from k8s.check.findings import Finding
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered

CHECK = "images"
IMAGES = Path(__file__).resolve().parents[2] / "images"
OURS = "tidegate/"


def dockerfiles() -> dict[str, Path]:
    """By image."""
    return {f"{OURS}{path.stem}": path for path in IMAGES.glob("*.Dockerfile")}


def image_findings(rendered: Rendered) -> Iterator[Finding]:
    """Images that nobody builds, and images of no certain version."""
    ours = dockerfiles()
    for pod in pods_of(rendered):
        for container in pod.containers():
            where, image = f"{container.path}.image", str(container.document["image"])
            name, _, version = image.rpartition("@" if "@" in image else ":")
            name = name.partition("@")[0] or image
            if name.startswith(OURS) and name not in ours:
                told = ", ".join(sorted(ours))
                yield Finding(CHECK, rendered.name, pod.owner.title, where, f"{name} has no Dockerfile", told)
            if name == image or version in {"", "latest"}:
                told = "a version or a digest (images: in kustomization.yaml)"
                yield Finding(CHECK, rendered.name, pod.owner.title, where, f"{image} is of no certain version", told)
