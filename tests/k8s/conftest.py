"""Rendered overlays, and copies of them to break."""

import copy
import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from k8s.check.objects import Manifest
from k8s.check.rendering import Rendered, RenderingError, kubectl, render
from k8s.generate import OVERLAYS


def _missing() -> str:
    try:
        return "" if shutil.which(kubectl()) else "kubectl can't be run"
    except RenderingError as error:
        return str(error)


@pytest.fixture(scope="session")
def overlay() -> Callable[[str], Rendered]:
    """Gives an overlay by name, rendered once."""
    missing = _missing()
    if missing:
        pytest.skip(missing)
    rendered: dict[str, Rendered] = {}

    def one(name: str) -> Rendered:
        if name not in rendered:
            rendered[name] = render(OVERLAYS / name)
        return rendered[name]

    return one


@pytest.fixture
def broken(overlay: Callable[[str], Rendered]) -> Callable[..., Rendered]:
    """Gives a copy of an overlay in which one object was changed."""

    def breaking(name: str, title: str, change: Callable[[Manifest], object]) -> Rendered:
        whole = overlay(name)
        manifests = tuple(Manifest(copy.deepcopy(each.document)) for each in whole.manifests)
        change(next(each for each in manifests if each.title == title))
        return replace(whole, manifests=manifests)

    return breaking
