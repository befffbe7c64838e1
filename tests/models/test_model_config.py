"""Both profiles' `config.pbtxt`, read back as Triton's own message."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup, ModelQueuePolicy

from tidegate.models.catalogue import catalogue
from tidegate.models.model_config import model_config
from tidegate.models.serving_profile import PROFILES, ProfileName

SPEC = catalogue()["text_harm"]


def parsed(name: ProfileName) -> ModelConfig:
    return text_format.Parse(model_config(SPEC, PROFILES[name]), ModelConfig())


@pytest.mark.parametrize("name", list(ProfileName))
def test_the_tensor_contract_is_the_catalogues(name: ProfileName) -> None:
    config = parsed(name)
    assert config.name == SPEC.name
    assert [one.name for one in config.input] == [one.name for one in SPEC.inputs]
    assert [tuple(one.dims) for one in config.input] == [(-1,), (-1,)]
    assert tuple(config.output[0].dims) == SPEC.output.dims
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
    assert parsed(name).parameters["tidegate_weights_sha256"].string_value == SPEC.weights_sha256


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
