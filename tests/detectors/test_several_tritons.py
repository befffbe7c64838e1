"""A name that stands for several servers: each of them is asked."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import numpy as np
import pytest

from tidegate.detectors.inference import InferenceError, TensorCall
from tidegate.detectors.triton_server import TritonModelServer
from tidegate.models.catalogue import catalogue

ASKED_AT_MOST = 400


class Refusing:
    """A server that counts what it is asked and refuses it."""

    def __init__(self) -> None:
        self.asked = 0

    async def start(self, stack: AsyncExitStack) -> int:
        """Returns its port."""
        server = grpc.aio.server()
        handlers: dict[str, Any] = {"ModelInfer": grpc.unary_unary_rpc_method_handler(self._refuse)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        stack.push_async_callback(server.stop, None)
        return port

    async def _refuse(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        del request
        self.asked += 1
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
        raise AssertionError


async def test_requests_go_round_all_servers_of_a_name() -> None:
    servers = (Refusing(), Refusing())
    spec = catalogue()["text_harm"]
    tensors = tuple(np.zeros((1, 8), dtype=np.int64) for _ in spec.inputs)
    async with AsyncExitStack() as stack:
        ports = [await each.start(stack) for each in servers]
        client = TritonModelServer("ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports))
        stack.push_async_callback(client.close)
        for _ in range(ASKED_AT_MOST):  # the second connection may take a moment
            with pytest.raises(InferenceError):
                await client.infer(TensorCall(spec, tensors, 5.0, None))
            if all(each.asked for each in servers):
                break
            await asyncio.sleep(0.01)
    assert all(each.asked for each in servers), [each.asked for each in servers]
