"""Writes a model's `config.pbtxt` from its catalogue entry and a profile.

The text is Triton's `ModelConfig` in protobuf text format; tests parse it back as that message.
Source: https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_configuration.html
"""

import json
from collections.abc import Sequence

from tidegate.models.catalogue import CatalogueError, DetectorSpec, TensorSpec
from tidegate.models.serving_profile import Precision, Profile

ONNX_FILE = "model.onnx"


def model_config(versions: Sequence[DetectorSpec], profile: Profile) -> str:
    """Returns the text of `config.pbtxt` of a model with these versions.

    Raises:
        CatalogueError: The versions differ in name or tensor contract, which Triton has once per model.
    """
    spec = versions[0]
    if len({(one.name, one.inputs, one.output, one.latency_class) for one in versions}) > 1:
        raise CatalogueError(f"versions of {spec.name} with different tensors can't share a model")
    queue = profile.queues[spec.latency_class]
    lines = [
        f"# Generated from the catalogue for the profile {profile.name}; changes are overwritten.",
        f"name: {_quoted(spec.name)}",
        f"backend: {_quoted(profile.backend)}",
        f"default_model_filename: {_quoted('model.py' if profile.backend == 'python' else ONNX_FILE)}",
        f"max_batch_size: {profile.max_batch_size}",
        f"version_policy {{ specific {{ versions: [ {', '.join(sorted(one.version for one in versions))} ] }} }}",
        *(_tensor("input", tensor) for tensor in spec.inputs),
        _tensor("output", spec.output_tensor()),
        f"instance_group [ {{ kind: {profile.kind} count: {profile.instances} }} ]",
        "dynamic_batching {",
        *_preferred(profile.preferred_batch_sizes),
        f"  max_queue_delay_microseconds: {queue.max_queue_delay_us}",
        "  preserve_ordering: false",
        "  default_queue_policy {",
        "    timeout_action: REJECT",
        f"    default_timeout_microseconds: {queue.timeout_us}",
        "    allow_timeout_override: false",
        f"    max_queue_size: {queue.max_queue_size}",
        "  }",
        "}",
        *_parameters(versions, profile),
    ]
    return "\n".join(lines) + "\n"


def weights_parameter(version: str) -> str:
    """Returns the name of the config's parameter that holds the digest of a version's weights."""
    return f"tidegate_weights_sha256_{version}"


def _parameters(versions: Sequence[DetectorSpec], profile: Profile) -> Sequence[str]:
    values = {weights_parameter(one.version): one.weights_sha256 for one in versions}
    # Packaged graphs keep the precision that they came with.
    values["tidegate_precision"] = (Precision.FP32 if versions[0].packages else profile.precision).value
    if profile.backend == "python":
        values |= {"onnx_file": ONNX_FILE, "intra_op_threads": str(profile.intra_op_threads)}
    else:
        values |= {"intra_op_thread_count": str(profile.intra_op_threads), "inter_op_thread_count": "1"}
    return [
        f"parameters {{ key: {_quoted(key)} value {{ string_value: {_quoted(value)} }} }}"
        for key, value in sorted(values.items())
    ]


def _preferred(sizes: Sequence[int]) -> Sequence[str]:
    return [f"  preferred_batch_size: [ {', '.join(map(str, sizes))} ]"] if sizes else []


def _tensor(role: str, tensor: TensorSpec) -> str:
    dims = ", ".join(map(str, tensor.dims))
    return f"{role} [ {{ name: {_quoted(tensor.name)} data_type: TYPE_{tensor.dtype} dims: [ {dims} ] }} ]"


def _quoted(value: str) -> str:
    return json.dumps(value)
