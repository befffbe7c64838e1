"""SignalService alone on a real gRPC server, over an intake in memory."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import grpc
import pytest

from tests.serving.event_messages import ListedIntake
from tests.serving.signals.signal_calls import LARGEST_REQUEST
from tests.telemetry.kept_spans import KeptSpans
from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceStub
from tidegate.policy.markets import MARKETS
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.signals.signal_methods import SignalMethods
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.wire import add_signal_service

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceAsyncStub


@pytest.fixture
def intake() -> ListedIntake:
    return ListedIntake()


@pytest.fixture
def spans() -> KeptSpans:
    return KeptSpans()


@pytest.fixture
async def channel(intake: ListedIntake, spans: KeptSpans) -> AsyncIterator[grpc.aio.Channel]:
    decoder = RequestDecoder(
        limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=LARGEST_REQUEST, markets=MARKETS
    )
    server = grpc.aio.server()
    servicer = SignalServicer(intake=intake, decoder=decoder, tracer=spans.recorder)
    add_signal_service(SignalMethods(servicer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "SignalServiceAsyncStub":
    return SignalServiceStub(channel)
