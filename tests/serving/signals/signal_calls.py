"""Calls of SignalService, and what is told of those that fail."""

from collections.abc import Awaitable, Iterable
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from tests.serving.refusals import reason, status_of_call, wrong_fields
from tidegate.api.moderation.v1 import signal_service_pb2 as pb

LARGEST_REQUEST = 1024 * 1024


def request(*events: pb.AccountEvent, backfill: bool = False) -> pb.RecordEventsRequest:
    return pb.RecordEventsRequest(events=events, backfill=backfill)


def streamed(*messages: Iterable[pb.AccountEvent]) -> Iterable[pb.RecordEventStreamRequest]:
    return [pb.RecordEventStreamRequest(events=events) for events in messages]


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


def told(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, set[str]]:
    status = status_of_call(error)
    return error.code(), reason(status), set(wrong_fields(status))


def retry_delay_s(status: status_pb2.Status) -> float:
    info = error_details_pb2.RetryInfo()
    return next(float(info.retry_delay.ToNanoseconds()) / 1e9 for each in status.details if each.Unpack(info))
