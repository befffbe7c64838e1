"""What is registered with the gRPC servers: our services, with deserializers that never fail.

A generated deserializer that raises makes gRPC answer INTERNAL. Ours hand the failure on as data, so that invalid
UTF-8 and oversized messages get the typed error that they deserve. Serve imports the `add_…` functions by path.

In a router's process they bind Serve's own gRPC server to the router itself. Through Serve's handling of each request
(a request context, two generators, a semaphore, metrics, an access log that is off) a call takes twice the CPU time;
what Serve's handling does for a request, ours does already: admission, metrics, spans, errors. Serve still starts,
drains and stops the server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2

from tidegate.api.moderation.v1 import hash_bank_service_pb2 as banks_pb
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import signal_service_pb2 as signals_pb
from tidegate.serving.open_streams import CLOSING_S, stops_after_streams
from tidegate.telemetry.otel_pressure import Ongoing

MODERATION_SERVICE = pb.DESCRIPTOR.services_by_name["ModerationService"].full_name
HASH_BANK_SERVICE = banks_pb.DESCRIPTOR.services_by_name["HashBankService"].full_name
SIGNAL_SERVICE = signals_pb.DESCRIPTOR.services_by_name["SignalService"].full_name
HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Undecodable:
    """Bytes that are not a message of the expected type: not protobuf, or a string that is not UTF-8."""

    size_bytes: int
    """Size of what was sent."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A decoded message with the size it had on the wire."""

    message: Message
    """The request."""
    size_bytes: int
    """Its encoded size."""


def sized(message_type: type[M]) -> Callable[[bytes], Sized | Undecodable]:
    """A deserializer for `message_type` that never raises."""

    def deserialize(data: bytes) -> Sized | Undecodable:
        try:
            return Sized(message_type.FromString(data), len(data))
        except DecodeError:
            return Undecodable(len(data))

    return deserialize


_router: Any = None


def answer_here(router: Any) -> None:
    """From now on servers of Serve that start in this process ask `router`, and not a deployment by way of Serve."""
    global _router  # noqa: PLW0603 - Serve calls the functions below by path and hands them a dummy
    _router = router


def add_moderation_service(servicer: Any, server: Any) -> None:
    """Registers ModerationService. Named in Serve's `grpc_servicer_functions`."""
    servicer = _answering(servicer, server, MODERATION_SERVICE)
    _register(
        server,
        MODERATION_SERVICE,
        {
            "Moderate": grpc.unary_unary_rpc_method_handler(
                servicer.Moderate, sized(pb.ModerateRequest), pb.ModerateResponse.SerializeToString
            ),
            "ModerateStream": grpc.stream_stream_rpc_method_handler(
                servicer.ModerateStream, sized(pb.ModerateStreamRequest), pb.ModerateStreamResponse.SerializeToString
            ),
            "GetDecision": grpc.unary_unary_rpc_method_handler(
                _counted(servicer, "GetDecision"),
                sized(pb.GetDecisionRequest),
                pb.GetDecisionResponse.SerializeToString,
            ),
        },
    )


def add_hash_bank_service(servicer: Any, server: Any) -> None:
    """Registers HashBankService, whose calls are all unary. Named in Serve's `grpc_servicer_functions`."""
    servicer = _answering(servicer, server, HASH_BANK_SERVICE)
    messages: dict[str, tuple[type[Message], type[Message]]] = {
        "CreateBank": (banks_pb.CreateBankRequest, banks_pb.CreateBankResponse),
        "UpdateBank": (banks_pb.UpdateBankRequest, banks_pb.UpdateBankResponse),
        "DeleteBank": (banks_pb.DeleteBankRequest, banks_pb.DeleteBankResponse),
        "ListBanks": (banks_pb.ListBanksRequest, banks_pb.ListBanksResponse),
        "AddEntries": (banks_pb.AddEntriesRequest, banks_pb.AddEntriesResponse),
        "RemoveEntries": (banks_pb.RemoveEntriesRequest, banks_pb.RemoveEntriesResponse),
        "ListEntries": (banks_pb.ListEntriesRequest, banks_pb.ListEntriesResponse),
        "MatchImage": (banks_pb.MatchImageRequest, banks_pb.MatchImageResponse),
    }
    handlers = {
        name: grpc.unary_unary_rpc_method_handler(
            _counted(servicer, name), sized(request_type), response_type.SerializeToString
        )
        for name, (request_type, response_type) in messages.items()
    }
    _register(server, HASH_BANK_SERVICE, handlers)


def add_signal_service(servicer: Any, server: Any) -> None:
    """Registers SignalService. Named in Serve's `grpc_servicer_functions`."""
    servicer = _answering(servicer, server, SIGNAL_SERVICE)
    _register(
        server,
        SIGNAL_SERVICE,
        {
            "RecordEvents": grpc.unary_unary_rpc_method_handler(
                _counted(servicer, "RecordEvents"),
                sized(signals_pb.RecordEventsRequest),
                signals_pb.RecordEventsResponse.SerializeToString,
            ),
            "RecordEventStream": grpc.stream_unary_rpc_method_handler(
                servicer.RecordEventStream,
                sized(signals_pb.RecordEventStreamRequest),
                signals_pb.RecordEventStreamResponse.SerializeToString,
            ),
        },
    )


def add_health_service(servicer: Any, server: Any) -> None:
    """Registers grpc.health.v1.Health. Named in Serve's `grpc_servicer_functions`."""
    servicer = _answering(servicer, server, HEALTH_SERVICE)
    _register(
        server,
        HEALTH_SERVICE,
        {
            "Check": grpc.unary_unary_rpc_method_handler(
                servicer.Check,
                health_pb2.HealthCheckRequest.FromString,
                health_pb2.HealthCheckResponse.SerializeToString,
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                servicer.Watch,
                health_pb2.HealthCheckRequest.FromString,
                health_pb2.HealthCheckResponse.SerializeToString,
            ),
        },
    )


def _counted(servicer: Any, name: str) -> Any:
    """The method, with its calls counted by the router's `beside`, if it is a router's.

    For all but what is counted elsewhere: Moderate, which has nothing put around it, and what is under way in streams.
    """
    method, beside = getattr(servicer, name), getattr(servicer, "beside", None)
    if not isinstance(beside, Ongoing):
        return method  # Serve's stand-in, which has every name

    async def counted(request: Any, context: Any) -> Any:
        with beside:
            return await method(request, context)

    return counted


def _answering(servicer: Any, server: Any, service: str) -> Any:
    """Who answers: the router of this process on a server of Serve's, or whom the server was made with."""
    hand_on = getattr(server, "add_passthrough_service", None)  # Serve's; a plain server lacks it
    if _router is None or hand_on is None:
        return servicer
    hand_on(service)
    stops_after_streams(server, _router.streams, closing_s=CLOSING_S)
    return _router


def _register(server: Any, service: str, handlers: dict[str, Any]) -> None:
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    server.add_registered_method_handlers(service, handlers)
