"""How long a lookup of account signals takes on a real Redis, and how much memory an account takes there.

    python -m loadtests.features.lookup [--accounts 20000] [--repeats 9] [--calls 100] [--out build/bench]

Starts a Redis of its own. "Raw" is a redis-py pipeline of one HMGET per account for the same fields, not decoded;
"lookup" is `FeastAccountFeatures.lookup`, freshness included; "Feast" is `get_online_features`. They
take turns call by call, so what else runs on the machine slows them alike; a ratio is of medians within a repeat, its
median over the repeats is the result. The fields are those of every view that the router asks for, and every account
has them all.

Writes its rows and samples (`results.keep`); exits with 1 if a target is missed.
"""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from feast.infra.online_stores.helpers import _mmh3
from redis import Redis
from redis import asyncio as redis_asyncio

from loadtests.features.redis_process import redis_process
from loadtests.features.results import OUT, end_on_sigterm, keep
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.freshness import signals_of
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.entity_keys import EntityKeys
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.feature import ValueKind, View
from tidegate.features.history import history_schema
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_SIGNALS_V2, VALID_UNTIL
from tidegate.features.repository import PROJECT, open_repository
from tidegate.models.evaluation.bench_row import Row, at_most, shown
from tidegate.moderation.signals import LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.recorder import Recorder

TARGETS = {1: 2.5, 32: 1.8}
"""Most that a lookup of so many accounts may take, as a multiple of raw."""
WORLD = 700_000_000
"""Accounts to size for."""
_WRITTEN = 500
"""Accounts that the writer writes; the others are copies of their hashes."""
_NODE_GIB, _FILL = 64, 0.7
_WARM_UPS = 20
_UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)
_LONG = b"\x12\x64" + b"x" * 100

Call = Callable[[Sequence[str]], Awaitable[object]]


def say(line: str) -> None:
    """Progress and results, as they come."""
    sys.stderr.write(line + "\n")


class Accounts:
    """Accounts with every value of every view, as Feast keeps them."""

    def __init__(self, client: Any, *, count: int) -> None:
        """Fills nothing yet. `client` is redis-py's, which wants `str` where it takes bytes."""
        self.client = client
        self.ids = [f"acct-{number:09d}" for number in range(count)]
        self._keys = EntityKeys(3)
        self.fields = [
            field
            for view in ACCOUNT_SIGNALS_V2.views
            for field in [f"_ts:{view.name}".encode(), *(_mmh3(f"{view.name}:{each.name}") for each in view.stored())]
        ]

    def key(self, account_id: str) -> bytes:
        """Of its hash."""
        return self._keys.key(account_id) + PROJECT.encode()

    def fill(self, state: Path, *, now: datetime) -> float:
        """Writes them all; returns the bytes that one takes, by the growth of Redis's memory."""
        before = self._used()
        drawn = random.Random(7)  # noqa: S311 - not a secret
        with closing(FeastOnlineWriter(state)) as writer:
            for view in ACCOUNT_SIGNALS_V2.views:
                rows = [_row(view, each, now, drawn) for each in self.ids[:_WRITTEN]]
                writer.write(view, pa.Table.from_pylist(rows, schema=history_schema(view)))
                say(f"wrote {len(rows)} rows of {view.name}")
        for start in range(_WRITTEN, len(self.ids), 1_000):
            with self.client.pipeline(transaction=False) as pipeline:
                for at in range(start, min(start + 1_000, len(self.ids))):
                    pipeline.copy(self.key(self.ids[at % _WRITTEN]), self.key(self.ids[at]))
                pipeline.execute()
        say(f"{len(self.ids):,} accounts, {len(self.fields)} fields each")
        return (self._used() - before) / len(self.ids)

    def lengthen(self) -> float:
        """Gives each account one value of more than 64 bytes; returns the bytes that one then takes in addition."""
        before = self._used()
        longest = _mmh3("account_risk:reasons")
        with self.client.pipeline(transaction=False) as pipeline:
            for each in self.ids:
                pipeline.hset(self.key(each), longest, _LONG)
            pipeline.execute()
        return (self._used() - before) / len(self.ids)

    def encoding(self) -> str:
        """How Redis keeps a hash."""
        return str(self.client.object("ENCODING", self.key(self.ids[-1])).decode())

    def _used(self) -> int:
        return int(self.client.info("memory")["used_memory"])


def _row(view: View, account_id: str, now: datetime, drawn: random.Random) -> Mapping[str, Any]:
    samples: Mapping[ValueKind, Callable[[], Any]] = {
        ValueKind.BOOL: lambda: drawn.random() < 0.5,  # noqa: PLR2004 - a coin
        ValueKind.INT: lambda: int(drawn.lognormvariate(2, 2)),
        ValueKind.FLOAT: drawn.random,
        ValueKind.STRING: lambda: drawn.choice(["free", "premium", "BLOCK", "account_age_days,followers,listed"]),
    }
    values = {each.name: samples[each.kind]() for each in view.stored()}
    promise = {VALID_UNTIL: int(now.timestamp() * 1e6) + drawn.randrange(10**12)} if view.internal else {}
    at = now - timedelta(microseconds=drawn.randrange(10**10))
    return {"account_id": account_id, "event_timestamp": at} | values | promise


