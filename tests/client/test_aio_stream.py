"""The async client's streams: the same results, and an event loop that never waits for anybody's items."""

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.client.background_server import running
from tests.client.sample_items import comment, comments
from tests.client.scripted_service import Context, ScriptedService, scripted
from tests.client.waiting import client_threads, soon
from tests.serving.in_process import ListedLedger, ScriptedText, serving
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import AsyncTidegateClient, ContentItem
from tidegate.client.streaming import MOST_OUTSTANDING


async def a_comments(count: int) -> AsyncIterator[ContentItem]:
    for item in comments(count):
        yield item


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_every_item_is_answered_exactly_once(kind: str) -> None:
    ledger = ListedLedger()
    async with serving(ledger=ledger) as served, AsyncTidegateClient(served.address) as client:
        items = comments(1_000) if kind == "plain" else a_comments(1_000)
        results = [result async for result in client.moderate_stream(items)]
    assert Counter(result.item.content_id for result in results) == Counter(str(number) for number in range(1_000))
    assert {result.decision.decision_id for result in results if result.decision} == ledger.ids
    assert await soon(lambda: not client_threads())


async def test_a_source_that_blocks_does_not_block_the_event_loop() -> None:
    """The source waits for the loop: if the loop waited for the source, neither would ever go on."""
    loop_runs = threading.Event()

    def blocks() -> Iterator[ContentItem]:
        yield comment("first")
        assert loop_runs.wait(60)
        yield comment("second")

    async def heartbeat() -> None:
        for _ in range(10):
            await asyncio.sleep(0.01)
        loop_runs.set()

    async with serving() as served, AsyncTidegateClient(served.address) as client:
        beating = asyncio.create_task(heartbeat())
        seen = [result.item.content_id async for result in client.moderate_stream(blocks())]
        await beating
    assert seen == ["first", "second"]


async def test_a_result_comes_before_an_async_source_has_ended() -> None:
    answered = asyncio.Event()

    async def source() -> AsyncIterator[ContentItem]:
        yield comment("first")
        await answered.wait()
        yield comment("second")

    seen = []
    async with serving() as served, AsyncTidegateClient(served.address) as client:
        async for result in client.moderate_stream(source()):
            seen.append(result.item.content_id)
            answered.set()
    assert seen == ["first", "second"]


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_an_endless_source_is_read_a_bounded_number_ahead(kind: str) -> None:
    last = 0

    def endless() -> Iterator[ContentItem]:
        nonlocal last
        for last in itertools.count():
            yield comment(str(last))

    async def a_endless() -> AsyncIterator[ContentItem]:
        for item in endless():
            yield item

    async with serving() as served, AsyncTidegateClient(served.address) as client:
        results = client.moderate_stream(endless() if kind == "plain" else a_endless())
        async with contextlib.aclosing(results):
            for _ in range(20):
                await anext(results)
            assert await soon(lambda: last + 1 >= 20 + MOST_OUTSTANDING)
            await asyncio.sleep(0.1)
            assert last + 1 == 20 + MOST_OUTSTANDING
    assert await soon(lambda: not client_threads())


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_leaving_early_leaves_no_task_and_no_thread(kind: str) -> None:
    text = ScriptedText()
    with running(text=text) as served:
        async with AsyncTidegateClient(served.address) as client:
            before = asyncio.all_tasks()
            items = comments(1_000_000) if kind == "plain" else a_comments(1_000_000)
            async with contextlib.aclosing(client.moderate_stream(items)) as results:
                await anext(results)
            assert await soon(lambda: asyncio.all_tasks() <= before)
            assert await soon(lambda: not client_threads() and text.under_way == 0)
            assert (await client.moderate(comment())).content_id == "c-1"


async def test_a_cancelled_caller_cancels_the_stream() -> None:
    begun, ended = threading.Event(), threading.Event()

    def never(requests: Iterator[pb.ModerateStreamRequest], context: Context) -> Iterator[pb.ModerateStreamResponse]:
        context.add_callback(ended.set)
        next(requests)
        begun.set()
        ended.wait(60)
        yield from ()

    with scripted(ScriptedService(stream=never)) as address:
        async with AsyncTidegateClient(address) as client:

            async def take() -> None:
                async for _ in client.moderate_stream(comments(10), budget_ms=60_000):
                    pass

            taking = asyncio.create_task(take())
            assert await soon(begun.is_set)
            taking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await taking
            assert await soon(ended.is_set)
    assert await soon(lambda: not client_threads())


async def test_a_cancelled_call_is_cancelled_at_the_service() -> None:
    begun, ended = threading.Event(), threading.Event()

    def never(_: pb.ModerateRequest, context: Context) -> pb.ModerateResponse:
        context.add_callback(ended.set)
        begun.set()
        ended.wait(60)
        return pb.ModerateResponse()

    with scripted(ScriptedService(unary=never)) as address:
        async with AsyncTidegateClient(address) as client:
            asking = asyncio.create_task(client.moderate(comment(), budget_ms=60_000))
            assert await soon(begun.is_set)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            assert await soon(ended.is_set)


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_what_the_source_raises_is_raised_after_the_results_before_it(kind: str) -> None:
    def breaks() -> Iterator[ContentItem]:
        yield comment("first")
        raise OSError("the disk went away")

    async def a_breaks() -> AsyncIterator[ContentItem]:
        yield comment("first")
        raise OSError("the disk went away")

    async with serving() as served, AsyncTidegateClient(served.address) as client:
        results = client.moderate_stream(breaks() if kind == "plain" else a_breaks())
        assert (await anext(results)).item.content_id == "first"
        with pytest.raises(OSError, match="disk went away"):
            await anext(results)


async def test_what_is_not_an_item_is_raised_to_whoever_gave_it() -> None:
    async with serving() as served, AsyncTidegateClient(served.address) as client:
        results = client.moderate_stream(["not an item"])  # type: ignore[list-item]  # the mistake
        with pytest.raises(AttributeError):
            await anext(results)


async def test_a_client_closed_meanwhile_ends_the_stream_with_an_error_not_with_silence() -> None:
    with running(text=ScriptedText(delay_s=0.01)) as served:
        client = AsyncTidegateClient(served.address)
        results = client.moderate_stream(comments(1_000_000))
        await anext(results)
        await client.close()
        with pytest.raises(Exception, match=r"[Cc]losed"):
            [result async for result in results]
    assert await soon(lambda: not client_threads())


async def test_streams_of_one_client_run_side_by_side() -> None:
    async def count(client: AsyncTidegateClient) -> int:
        return len([result async for result in client.moderate_stream(comments(200)) if result.decision])

    async with serving() as served, AsyncTidegateClient(served.address) as client:
        assert await asyncio.gather(*(count(client) for _ in range(4))) == [200] * 4
