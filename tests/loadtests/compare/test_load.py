"""The load generator as it runs: a process, against a server in this one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest

from loadtests.compare.corpus import CHEAP
from loadtests.compare.generator import Generator
from loadtests.compare.load_plan import Kind, LoadPlan, LoadResult, Shape
from tests.stack.running import ROOT
from tidegate.api.moderation.v1 import decision_pb2 as decisions
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.api.moderation.v1 import moderation_service_pb2_grpc as services

DELAY_S = 0.05
FULL_ANSWER = decisions.Decision(
    detectors=[decisions.DetectorRun(status=decisions.DETECTOR_STATUS_OK)],
    account_lookup=decisions.LOOKUP_STATUS_OK,
)


@dataclass
class Server(services.ModerationServiceServicer):
    """Answers after a while; every tenth unary call is refused if so told."""

    refuses: bool = False
    seen: list[str] = field(default_factory=list)
    traced: int = 0
    under_way: int = 0
    most_under_way: int = 0

    async def Moderate(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802 - as generated
        self.seen.append(request.item.parts[0].text.text)
        self.traced += any(key == "traceparent" for key, _ in context.invocation_metadata())
        if self.refuses and len(self.seen) % 10 == 0:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")
        await self._wait()
        return pb.ModerateResponse(decision=FULL_ANSWER)

    async def ModerateStream(self, request_iterator, context):  # type: ignore[no-untyped-def]  # noqa: N802 - as generated
        del context
        answers: asyncio.Queue[str | None] = asyncio.Queue()

        async def one(asked: pb.ModerateStreamRequest) -> None:
            await self._wait()
            await answers.put(asked.correlation_id)

        async def read() -> None:
            async with asyncio.TaskGroup() as group:
                async for asked in request_iterator:
                    self.seen.append(asked.request.item.parts[0].text.text)
                    group.create_task(one(asked))
            await answers.put(None)

        reading = asyncio.create_task(read())
        while (answered := await answers.get()) is not None:
            yield pb.ModerateStreamResponse(correlation_id=answered, decision=FULL_ANSWER)
        await reading

    async def GetDecision(self, request, context):  # type: ignore[no-untyped-def]  # noqa: N802 - as generated
        raise NotImplementedError

    async def _wait(self) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(DELAY_S)
        self.under_way -= 1


@asynccontextmanager
async def serving(servicer: Server) -> AsyncIterator[str]:
    server = grpc.aio.server()
    services.add_ModerationServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


async def loaded(servicer: Server, shape: Shape, *, items: int = 2_000) -> LoadResult:
    """What the generator tells after a second of load."""
    async with serving(servicer) as address:
        plan = LoadPlan(address, shape, CHEAP, 0.3, 1.0, items, 1, 10)

        def run() -> str:
            with Generator("loadtests.compare.load", checkout=ROOT) as generator:
                generator.prepare(plan.to_json())
                generator.begin(time.monotonic() + 0.1)
                return generator.result()

        return LoadResult.from_json(await asyncio.to_thread(run))


@pytest.mark.integration
async def test_callers_send_their_next_item_when_they_have_an_answer() -> None:
    servicer = Server()
    result = await loaded(servicer, Shape(Kind.UNARY, 4))
    assert servicer.most_under_way == 4
    assert 0 < len(result.latencies_ms) <= 4 * 1.0 / DELAY_S + 4
    assert min(result.latencies_ms) >= DELAY_S * 1e3 - 1
    assert (result.errors, result.repeated, result.thin, servicer.traced) == ({}, 0, 0, 0)
    assert result.generator_cpu_s > 0


@pytest.mark.integration
async def test_streams_keep_their_window_full() -> None:
    servicer = Server()
    result = await loaded(servicer, Shape(Kind.STREAM, 2, window=8))
    assert servicer.most_under_way == 16
    assert len(result.latencies_ms) > 16
    assert min(result.latencies_ms) >= DELAY_S * 1e3 - 1
    assert (result.errors, result.repeated) == ({}, 0)
    assert len({*servicer.seen}) == len(servicer.seen)


@pytest.mark.integration
async def test_refusals_are_counted_and_traces_asked_for() -> None:
    servicer = Server(refuses=True)
    result = await loaded(servicer, Shape(Kind.UNARY, 4, sampled_share=1.0))
    assert result.errors["RESOURCE_EXHAUSTED"] == len(servicer.seen) // 10
    assert servicer.traced == len(servicer.seen)


@pytest.mark.integration
async def test_items_that_do_not_last_are_told_of() -> None:
    servicer = Server()
    result = await loaded(servicer, Shape(Kind.UNARY, 2), items=5)
    assert result.repeated == len(servicer.seen) - 5