def calls(state: Path, port: int, accounts: Accounts, *, now: datetime) -> Mapping[str, Call]:
    """What is timed: each takes account ids and looks them up."""
    store = open_repository(state)
    service = store.get_feature_service(ACCOUNT_SIGNALS_V2.name)
    reader = FeastReader(state, redis_timeout_ms=10_000)
    adapter = FeastAccountFeatures(reader, tracer=Recorder(), clock=lambda: now)
    coroutines: Any = redis_asyncio.Redis(port=port)

    async def raw(ids: Sequence[str]) -> object:
        with accounts.client.pipeline(transaction=False) as pipeline:
            for each in ids:
                pipeline.hmget(accounts.key(each), accounts.fields)
            return pipeline.execute()

    async def raw_asyncio(ids: Sequence[str]) -> object:
        async with coroutines.pipeline(transaction=False) as pipeline:
            for each in ids:
                pipeline.hmget(accounts.key(each), accounts.fields)
            return await pipeline.execute()

    async def lookup(ids: Sequence[str]) -> object:
        return await adapter.lookup([SignalsRequest(each, 60_000, _UNTRACED) for each in ids])

    async def blocking(ids: Sequence[str]) -> object:
        return [signals_of(rows, now=now) for rows in reader.read(ids)]

    async def feast(ids: Sequence[str]) -> object:
        return store.get_online_features(service, [{"account_id": each} for each in ids], full_feature_names=True)

    return {
        "raw": raw,
        "lookup": lookup,
        "raw by redis.asyncio": raw_asyncio,
        "lookup by blocking reads": blocking,
        "Feast": feast,
    }


async def timed(
    chosen: Mapping[str, Call], ids: Sequence[str], *, size: int, repeats: int, count: int
) -> Mapping[str, list[list[float]]]:
    """Microseconds per account of each call, by repeat."""
    drawn = random.Random(size)  # noqa: S311 - not a secret
    samples: dict[str, list[list[float]]] = {name: [] for name in chosen}
    for repeat in range(repeats + 1):
        warming = repeat == 0
        took: dict[str, list[float]] = {name: [] for name in chosen}
        for _ in range(_WARM_UPS if warming else count):
            for name, call in chosen.items():
                batch = drawn.sample(ids, size)
                started = time.perf_counter()
                await call(batch)
                took[name].append((time.perf_counter() - started) * 1e6 / size)
        if not warming:
            for name, times in took.items():
                samples[name].append(times)
            line = ", ".join(f"{name} {statistics.median(times):.0f}" for name, times in took.items())
            say(f"{size} at a time, repeat {repeat} of {repeats}, us per account: {line}")
    return samples


def rows_of(samples: Mapping[str, list[list[float]]], *, size: int) -> list[Row]:
    """The lines of the result for one size of batch."""
    medians = {name: [statistics.median(times) for times in repeats] for name, repeats in samples.items()}
    what = "one account" if size == 1 else f"an account in a batch of {size}"
    rows = [shown(f"Redis, {what}: {name}", round(statistics.median(each), 1), "µs") for name, each in medians.items()]
    for name in [name for name in medians if name != "raw"]:
        ratio = statistics.median(ours / raw for ours, raw in zip(medians[name], medians["raw"], strict=True))
        measure = f"Redis, {what}: {name} ÷ raw"
        value = round(ratio, 2)
        rows.append(at_most(measure, value, TARGETS[size], "") if name == "lookup" else shown(measure, value, ""))
    return rows


def memory(accounts: Accounts, per_account: float) -> list[Row]:
    """What an account takes, as stored and with one long value, and what that means for everybody."""
    rows = _sized(f"all views ({accounts.encoding()})", per_account)
    longer = per_account + accounts.lengthen()
    return rows + _sized(f"all views, one value over 64 bytes ({accounts.encoding()})", longer)


def _sized(what: str, per_account: float) -> list[Row]:
    gib = per_account * WORLD / 2**30
    nodes = gib / (_NODE_GIB * _FILL)
    say(
        f"{what}: {per_account:.0f} bytes an account; {WORLD / 1e6:.0f} million: {gib:,.0f} GiB, on paper {nodes:.0f}"
        f" nodes of {_NODE_GIB} GiB filled to {_FILL:.0%}, and as many again for one replica each"
    )
    return [
        shown(f"Redis memory per account, {what}", round(per_account), "bytes"),
        shown(f"Redis memory of 700 million accounts, on paper, {what}", round(gib), "GiB"),
    ]


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.lookup", description="How long a lookup of account signals takes on Redis."
    )
    parser.add_argument("--accounts", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--calls", type=int, default=100, help="of each kind in a repeat")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    end_on_sigterm()
    now = datetime.now(tz=UTC)
    rows: list[Row] = []
    raw: dict[str, Mapping[str, list[list[float]]]] = {}
    with tempfile.TemporaryDirectory() as folder, redis_process() as redis, Redis(port=redis.port) as client:
        state = Path(folder)
        apply(state, OnlineChoice(OnlineKind.REDIS, redis.address), progress=say)
        accounts = Accounts(client, count=max(chosen.accounts, _WRITTEN))
        per_account = accounts.fill(state, now=now)
        raw = asyncio.run(_measured(state, redis.port, accounts, now, repeats=chosen.repeats, count=chosen.calls))
        for size in TARGETS:
            rows += rows_of(raw[str(size)], size=size)
        rows += memory(accounts, per_account)
    return keep(chosen.out, "lookup", rows, {"us_per_account": raw})


async def _measured(
    state: Path, port: int, accounts: Accounts, now: datetime, *, repeats: int, count: int
) -> dict[str, Mapping[str, list[list[float]]]]:
    chosen = calls(state, port, accounts, now=now)
    answers: Any = await chosen["lookup"](accounts.ids[:32])
    assert {(each.status, each.known) for each in answers} == {(LookupStatus.OK, True)}, "nothing there to time"
    return {str(size): await timed(chosen, accounts.ids, size=size, repeats=repeats, count=count) for size in TARGETS}


if __name__ == "__main__":
    sys.exit(main())
