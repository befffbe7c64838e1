"""The router's gRPC methods, by the names that the proto gives them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.errors import RouterStopping
from tidegate.serving.bank_methods import BankMethods
from tidegate.serving.bank_servicer import BankServicer
from tidegate.serving.call_context import CallContext, refuse
from tidegate.serving.health import PROBE_INTERVAL_S, Readiness
from tidegate.serving.open_streams import OpenStreams
from tidegate.serving.servicer import ModerationServicer
from tidegate.serving.signals.signal_methods import SignalMethods
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.stage_ports import StagePorts
from tidegate.serving.status import status_of
from tidegate.serving.wire import (
    HASH_BANK_SERVICE,
    HEALTH_SERVICE,
    MODERATION_SERVICE,
    SIGNAL_SERVICE,
    Sized,
    Undecodable,
)
from tidegate.telemetry.otel_pressure import Ongoing
from tidegate.telemetry.setup import Tracing

_KNOWN_SERVICES = ("", MODERATION_SERVICE, HASH_BANK_SERVICE, SIGNAL_SERVICE, HEALTH_SERVICE)


@dataclass(frozen=True, slots=True)
class RouterParts:
    """What the composition root wires into a router."""

    servicer: ModerationServicer
    """Decides."""
    banks: BankServicer
    """Keeps banks of known pictures."""
    signals: SignalServicer
    """Takes in what happens to accounts."""
    readiness: Readiness
    """Probes."""
    streams: OpenStreams
    """To end."""
    ledger: DecisionLedger
    """To close."""
    stages: StagePorts
    """To close."""
    tracing: Tracing
    """To flush."""


class RouterMethods(BankMethods, SignalMethods):
    """gRPC methods over `RouterParts`. Serve calls a method by its RPC's name."""

    def __init__(self, parts: RouterParts) -> None:
        BankMethods.__init__(self, parts.banks)
        SignalMethods.__init__(self, parts.signals)
        self._parts = parts
        self.beside = Ongoing()
        """Calls under way that need no place of admission: decisions looked up, events, banks. `wire` counts them."""
        self.streams = parts.streams
        """Those that are open; `wire` has them told before the server stops."""

    @property
    def ongoing(self) -> int:
        """What more routers would take over: see `Admission.ongoing`, and other calls under way but for health.

        A stream counts for what is under way in it: an idle one is no reason for another router.
        """
        return self._parts.servicer.ongoing + self._parts.signals.ongoing + self.beside.count

    async def Moderate(self, request: Sized | Undecodable, grpc_context: CallContext) -> pb.ModerateResponse:  # noqa: N802 - the RPC's name
        """ModerationService.Moderate."""
        return await self._parts.servicer.moderate(request, grpc_context)

    async def ModerateStream(  # noqa: N802 - the RPC's name
        self, requests: AsyncIterator[Sized | Undecodable], grpc_context: CallContext
    ) -> AsyncIterator[pb.ModerateStreamResponse]:
        """ModerationService.ModerateStream."""
        async for response in self._parts.servicer.moderate_stream(requests, grpc_context):
            yield response

    async def GetDecision(self, request: Sized | Undecodable, grpc_context: CallContext) -> pb.GetDecisionResponse:  # noqa: N802 - the RPC's name
        """ModerationService.GetDecision."""
        return await self._parts.servicer.get_decision(request, grpc_context)

    async def Check(  # noqa: N802 - the RPC's name
        self, request: health_pb2.HealthCheckRequest, grpc_context: CallContext
    ) -> health_pb2.HealthCheckResponse:
        """grpc.health.v1.Health.Check: a fresh answer, not a remembered one."""
        if request.service not in _KNOWN_SERVICES:
            grpc_context.set_code(grpc.StatusCode.NOT_FOUND)
            grpc_context.set_details("unknown service")
            return health_pb2.HealthCheckResponse()
        return _health(serving=await self._probe())

    async def Watch(  # noqa: N802 - the RPC's name
        self, request: health_pb2.HealthCheckRequest, grpc_context: CallContext
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """grpc.health.v1.Health.Watch: the state now and at every change."""
        if request.service not in _KNOWN_SERVICES:  # a state here, not an error (health.proto)
            yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVICE_UNKNOWN)
            return
        last: bool | None = None
        while True:
            told = self.streams.told
            serving = not told and await self._probe()
            if serving is not last:
                last = serving
                yield _health(serving=serving)
            if told:
                refuse(grpc_context, status_of(RouterStopping()))
                return
            await self.streams.pause(PROBE_INTERVAL_S)

    async def _probe(self) -> bool:
        return await self._parts.readiness.probe()

    async def close(self) -> None:
        """Writes out what was accepted and releases connections."""
        async with AsyncExitStack() as closing:  # from the last to the first, each also where another fails
            closing.callback(self._parts.tracing.shutdown)
            closing.push_async_callback(self._parts.stages.close)
            closing.push_async_callback(self._parts.ledger.close)


def _health(*, serving: bool) -> health_pb2.HealthCheckResponse:
    states = health_pb2.HealthCheckResponse
    return states(status=states.SERVING if serving else states.NOT_SERVING)
