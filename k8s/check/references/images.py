"""Images ↔ Dockerfiles, and pins."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Container
from k8s.check.references.selectors import pods_of
from k8s.check.rendering import Rendered

CHECK = "images"
IMAGES = Path(__file__).resolve().parents[2] / "images"
OURS = "tidegate/"

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


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
                problem = f"{image} is of no certain version"
                yield Finding(CHECK, rendered.name, pod.owner.title, where, problem, _line(rendered, name))


def by_tag(rendered: Rendered) -> dict[str, str]:
    """Images that are named by a tag, which may come to mean another image, and not by a digest; each with a user."""
    users = {str(each.document["image"]): pod.owner.title for pod in pods_of(rendered) for each in pod.containers()}
    return {image: user for image, user in sorted(users.items()) if not _DIGEST.search(image)}


def tag_findings(rendered: Rendered) -> Iterator[Finding]:
    """Images without a digest: wrong where the overlay is applied to a cluster that serves."""
    place = f"images: in {rendered.name}/kustomization.yaml"
    for image, user in by_tag(rendered).items():
        allowed = f'{place}: {{name: {_bare(image)}, newName: REGISTRY/NAME, digest: "sha256:…"}}'
        yield Finding(CHECK, rendered.name, user, "image", f"{image} has no digest", allowed)


def _line(rendered: Rendered, image: str) -> str:
    """Which line of the overlay gives an image its version, or is to be changed so that it does."""
    path = rendered.directory / "kustomization.yaml"
    document: dict[str, Any] = yaml.safe_load(path.read_text()) if path.is_file() else {}
    listed = [{each["name"], each.get("newName", each["name"])} for each in document.get("images") or ()]
    used = {_named(each) for pod in pods_of(rendered) for each in pod.containers()}
    idle = sorted(min(names) for names in listed if not names & used)
    place, wanted = f"images: in {rendered.name}/{path.name}", f"{{name: {image}, newTag: VERSION}} (or digest:)"
    if any(image in names for names in listed):
        return f"{place}: its line of {image} says which, {wanted}"
    if idle:
        return f"{place}: {wanted}, instead of the line of {', '.join(idle)}, which no container uses"
    return f"{place}: a line more, {wanted}"


def _named(container: Container) -> str:
    """An image without its tag and digest."""
    return _bare(str(container.document["image"]))


def _bare(image: str) -> str:
    return re.sub(r"(:[^/@]*)?(@.*)?$", "", image)
