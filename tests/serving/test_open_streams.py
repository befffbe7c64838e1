"""A router that stops: what it has read is answered, every stream ends, and clients go on elsewhere."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.serving.event_messages import ListedIntake
from tests.serving.event_messages import comment as commented
from tests.serving.in_process import ListedLedger, ScriptedText, serving
from tests.serving.refusals import reason, status_of_call
from tests.serving.requests import request
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import signal_service_pb2 as signals_pb
from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceStub
from tidegate.client import AsyncTidegateClient, ContentItem, Surface, text_part
from tidegate.features.events.event import AccountEvent
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.serving.open_streams import OpenStreams, stops_after_streams

pytestmark = pytest.mark.integration

HOURS_S = 3 * 3_600.0
"""What `stop` may take here. A stream that does not end by itself is found by the time that a test has."""


class _HeldText(ScriptedText):
    """Begins, and answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def score(self, batch: Sequence[Any]) -> Sequence[Any]:
        self.begun.set()
        await self.go.wait()
        return await super().score(batch)


class _HeldIntake(ListedIntake):
    """The same for events."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        self.begun.set()
        await self.go.wait()
        return await super().record(events, backfill=backfill)


def _item(correlation_id: str) -> pb.ModerateStreamRequest:
    message = pb.ModerateStreamRequest(correlation_id=correlation_id, request=request())
    message.request.budget.FromSeconds(20)
    return message


def _events(*ids: str) -> signals_pb.RecordEventStreamRequest:
    return signals_pb.RecordEventStreamRequest(events=[commented(each) for each in ids])


async def _sent_elsewhere(call: Awaitable[Any]) -> bool:
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await call
    return (ended.value.code(), reason(status_of_call(ended.value))) == (
        grpc.StatusCode.UNAVAILABLE,
        "ROUTER_STOPPING",
    )


async def test_what_was_read_is_answered_and_then_the_stream_ends() -> None:
    text = _HeldText()
    async with serving(text=text) as served:
        stream = served.stub.ModerateStream()
        await stream.write(_item("under way"))
        await text.begun.wait()
        stopping = asyncio.create_task(served.server.stop(HOURS_S))
        await served.router.streams.pause(HOURS_S)
        text.go.set()
        answer = await stream.read()
        assert isinstance(answer, pb.ModerateStreamResponse)
        assert (answer.correlation_id, answer.HasField("decision")) == ("under way", True)
        assert await _sent_elsewhere(stream.read())
        await stopping


async def test_an_idle_stream_ends_and_a_new_one_too() -> None:
    async with serving() as served:
        idle = served.stub.ModerateStream()
        await idle.write(_item("before"))
        assert await idle.read() is not grpc.aio.EOF
        served.router.streams.end()
        assert await _sent_elsewhere(idle.read())
        new = served.stub.ModerateStream()
        assert await _sent_elsewhere(new.read())
        await served.stub.Moderate(request())
        await served.server.stop(HOURS_S)


async def test_an_event_stream_counts_while_it_is_recorded_and_ends_when_the_router_stops() -> None:
    intake = _HeldIntake()
    async with serving(signals=intake) as served:
        stream = SignalServiceStub(served.channel).RecordEventStream()
        await stream.write(_events("e-1"))
        await intake.begun.wait()
        assert served.router.ongoing == 1
        intake.go.set()
        await _until(lambda: len(intake.events) == 1 and served.router.ongoing == 0)
        stopping = asyncio.create_task(served.server.stop(HOURS_S))
        assert await _sent_elsewhere(stream)
        await stopping


async def test_a_health_watch_tells_that_the_router_stops() -> None:
    async with serving() as served:
        watch = HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())  # type: ignore[attr-defined]  # the stubs leave methods out
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(served.server.stop(HOURS_S))
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert await _sent_elsewhere(watch.read())
        await stopping


async def test_our_client_goes_on_elsewhere_and_every_item_is_decided_once() -> None:
    ledger = ListedLedger()
    answered = asyncio.Event()

    async def one_at_a_time() -> AsyncIterator[ContentItem]:
        """Idle while the router stops."""
        yield _comment("idle-0")
        await answered.wait()
        yield _comment("idle-1")

    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(serving(text=ScriptedText(delay_s=0.01), ledger=ledger)) for _ in range(2)
        ]
        target = "ipv4:" + ",".join(each.address for each in both)
        client = await stack.enter_async_context(AsyncTidegateClient(target))
        idle = asyncio.create_task(_decided(client.moderate_stream(one_at_a_time(), budget_ms=20_000)))
        await _until(lambda: len(ledger.ids) == 1)
        first = next(each for each in both if each.text.batches)
        busy = [  # round robin: one of them is with each router
            asyncio.create_task(_decided(client.moderate_stream(_comments(name), budget_ms=20_000)))
            for name in ("busy-a", "busy-b")
        ]
        await _until(lambda: all(sum(each.text.batches) > 50 for each in both))
        await first.server.stop(HOURS_S)
        answered.set()
        results = sum(await asyncio.gather(idle, *busy), Counter[str]())
    assert set(results.values()) == {1}
    assert len(results) == len(ledger.ids) == 2 + 2 * 400


async def test_who_does_not_read_is_cut_off_before_the_time_is_up() -> None:
    class Server:
        """Waits out its grace for a stream that nobody reads."""

        grace: float | None = -1.0

        async def stop(self, grace: float | None) -> None:
            self.grace = grace

    for given, left in ((10.0, 7.0), (2.0, 0.0), (None, None)):
        server, streams = Server(), OpenStreams()
        stops_after_streams(server, streams, closing_s=3.0)
        stops_after_streams(server, streams, closing_s=3.0)
        await server.stop(given)
        assert (server.grace, streams.told) == (left, True)


async def test_who_cancels_a_reader_is_heard_also_at_the_same_moment() -> None:
    streams, nothing_comes = OpenStreams(), asyncio.Event()

    async def requests() -> AsyncIterator[int]:
        await nothing_comes.wait()
        yield 0

    async def read() -> str:
        with streams.reading(requests()) as reading:
            async for _ in reading:
                pass
            return "ended"

    cancelled, ended = asyncio.create_task(read()), asyncio.create_task(read())
    await asyncio.sleep(0)
    streams.end()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await ended == "ended"
    assert ended.cancelling() == 0


async def _until(check: Callable[[], bool]) -> None:
    while not check():  # noqa: ASYNC110 - what it waits for has no event
        await asyncio.sleep(0.01)


def _comment(content_id: str) -> ContentItem:
    return ContentItem(content_id, "a-1", Surface.COMMENT, "SE", (text_part("text", f"song {content_id}"),))


async def _comments(name: str) -> AsyncIterator[ContentItem]:
    for number in range(400):
        yield _comment(f"{name}-{number}")


async def _decided(results: AsyncIterator[Any]) -> Counter[str]:
    return Counter([result.item.content_id async for result in results if result.decision is not None])
