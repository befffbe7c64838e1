"""What is changed in a manifest to break it, and the one finding that comes of it."""

from collections.abc import Callable
from typing import Any

import yaml

from k8s.check.findings import Finding
from k8s.check.objects import Manifest
from k8s.check.rendering import Rendered

Broken = Callable[[str, str, Callable[[Manifest], object]], Rendered]
"""The fixture `broken`: of an overlay's name, an object's title and a change."""
Check = Callable[[Rendered], Any]

TRITON, RAY = "Deployment tidegate-triton", "RayService tidegate"


def only(check: Check, rendered: Rendered) -> Finding:
    """The one finding of a check; fails if there is none, or another."""
    (finding,) = list(check(rendered))
    assert isinstance(finding, Finding)
    return finding


def container_of(manifest: Manifest, group: str = "") -> dict[str, Any]:
    """The document of the main container, of one group's pods if there are several."""
    pod = next(each for each in manifest.pods() if not group or each.group == group)
    return pod.main().document


def set_variable(manifest: Manifest, name: str, value: str, group: str = "routers") -> None:
    """Gives the main container a variable, in place of one of that name."""
    variables = [dict(each) for each in container_of(manifest, group)["env"] if each["name"] != name]
    container_of(manifest, group)["env"] = [*variables, {"name": name, "value": value}]


def change_serve(manifest: Manifest, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes Serve's configuration within a RayService."""
    config = yaml.safe_load(manifest.spec["serveConfigV2"])
    change(config)
    manifest.spec["serveConfigV2"] = yaml.safe_dump(config)
