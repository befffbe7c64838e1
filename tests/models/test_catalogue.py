"""The catalogue's data is whole, and its scale is fixed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.models.catalogue import Calibration, CatalogueError, catalogue
from tidegate.models.packaged import sha256_of
from tidegate.models.selection import select
from tidegate.models.severity import SEVERITY_EDGES, severity

SPEC = catalogue()["text_harm"]
LOGITS = st.floats(-50, 50)


def test_committed_weights_are_the_ones_that_the_catalogue_names() -> None:
    assert sha256_of(SPEC.weights_path()) == SPEC.weights_sha256
    assert SPEC.weights_path().stat().st_size < 12_000_000


def test_the_packaged_encoder_is_the_one_that_the_catalogue_names() -> None:
    SPEC.encoder_origin().verify()


def test_the_output_has_one_logit_per_label() -> None:
    assert SPEC.output_tensor().dims == (len(SPEC.labels),)
    assert set(SPEC.calibrations) == set(SPEC.labels)


@pytest.mark.parametrize("label", SPEC.labels)
@given(LOGITS, LOGITS)
def test_calibration_keeps_the_order_of_logits(label: str, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert 0.0 <= SPEC.calibrate(label, low) <= SPEC.calibrate(label, high) <= 1.0


@pytest.mark.parametrize("slope", [0.0, -1.0, math.nan, math.inf])
def test_a_calibration_that_turns_the_order_is_refused(slope: float) -> None:
    with pytest.raises(CatalogueError):
        Calibration(slope=slope, intercept=0.0)


def test_bands_begin_at_their_edges_and_cover_zero_to_seven() -> None:
    assert severity(0.0) == 0
    assert severity(1.0) == 7
    for band, edge in enumerate(SEVERITY_EDGES, start=1):
        assert severity(edge) == band
        assert severity(math.nextafter(edge, 0)) == band - 1


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan])
def test_what_is_no_probability_has_no_severity(value: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        severity(value)


def test_a_selection_names_a_version_that_exists() -> None:
    with pytest.raises(CatalogueError, match=f"no text_harm 99; known: .*text_harm {SPEC.version}"):
        select(live={"text_harm": "99"})


def test_a_version_is_not_both_live_and_in_shadow() -> None:
    with pytest.raises(CatalogueError, match="both live and in shadow"):
        select(live={"text_harm": SPEC.version}, shadow={"text_harm": [SPEC.version]})
