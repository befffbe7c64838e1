"""The exported graphs answer as the trained network did, alone or in company."""

import itertools
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.models.running_triton import PLACE
from tidegate.models.catalogue import catalogue
from tidegate.models.export.build import activation_ranges, build
from tidegate.models.export.golden import ParityError, answers, check_parity, golden_of
from tidegate.models.export.graph import detector_graph
from tidegate.models.export.quantisation import QuantisationError, quantised
from tidegate.models.serving_profile import Precision

SPEC = catalogue()["text_harm"]


@pytest.fixture(scope="module")
def built() -> dict[Precision, Path]:
    return {each: build(SPEC, each, cache=PLACE.build, report=lambda _: None) for each in Precision}


@pytest.mark.parametrize(("precision", "largest"), [(Precision.FP32, 0.01), (Precision.INT8, 1.0)])
def test_logits_are_the_trained_networks(built: dict[Precision, Path], precision: Precision, largest: float) -> None:
    golden = golden_of(SPEC)
    found = answers(onnx.load(str(built[precision])), golden.ids)
    assert np.abs(found - golden.logits).max() < largest


@pytest.mark.parametrize("precision", list(Precision))
def test_a_text_scores_the_same_alone_and_padded_among_others(
    built: dict[Precision, Path], precision: Precision
) -> None:
    """With ranges taken from the batch, as dynamic quantisation does, int8 differed by up to 0.25 in probability."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(str(built[precision]), options, providers=["CPUExecutionProvider"])
    golden = golden_of(SPEC)
    ids = np.array(list(itertools.zip_longest(*golden.ids, fillvalue=0)), dtype=np.int64).T
    lengths = np.array([len(one) for one in golden.ids])
    mask = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int64)
    together = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
    alone = answers(onnx.load(str(built[precision])), golden.ids)
    assert np.abs(together - alone).max() < 1e-3


def test_building_again_gives_equal_bytes(built: dict[Precision, Path], tmp_path: Path) -> None:
    """In another process, most times: the first was built for the servers."""
    again = build(SPEC, Precision.INT8, cache=tmp_path, report=lambda _: None)
    assert again.read_bytes() == built[Precision.INT8].read_bytes()
    assert again.relative_to(tmp_path) == built[Precision.INT8].relative_to(PLACE.build)


def test_a_graph_that_answers_otherwise_is_not_built() -> None:
    golden = golden_of(SPEC)
    with pytest.raises(ParityError):
        check_parity(golden.logits + np.float32(2.0), golden, largest=1.5, mean=0.25)
    with pytest.raises(ParityError):
        check_parity(np.full_like(golden.logits, np.nan), golden, largest=1.5, mean=0.25)


def test_an_activation_without_a_recorded_range_is_refused() -> None:
    ranges = activation_ranges(SPEC)
    ranges.pop(next(iter(ranges)))
    with pytest.raises(QuantisationError):
        quantised(detector_graph(SPEC), ranges)
