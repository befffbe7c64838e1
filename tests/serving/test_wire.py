"""Which server asks whom: Serve's own server in a router's process asks the router itself."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from unittest.mock import Mock

import grpc
import pytest
from google.protobuf import message_factory
from ray.serve._private.grpc_util import gRPCGenericServer

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as banks_pb
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import signal_service_pb2 as signals_pb
from tidegate.api.moderation.v1.moderation_service_pb2_grpc import ModerationServiceStub
from tidegate.serving import wire
from tidegate.serving.open_streams import CLOSING_S, OpenStreams
from tidegate.telemetry.otel_pressure import Ongoing


class _Router:
    """Answers with what tells one from another."""

    def __init__(self) -> None:
        self.streams = OpenStreams()

    async def Moderate(self, request: wire.Sized, context: grpc.aio.ServicerContext[Any, Any]) -> pb.ModerateResponse:  # noqa: N802 - the RPC's name
        """Echoes the content's id."""
        assert isinstance(request.message, pb.ModerateRequest)
        context.set_trailing_metadata((("who", "router"),))
        response = pb.ModerateResponse()
        response.decision.content_id = request.message.item.content_id
        return response

    async def ModerateStream(  # noqa: N802 - the RPC's name
        self, requests: AsyncIterator[wire.Sized], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.ModerateStreamResponse]:
        """Echoes correlation ids."""
        del context
        with self.streams.reading(requests) as reading:
            async for request in reading:
                assert isinstance(request.message, pb.ModerateStreamRequest)
                yield pb.ModerateStreamResponse(correlation_id=request.message.correlation_id)

    async def GetDecision(self, request: object, context: object) -> pb.GetDecisionResponse:  # noqa: N802 - the RPC's name
        """Not asked."""
        raise NotImplementedError


def _by_way_of_serve(service_method: str, streaming_type: object) -> Any:
    """What Serve makes of each handler: here, something that is told from the router."""
    del service_method, streaming_type

    async def handler(request: object, context: "grpc.aio.ServicerContext[Any, Any]") -> bytes:
        del request
        context.set_trailing_metadata((("who", "Serve"),))
        return b""

    return handler


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> _Router:
    """A router that has begun in this process."""
    monkeypatch.setattr(wire, "_router", None)
    made = _Router()
    wire.answer_here(made)
    return made


async def _asked(server: Any) -> tuple[str, str, list[str]]:
    """Who answered, with which content's id, and what a stream told."""
    wire.add_moderation_service(Mock(), server)  # Serve hands a dummy over as well
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = ModerationServiceStub(channel)
            request = pb.ModerateRequest()
            request.item.content_id = "c-1"
            call = stub.Moderate(request)
            answer = await call
            (who,) = [str(value) for key, value in await call.trailing_metadata() if key == "who"]
            streamed = []
            if who == "router":
                messages = [pb.ModerateStreamRequest(correlation_id=each) for each in "abc"]
                streamed = [each.correlation_id async for each in stub.ModerateStream(iter(messages))]
            return who, answer.decision.content_id, streamed
    finally:
        await server.stop(0)


async def test_in_a_routers_process_serves_server_asks_the_router_itself(router: _Router) -> None:
    assert await _asked(gRPCGenericServer(_by_way_of_serve)) == ("router", "c-1", ["a", "b", "c"])


async def test_elsewhere_it_asks_by_way_of_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_router", None)
    assert await _asked(gRPCGenericServer(_by_way_of_serve)) == ("Serve", "", [])


async def test_serves_server_ends_the_routers_streams_before_it_stops_and_leaves_time_to_close(router: _Router) -> None:
    server: Any = gRPCGenericServer(_by_way_of_serve)
    given: list[float] = []
    stop = server.stop

    async def noting(grace: float) -> None:
        given.append(grace)
        await stop(grace)

    server.stop = noting
    for add in (wire.add_moderation_service, wire.add_hash_bank_service, wire.add_signal_service):
        with suppress(AttributeError):  # this router has but one service
            add(Mock(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        idle = ModerationServiceStub(channel).ModerateStream()
        await idle.write(pb.ModerateStreamRequest(correlation_id="a"))
        echoed = await idle.read()
        assert isinstance(echoed, pb.ModerateStreamResponse)
        assert echoed.correlation_id == "a"
        await server.stop(3_600 + CLOSING_S)
        assert await idle.read() is grpc.aio.EOF
    assert given == [3_600]
    assert router.streams.told


class _Counting:
    """A router that answers every call with nothing, and keeps how many calls were counted meanwhile."""

    def __init__(self) -> None:
        self.beside, self.counted = Ongoing(), dict[str, int]()

    def __getattr__(self, name: str) -> Any:
        method = METHODS.get(name)
        if method is None:
            raise AttributeError(name)
        response = message_factory.GetMessageClass(method.output_type)

        async def answer(request: object, context: object) -> Any:
            del request, context
            self.counted[name] = self.beside.count
            return response()

        async def stream(requests: AsyncIterator[object], context: object) -> AsyncIterator[Any]:
            del context
            async for _ in requests:
                self.counted[name] = self.beside.count
                yield response()

        return stream if method.server_streaming else answer


SERVICES = [pb.DESCRIPTOR.services_by_name["ModerationService"]]
SERVICES += [
    banks_pb.DESCRIPTOR.services_by_name["HashBankService"],
    signals_pb.DESCRIPTOR.services_by_name["SignalService"],
]
UNCOUNTED = {"Moderate", "ModerateStream", "RecordEventStream"}
"""Admission counts what it lets in, and an event stream only what is under way in it."""
METHODS = {method.name: method for service in SERVICES for method in service.methods}


@pytest.mark.integration
async def test_every_call_is_counted_once_while_it_is_under_way_and_what_admission_counts_is_left_to_it() -> None:
    router, server = _Counting(), grpc.aio.server()
    for add in (wire.add_moderation_service, wire.add_hash_bank_service, wire.add_signal_service):
        add(router, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        channel: Any = opened  # of bytes as they are
        for method in METHODS.values():
            path = f"/{method.containing_service.full_name}/{method.name}"
            if method.server_streaming:
                async for _ in channel.stream_stream(path)(iter([b""])):
                    pass
            elif method.client_streaming:
                await channel.stream_unary(path)(iter([b""]))
            else:
                await channel.unary_unary(path)(b"")
    await server.stop(0)
    assert router.counted == {name: 0 if name in UNCOUNTED else 1 for name in METHODS}
    assert router.beside.count == 0
