"""Images that nobody builds or pins, told on a manifest broken in one place."""

import pytest

from k8s.check.references.images import image_findings
from tests.k8s.breaking import TRITON, Broken, container_of, only


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("tidegate/tritons:0.1.0", "tidegate/tritons has no Dockerfile"),
        ("tidegate/triton-cpu", "is of no certain version"),
        ("tidegate/triton-cpu:latest", "is of no certain version"),
    ],
)
def test_an_image_that_nobody_builds_or_pins_is_told(broken: Broken, image: str, said: str) -> None:
    rendered = broken("local", TRITON, lambda triton: container_of(triton).update(image=image))
    assert said in only(image_findings, rendered).problem
