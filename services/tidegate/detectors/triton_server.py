"""Triton over KServe v2 gRPC: the only module that imports `tritonclient`.

Every answer is checked for model, version, type, shape and finiteness before anything is made of it: a server whose
Python environment is wrong answers with empty tensors and no error.
"""

from typing import Any, Final

import grpc
import numpy as np
import numpy.typing as npt
from tritonclient.grpc import InferInput, InferRequestedOutput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from tidegate.detectors.inference import (
    InferenceCall,
    InferenceError,
    InferenceTimeoutError,
    ModelMismatchError,
    TensorCall,
)
from tidegate.models.catalogue import DetectorSpec, TensorSpec
from tidegate.models.model_config import weights_parameter

_CHANNEL: Final = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # A name may stand for several servers (a headless Service): requests go round, not all to the first.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
]
"""A restarted server is found again within a second; gRPC's own defaults allow two minutes."""
_PROBE_TIMEOUT_S: Final = 2.0
_TIMED_OUT_STATUS: Final = f"{grpc.StatusCode.DEADLINE_EXCEEDED}"


class TritonModelServer:
    """One Triton server."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opened: InferenceServerClient | None = None

    async def logits(self, call: InferenceCall) -> npt.NDArray[np.float32]:
        """See `ModelServer`."""
        tensors = (call.bucket.ids, call.bucket.mask)
        return await self.infer(TensorCall(call.spec, tensors, call.timeout_s, call.traceparent))

    async def infer(self, call: TensorCall) -> npt.NDArray[np.float32]:
        """See `TensorServer`."""
        spec = call.spec
        inputs = []
        for tensor, values in zip(spec.inputs, call.tensors, strict=True):
            value = InferInput(tensor.name, list(values.shape), tensor.dtype)
            value.set_data_from_numpy(values)
            inputs.append(value)
        try:
            result = await self._client().infer(
                spec.name,
                inputs,
                model_version=spec.version,
                outputs=[InferRequestedOutput(spec.output_tensor().name)],
                client_timeout=call.timeout_s,
                headers={"traceparent": call.traceparent} if call.traceparent else None,
            )
        except InferenceServerException as error:
            raise _failure(error) from error
        return _checked(result, spec, rows=len(call.tensors[0]))

    async def verify(self, spec: DetectorSpec) -> None:
        """See `ModelServer`."""
        client = self._client()
        try:
            if not await client.is_model_ready(spec.name, spec.version, client_timeout=_PROBE_TIMEOUT_S):
                raise InferenceError(f"{spec.name} {spec.version} is not ready")
            served = await client.get_model_metadata(spec.name, spec.version, client_timeout=_PROBE_TIMEOUT_S)
            config = await client.get_model_config(spec.name, spec.version, client_timeout=_PROBE_TIMEOUT_S)
        except InferenceServerException as error:
            raise _failure(error) from error
        _match("inputs", _contract(served.inputs), [_declared(tensor) for tensor in spec.inputs])
        _match("outputs", _contract(served.outputs), [_declared(spec.output_tensor())])
        digest = config.config.parameters[weights_parameter(spec.version)].string_value
        _match("weights", digest, spec.weights_sha256)

    async def close(self) -> None:
        """See `ModelServer`."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    def _client(self) -> InferenceServerClient:
        # Opened at first use: a grpc.aio channel belongs to the event loop that is running then.
        if self._opened is None:
            self._opened = InferenceServerClient(self._address, channel_args=_CHANNEL)
        return self._opened


def _checked(result: Any, spec: DetectorSpec, *, rows: int) -> npt.NDArray[np.float32]:
    answer = result.get_response()
    if (answer.model_name, answer.model_version) != (spec.name, spec.version):
        raise InferenceError("another model answered")
    values = result.as_numpy(spec.output_tensor().name)
    output = spec.output_tensor()
    expected = (rows, *output.dims)
    if values is None or values.dtype != np.float32 or values.shape != expected:
        raise InferenceError(f"{output.name} is {getattr(values, 'shape', None)}, expected {expected} of FP32")
    if not np.isfinite(values).all():
        raise InferenceError(f"{output.name} is not finite")
    checked: npt.NDArray[np.float32] = values
    return checked


def _failure(error: InferenceServerException) -> InferenceError:
    status = str(error.status())
    if status == _TIMED_OUT_STATUS:
        return InferenceTimeoutError("no answer within the budget")
    return InferenceError(f"inference ended with {status}")


def _contract(tensors: Any) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(one.name, one.datatype, tuple(one.shape)) for one in tensors]


def _declared(tensor: TensorSpec) -> tuple[str, str, tuple[int, ...]]:
    return tensor.name, str(tensor.dtype), (-1, *tensor.dims)


def _match(what: str, served: object, declared: object) -> None:
    if served != declared:
        raise ModelMismatchError(f"{what}: the server has {served}, the catalogue {declared}")
