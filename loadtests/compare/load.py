"""The load generator, a process of its own: `python -m loadtests.compare.load`.

Reads a plan (a line of JSON), encodes its items, writes `ready`, reads the monotonic time at which to begin, loads, and
writes its result (a line of JSON); then the next plan. Latency is from sending to answer. The loop is closed, so a
stall slows the sending too: this measures what a number of callers get, `loadtests/locust` what an arrival rate gets.
"""

import asyncio
import gc
import secrets
import sys
import time
from itertools import islice

import grpc
import uvloop

from loadtests.compare import corpus
from loadtests.compare.answers import is_thin, streamed_answer
from loadtests.compare.load_plan import Kind, LoadPlan, LoadResult
from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb

SERVICE = "/tidegate.api.moderation.v1.ModerationService/"
MOST_CHANNELS = 4
"""Connections; more callers share them, as HTTP/2 is meant."""
LOOK_EVERY = 25
"""One answer in so many is looked into, once the load is over."""
CALL_TIMEOUT_S = 30.0
ERROR_PAUSE_S = 0.02
"""A refused caller does not come back at once."""

OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0), ("grpc.enable_retries", 0)]


class Load:
    """One run of a plan."""

    def __init__(self, plan: LoadPlan) -> None:
        """Encodes the items."""
        self._plan = plan
        surface = content_pb2.Surface.ValueType(plan.surface)
        asked = islice(corpus.requests(plan.seed, accounts=plan.accounts, surface=surface), plan.items)
        self._items = [*(corpus.unary(asked) if plan.shape.kind is Kind.UNARY else corpus.streamed(asked))]
        self._sent = 0
        self._result = LoadResult()
        self._kept: list[bytes] = []
        self._counts_from = self._until = 0.0

    async def run(self, begin: float) -> LoadResult:
        """Loads from `begin` (monotonic seconds) for as long as the plan says."""
        plan = self._plan
        self._counts_from = begin + plan.warm_up_s
        self._until = self._counts_from + plan.seconds
        callers = plan.shape.callers
        channels = [grpc.aio.insecure_channel(plan.address, OPTIONS) for _ in range(min(callers, MOST_CHANNELS))]
        caller = self._call if plan.shape.kind is Kind.UNARY else self._stream
        await asyncio.sleep(max(0.0, begin - time.monotonic()))
        measured = asyncio.create_task(self._measure_own_cpu())
        await asyncio.gather(*(caller(channels[number % len(channels)]) for number in range(callers)))
        await measured
        for channel in channels:
            await channel.close()
        result = self._result
        result.repeated = max(0, self._sent - len(self._items))
        result.looked_into = len(self._kept)
        response = pb.ModerateResponse if plan.shape.kind is Kind.UNARY else pb.ModerateStreamResponse
        result.thin = sum(is_thin(response.FromString(answer).decision) for answer in self._kept)
        return result

    async def _call(self, channel: grpc.aio.Channel) -> None:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{SERVICE}Moderate")
        while time.monotonic() < self._until:
            item, metadata = self._next(), self._metadata()
            started = time.monotonic()
            try:
                answer = await method(item, timeout=CALL_TIMEOUT_S, metadata=metadata)
            except grpc.aio.AioRpcError as error:
                self._failed(error.code().name)
                await asyncio.sleep(ERROR_PAUSE_S)
                continue
            self._answered(started, answer)

    async def _stream(self, channel: grpc.aio.Channel) -> None:
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(f"{SERVICE}ModerateStream")
        call = method()
        started: dict[bytes, float] = {}
        try:
            for _ in range(self._plan.shape.window):
                await self._write(call, started)
            while started:
                raw = await call.read()
                if not isinstance(raw, bytes):  # the end of the stream, or what the stubs think may come
                    self._failed("EOF")
                    return
                answer = streamed_answer(raw)
                sent = started.pop(answer.correlation_id)
                if answer.decision is None:
                    self._failed("ITEM")
                else:
                    self._answered(sent, answer.decision)
                if time.monotonic() < self._until:
                    await self._write(call, started)
            await call.done_writing()
        except grpc.aio.AioRpcError as error:
            self._failed(error.code().name)

    async def _write(self, call: "grpc.aio.StreamStreamCall[bytes, bytes]", started: dict[bytes, float]) -> None:
        number = self._sent
        item = self._next()
        started[b"%d" % (number % len(self._items))] = time.monotonic()
        await call.write(item)

    def _next(self) -> bytes:
        item = self._items[self._sent % len(self._items)]
        self._sent += 1
        return item

    def _metadata(self) -> tuple[tuple[str, str], ...] | None:
        if secrets.randbelow(10_000) >= self._plan.shape.sampled_share * 10_000:
            return None
        return (("traceparent", f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"),)

    def _answered(self, started: float, answer: bytes) -> None:
        now = time.monotonic()
        if not self._counts_from <= now <= self._until:
            return
        latencies = self._result.latencies_ms
        latencies.append(round((now - started) * 1e3, 3))
        if len(latencies) % LOOK_EVERY == 0:
            self._kept.append(answer)

    def _failed(self, status: str) -> None:
        self._result.errors[status] = self._result.errors.get(status, 0) + 1

    async def _measure_own_cpu(self) -> None:
        await asyncio.sleep(max(0.0, self._counts_from - time.monotonic()))
        before = time.process_time()
        await asyncio.sleep(max(0.0, self._until - time.monotonic()))
        self._result.generator_cpu_s = round(time.process_time() - before, 3)


async def serve() -> None:
    """Runs plan after plan until there are no more."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        load = Load(LoadPlan.from_json(line))
        gc.collect()
        gc.freeze()
        _tell("ready")
        result = await load.run(float(await asyncio.to_thread(sys.stdin.readline)))
        _tell(result.to_json())
        gc.unfreeze()


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
