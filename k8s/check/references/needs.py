"""What an overlay says that the cluster holds already: its `needs.yaml`."""

from typing import Any

import yaml

from k8s.check.rendering import Rendered

NEEDS = "needs.yaml"
"""Beside the overlay's kustomization."""


def needed(rendered: Rendered) -> list[dict[str, Any]]:
    """Its objects: `kind`, `name`, perhaps `namespace` and `keys`. None if there is no such file."""
    path = rendered.directory / NEEDS
    objects: list[dict[str, Any]] = yaml.safe_load(path.read_text())["objects"] if path.is_file() else []
    return objects
