"""A real gRPC server whose answers a test scripts: for what the real service never does, and for what it was sent."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import grpc

from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.decision import Action, Completeness, DecisionInputs, DecisionRecord, PolicyReference
from tidegate.moderation.item import NoticeSource, Surface
from tidegate.moderation.signals import AccountSignals, LookupStatus
from tidegate.serving import encode
from tidegate.serving.wire import MODERATION_SERVICE

Context = grpc.ServicerContext


def allowed(content_id: str) -> pb.ModerateResponse:
    """A decision as the service sends it."""
    account = AccountSignals(status=LookupStatus.NOT_NEEDED)
    inputs = DecisionInputs(Surface.COMMENT, "SE", "", NoticeSource.OWN_INITIATIVE, (), (), account)
    record = DecisionRecord(
        decision_id=f"decision-{content_id}",
        trace_id="a" * 32,
        content_id=content_id,
        account_id="a-1",
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        inputs=inputs,
        policy=PolicyReference("comments", 1, "0" * 64),
        action=Action.ALLOW,
        completeness=Completeness.COMPLETE,
        violations=(),
    )
    return pb.ModerateResponse(decision=encode.decision(record))


def streamed(request: pb.ModerateStreamRequest) -> pb.ModerateStreamResponse:
    """The answer to one request of a stream."""
    decision = allowed(request.request.item.content_id).decision
    return pb.ModerateStreamResponse(correlation_id=request.correlation_id, decision=decision)


@dataclass
class ScriptedService:
    """Answers as scripted, and remembers what it was sent."""

    unary: Callable[[pb.ModerateRequest, Context], pb.ModerateResponse] = lambda request, _: allowed(
        request.item.content_id
    )
    stream: Callable[[Iterator[pb.ModerateStreamRequest], Context], Iterator[pb.ModerateStreamResponse]] = (
        lambda requests, _: (streamed(request) for request in requests)
    )
    requests: list[pb.ModerateRequest] = field(default_factory=list)
    metadata: list[dict[str, str | bytes]] = field(default_factory=list)
    left_s: list[float] = field(default_factory=list)
    streams: int = 0

    def moderate(self, request: pb.ModerateRequest, context: Context) -> pb.ModerateResponse:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.left_s.append(context.time_remaining())
        return self.unary(request, context)

    def moderate_stream(
        self, requests: Iterator[pb.ModerateStreamRequest], context: Context
    ) -> Iterator[pb.ModerateStreamResponse]:
        self.streams += 1
        yield from self.stream(requests, context)


@contextmanager
def scripted(service: ScriptedService) -> Iterator[str]:
    """Serves on a free port until the block ends.

    Yields:
        The address.
    """
    server = grpc.server(ThreadPoolExecutor(8))
    handlers: dict[str, Any] = {
        "Moderate": grpc.unary_unary_rpc_method_handler(
            service.moderate, pb.ModerateRequest.FromString, pb.ModerateResponse.SerializeToString
        ),
        "ModerateStream": grpc.stream_stream_rpc_method_handler(
            service.moderate_stream, pb.ModerateStreamRequest.FromString, pb.ModerateStreamResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(MODERATION_SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
