"""Both profiles' `config.pbtxt`, read back as Triton's own message."""

from dataclasses import replace

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup, ModelQueuePolicy

from tidegate.models.catalogue import CatalogueError, catalogue
from tidegate.models.model_config import model_config, weights_parameter
from tidegate.models.serving_profile import PROFILES, ProfileName

SPEC = catalogue()["text_harm"]


def parsed(name: ProfileName) -> ModelConfig:
    return text_format.Parse(model_config([SPEC], PROFILES[name]), ModelConfig())


@pytest.mark.parametrize("name", list(ProfileName))
def test_the_tensor_contract_is_the_catalogues(name: ProfileName) -> None:
    config = parsed(name)
    assert config.name == SPEC.name
    assert [one.name for one in config.input] == [one.name for one in SPEC.inputs]
    assert [tuple(one.dims) for one in config.input] == [(-1,), (-1,)]
    assert tuple(config.output[0].dims) == SPEC.output_tensor().dims
    assert list(config.version_policy.specific.versions) == [int(SPEC.version)]


@pytest.mark.parametrize("name", list(ProfileName))
def test_batching_and_queue_are_explicit(name: ProfileName) -> None:
    config = parsed(name)
    queue = config.dynamic_batching.default_queue_policy
    assert config.max_batch_size > 1
    assert queue.timeout_action == ModelQueuePolicy.REJECT


@pytest.mark.parametrize("name", list(ProfileName))
def test_the_queue_has_no_limits_with_which_triton_forgets_requests(name: ProfileName) -> None:
    queue = parsed(name).dynamic_batching.default_queue_policy
    assert queue.default_timeout_microseconds == 0
    assert queue.max_queue_size == 0
    assert not queue.allow_timeout_override


@pytest.mark.parametrize("name", list(ProfileName))
def test_the_config_names_the_weights_so_that_a_client_can_refuse_others(name: ProfileName) -> None:
    assert parsed(name).parameters[weights_parameter(SPEC.version)].string_value == SPEC.weights_sha256


def test_cpu_runs_the_generic_runner_with_explicit_threads() -> None:
    config = parsed(ProfileName.CPU)
    assert config.backend == "python"
    assert config.instance_group[0].kind == ModelInstanceGroup.KIND_CPU
    assert config.parameters["intra_op_threads"].string_value == "1"


def test_gpu_runs_onnx_runtime_on_gpus() -> None:
    config = parsed(ProfileName.GPU)
    assert config.backend == "onnxruntime"
    assert config.instance_group[0].kind == ModelInstanceGroup.KIND_GPU
    assert config.dynamic_batching.max_queue_delay_microseconds > 0


def test_versions_of_a_detector_share_a_model_with_a_digest_for_each() -> None:
    second = replace(SPEC, version="99", weights_sha256="0" * 64)
    text = model_config([SPEC, second], PROFILES[ProfileName.CPU])
    config = text_format.Parse(text, ModelConfig())
    assert list(config.version_policy.specific.versions) == [int(SPEC.version), 99]
    assert config.parameters[weights_parameter("99")].string_value == "0" * 64
    assert config.parameters[weights_parameter(SPEC.version)].string_value == SPEC.weights_sha256


def test_versions_with_other_tensors_cannot_share_a_model() -> None:
    second = replace(SPEC, version="99", inputs=SPEC.inputs[:1])
    with pytest.raises(CatalogueError, match="different tensors"):
        model_config([SPEC, second], PROFILES[ProfileName.CPU])
