"""How long after its acknowledgement an account event is in what the next decision reads, under load.

    python -m loadtests.features.visibility [--seconds 20] [--events-per-s 500] [--accounts 20000] [--out build/bench]

A server process holds the real thing: SignalService over gRPC, event log, processor, Feast writer. This process sends
events through the client, open loop, in calls of ten over `--accounts` accounts whose histories grow meanwhile. Every
20 ms it sends one event of an account that had none, and from the acknowledgement on looks that account up as the
router does (`FeastAccountFeatures.lookup`), again and again, until the event is there. Once on SQLite, once on a Redis
that it starts. Both processes share the machine, so what is reported includes the sender's own work.

Writes its rows and samples (`results.keep`); exits with 1 if a target is missed.
"""

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc

from loadtests.features.redis_process import free_port, redis_process
from loadtests.features.results import OUT, end_on_sigterm, keep
from tidegate.client.aio import AsyncTidegateClient
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.pipeline import apply
from tidegate.models.evaluation.bench_row import Row, at_most, shown
from tidegate.moderation.signals import AccountSignals
from tidegate.moderation.tracing import TraceContext
from tidegate.policy.markets import MARKETS
from tidegate.serving import composition
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.settings import Settings
from tidegate.serving.signals.signal_methods import SignalMethods
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.wire import add_signal_service
from tidegate.telemetry.recorder import Recorder

TARGET_MS = 1_000.0
"""Most at the 99th percentile."""
LATEST_S = 30.0
"""After which an event counts as never seen."""
PROBE_S = 0.02
POLL_S = 0.01
AT_ONCE = 16
"""Probes that one lookup asks for, the oldest first: asking for all costs the machine more than what is measured."""
CALL = 10
"""Events in one call of the load."""
SEED = 20_260_401
_MEASURE = "event acknowledged → visible to a lookup"
_UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)


@dataclass(frozen=True, slots=True)
class Run:
    """One store."""

    store: str
    """Its name."""
    events_per_s: float
    """Acknowledged, load and probes together."""
    first_ms: float
    """The first event after a start, when the server still imports what it writes with. Not among `seen_ms`."""
    seen_ms: Sequence[float]
    """Of each probe, from acknowledgement to the answer that shows it; `LATEST_S` where none did."""


