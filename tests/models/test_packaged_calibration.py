"""The scale of `image_unsafe`: its bands begin where the card says."""

import math

import pytest

from tidegate.models.catalogue import specification

SPEC = specification("image_unsafe", "1")


@pytest.mark.parametrize(
    ("raw", "band"), [(0.19, 0), (0.2001, 1), (0.5, 2), (0.79, 3), (0.8001, 4), (0.93, 5), (0.97, 6), (0.995, 7)]
)
def test_severity_of_the_networks_own_score(raw: float, band: int) -> None:
    """Upstream calls images below 0.2 safe and above 0.8 not safe; in between it leaves it to the user."""
    assert SPEC.severity(SPEC.calibrate("adult", math.log(raw / (1 - raw)))) == band


def test_a_saturated_logit_still_has_a_probability() -> None:
    assert SPEC.calibrate("adult", 80.0) == 1.0
    assert SPEC.calibrate("adult", -80.0) == pytest.approx(0.0)
