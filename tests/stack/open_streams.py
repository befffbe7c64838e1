"""Streams through a proxy while a router stops: of items, busy and idle, and of events, idle."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceStub
from tidegate.client import AsyncTidegateClient, ContentItem, Decision, ModerationError, Surface, text_part

EACH = 4
"""Streams of each kind: proxies give them to the router with the fewest, so each of two has some."""
BUDGET_MS = 20_000.0


@dataclass
class Asked:
    """What came of them."""

    results: Counter[str] = field(default_factory=Counter)
    """Answers by content id."""
    decisions: list[Decision] = field(default_factory=list)
    """In the order in which they came."""
    errors: list[str] = field(default_factory=list)
    """Of items that were not decided."""
    told: list[grpc.StatusCode | None] = field(default_factory=list)
    """Of event streams that the service ended."""


async def asked_while(stop_one: Callable[[], bool], address: str) -> Asked:
    """Opens the streams, has a router stopped meanwhile, and ends them. Every idle one then has one more item.

    Args:
        stop_one: Stops a router and waits until it is gone; whether it went in time.
        address: Of the proxy.
    """
    asked, go_on = Asked(), asyncio.Event()
    async with AsyncTidegateClient(address) as client, grpc.aio.insecure_channel(address) as channel:
        streams = [asyncio.create_task(_collect(client, _idle(number, go_on), asked)) for number in range(EACH)]
        streams += [asyncio.create_task(_collect(client, _busy(number, go_on), asked)) for number in range(EACH)]
        events = [SignalServiceStub(channel).RecordEventStream() for _ in range(EACH)]
        for number, each in enumerate(events):
            await each.write(_event(number))
        while len(asked.decisions) < 10 * EACH:  # noqa: ASYNC110 - the client tells no event
            await asyncio.sleep(0.1)
        stopped = await asyncio.to_thread(stop_one)
        go_on.set()
        await asyncio.gather(*streams)
        for each in events:
            if each.done():
                asked.told.append(await _why_ended(each))
            each.cancel()
    assert stopped
    return asked


async def _collect(client: AsyncTidegateClient, items: AsyncIterator[ContentItem], asked: Asked) -> None:
    async for result in client.moderate_stream(items, budget_ms=BUDGET_MS):
        asked.results[result.item.content_id] += 1
        if result.decision is not None:
            asked.decisions.append(result.decision)
        else:
            asked.errors.append(str(result.error))


async def _why_ended(call: Awaitable[object]) -> grpc.StatusCode | None:
    """The status as our client reads it: a proxy may make a reset of the end of a stream."""
    try:
        await call
    except grpc.RpcError as error:
        return ModerationError.from_rpc(error).code
    return None


async def _idle(number: int, go_on: asyncio.Event) -> AsyncIterator[ContentItem]:
    yield _comment(f"idle-{number}-before")
    await go_on.wait()
    yield _comment(f"idle-{number}-after")


async def _busy(stream: int, go_on: asyncio.Event) -> AsyncIterator[ContentItem]:
    number = 0
    while not go_on.is_set():
        yield _comment(f"busy-{stream}-{number}")
        number += 1
        await asyncio.sleep(0.1)


def _comment(content_id: str) -> ContentItem:
    return ContentItem(content_id, "a", Surface.COMMENT, "SE", (text_part("text", f"a song called {content_id}"),))


def _event(number: int) -> pb.RecordEventStreamRequest:
    now = Timestamp()
    now.FromDatetime(datetime.now(UTC))
    event = pb.AccountEvent(
        event_id=f"drained-{number}", account_id="a", occur_time=now, comment=pb.CommentEvent(subject_id=f"c-{number}")
    )
    return pb.RecordEventStreamRequest(events=[event])