async def serve(state: Path, port: int) -> None:
    """The server process, until it is ended."""
    settings = Settings(state_dir=state)
    signals = composition.account_signals(settings)
    decoder = RequestDecoder(
        limits=settings.limits,
        budget=settings.budget,
        max_request_bytes=settings.grpc.max_request_bytes,
        markets=MARKETS,
    )
    server = grpc.aio.server()
    add_signal_service(SignalMethods(SignalServicer(intake=signals, decoder=decoder, tracer=Recorder())), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    assert await signals.ready()
    await server.start()
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await server.wait_for_termination()


@contextmanager
def process(command: Sequence[str], *, until: str) -> Iterator[None]:
    """A process for the block, which begins when it has printed a line with `until`."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        try:
            assert any(until in line for line in started.stdout), f"{command[0]} did not start"
            yield
        finally:
            started.terminate()


def post(number: int, account_id: str) -> AccountEvent:
    """A comment of right now."""
    return AccountEvent(f"e{number}", account_id, EventKind.COMMENT, datetime.now(tz=UTC), subject_id=f"c{number}")


class Probes:
    """Events that are waited for."""

    def __init__(self, features: FeastAccountFeatures) -> None:
        self._features = features
        self._acknowledged: dict[str, float] = {}
        self.seen_ms: list[float] = []

    async def send(self, client: AsyncTidegateClient, number: int) -> None:
        """Sends one and notes when it was acknowledged."""
        account_id = f"probe-{number}"
        recorded = await client.record_events([post(number, account_id)])
        assert not recorded.refused, recorded
        self._acknowledged[account_id] = time.perf_counter()

    async def look(self) -> int:
        """One lookup of all that are waited for; how many there were."""
        asked = list(self._acknowledged)[:AT_ONCE]
        if asked:
            answers = await self._features.lookup([SignalsRequest(each, 1_000.0, _UNTRACED) for each in asked])
            now = time.perf_counter()
            for account_id, answer in zip(asked, answers, strict=True):
                waited_s = now - self._acknowledged[account_id]
                if shows_post(answer) or waited_s > LATEST_S:
                    self.seen_ms.append(min(waited_s, LATEST_S) * 1_000.0)
                    del self._acknowledged[account_id]
        return len(asked)


def shows_post(signals: AccountSignals) -> bool:
    """Whether a decision would count the event."""
    return any(each.name == "account_activity__posts_1h" and each.value == 1 for each in signals.values)


async def measured(store: str, state: Path, port: int, chosen: argparse.Namespace) -> Run:
    """One store under load."""
    generator = random.Random(SEED)  # noqa: S311 - for repeatable load, not for secrets
    features = FeastAccountFeatures(FeastReader(state / "features"), tracer=Recorder())
    first, probes, calls = Probes(features), Probes(features), []
    async with AsyncTidegateClient(f"127.0.0.1:{port}") as client:
        await first.send(client, -1)
        while await first.look():  # noqa: ASYNC110 - what it polls lies in another process
            await asyncio.sleep(POLL_S)
        started = time.perf_counter()

        async def load(number: int) -> None:
            accounts = (f"acct-{generator.randrange(chosen.accounts)}" for _ in range(CALL))
            recorded = await client.record_events([post(number + at, each) for at, each in enumerate(accounts)])
            assert not recorded.refused, recorded

        async def watch() -> None:
            while (await probes.look()) or time.perf_counter() < started + chosen.seconds:  # noqa: ASYNC110 - what it polls lies in another process
                await asyncio.sleep(POLL_S)

        watching = asyncio.create_task(watch())
        sent, probed = 0, 0
        while (elapsed := time.perf_counter() - started) < chosen.seconds:
            while sent < elapsed * chosen.events_per_s:
                calls.append(asyncio.create_task(load(1_000_000 + sent)))
                sent += CALL
            while probed < elapsed / PROBE_S:
                calls.append(asyncio.create_task(probes.send(client, probed)))
                probed += 1
            await asyncio.sleep(PROBE_S / 4)
            if probed % 50 == 0:
                sys.stderr.write(f"\r{store}: {elapsed:5.1f} s, {sent + probed:,} events, {len(probes.seen_ms)} seen")
        await asyncio.gather(*calls)
        took = time.perf_counter() - started
        await watching
    await features.close()
    sys.stderr.write("\n")
    return Run(store, (sent + probed) / took, first.seen_ms[0], probes.seen_ms)


def run(store: str, chosen: argparse.Namespace) -> Run:
    """Starts what one store needs, and measures."""
    with tempfile.TemporaryDirectory(dir=chosen.out) as folder:
        state, port = Path(folder), free_port()
        server = [sys.executable, "-m", "loadtests.features.visibility", "--serve", str(state), "--port", str(port)]
        with _online(store) as online:
            apply(state / "features", online, progress=lambda _: None)
            with process(server, until="serving"):
                return asyncio.run(measured(store, state, port, chosen))


@contextmanager
def _online(store: str) -> Iterator[OnlineChoice]:
    if store == "sqlite":
        yield OnlineChoice()
        return
    with redis_process() as redis:
        yield OnlineChoice(OnlineKind.REDIS, redis.address)


def rows(runs: Sequence[Run]) -> list[Row]:
    """The lines of the result."""
    lines = []
    for each in runs:
        ordered = sorted(each.seen_ms)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        name = f"{_MEASURE}, {each.store}, at {each.events_per_s:.0f} events/s (n = {len(ordered)})"
        lines += [
            shown(f"{name}, p50", round(statistics.median(ordered), 1), "ms"),
            at_most(f"{name}, p99", round(p99, 1), TARGET_MS, "ms"),
            shown(f"{_MEASURE}, {each.store}, the first after a start", round(each.first_ms, 1), "ms"),
        ]
    return lines


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.visibility",
        description="How soon an acknowledged event is visible to decisions.",
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--events-per-s", type=float, default=500.0)
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    end_on_sigterm()
    if chosen.serve:
        asyncio.run(serve(chosen.serve, chosen.port))
        return 0
    chosen.out.mkdir(parents=True, exist_ok=True)
    runs = [run(store, chosen) for store in ("sqlite", "redis")]
    return keep(chosen.out, "visibility", rows(runs), {each.store: each.seen_ms for each in runs})


if __name__ == "__main__":
    sys.exit(main())
