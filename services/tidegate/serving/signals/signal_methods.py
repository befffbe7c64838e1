"""SignalService's gRPC methods, by the names that the proto gives them. Serve calls a method by its RPC's name."""

from collections.abc import AsyncIterator

from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.serving.call_context import CallContext
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.wire import Sized, Undecodable

_Request = Sized | Undecodable


class SignalMethods:
    """One method per RPC, for the router to inherit."""

    def __init__(self, signals: SignalServicer) -> None:
        self._signals = signals

    async def RecordEvents(self, request: _Request, grpc_context: CallContext) -> pb.RecordEventsResponse:  # noqa: N802 - the RPC's name
        """SignalService.RecordEvents."""
        return await self._signals.record_events(request, grpc_context)

    async def RecordEventStream(  # noqa: N802 - the RPC's name
        self, requests: AsyncIterator[_Request], grpc_context: CallContext
    ) -> pb.RecordEventStreamResponse:
        """SignalService.RecordEventStream."""
        return await self._signals.record_event_stream(requests, grpc_context)
