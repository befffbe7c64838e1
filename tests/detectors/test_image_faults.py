"""A Triton whose model is broken: what it answers is a failure, never a score."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests.detectors.image_samples import asking, encoded, lettering
from tests.models.running_triton import prepared, running
from tidegate.detectors.images.adapter import TritonImageDetectors
from tidegate.models.catalogue import specification
from tidegate.moderation.detection import DetectorStatus
from tidegate.telemetry.recorder import Recorder

pytestmark = pytest.mark.integration

UNSAFE = specification("image_unsafe", "1")
TEXT = specification("image_text", "1")


def not_a_number(graph: Any) -> None:
    """The last bias becomes NaN, and with it every logit."""
    _replace(graph, graph.node[-1].input[1], lambda values: np.full_like(values, np.nan))


def two_columns(graph: Any) -> None:
    """As many logits as the network had classes, where one per label is promised."""
    for node in graph.node[-2:]:
        _replace(graph, node.input[1], lambda values: np.repeat(values, 2, axis=-1))
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2


def _replace(graph: Any, name: str, change: Callable[[Any], Any]) -> None:
    (constant,) = (one for one in graph.initializer if one.name == name)
    constant.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(change(numpy_helper.to_array(constant))), name))


@pytest.mark.parametrize("breakage", [not_a_number, two_columns])
async def test_an_answer_that_is_no_score_is_a_failure_and_the_words_are_read(
    tmp_path: Path, breakage: Callable[[Any], None]
) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(prepared().repository.root, repository)
    path = repository / UNSAFE.name / UNSAFE.version / "model.onnx"
    model = onnx.load(str(path))
    breakage(model.graph)
    path.unlink()
    onnx.save(model, str(path))
    with running(tmp_path / "work", repository=repository) as triton:
        tracer = Recorder()
        stage = TritonImageDetectors(triton.address, specs=[UNSAFE, TEXT], tracer=tracer)
        (found,) = await stage.inspect([asking(encoded(lettering("Midnight Ferry")), "image_unsafe", "image_text")])
        await stage.close()
    assert [one.status for one in found.scores] == [DetectorStatus.FAILED, DetectorStatus.OK]
    assert not found.scores[0].scores
    assert found.words == "Midnight Ferry"
