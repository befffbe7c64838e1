"""How many bytes an item takes on each hop and at rest, for `tidegate capacity`. Counts, no times but Redis's own.

    python -m loadtests.sizes [--bench build/bench]

Messages are those of `make compare`: its corpus asks, and the decisions that it left in its ledger answer, encoded as
callers get them. Hops between deployments are what is pickled. Redis counts its own bytes and microseconds. Sizes are
of payloads: without HTTP/2 frames and headers, TLS and TCP. The same decisions are appended to a PostgreSQL of its
own, and its tables measured. Writes `sizes.json`; run `make compare` first.
"""

import argparse
import asyncio
import json
import pickle
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from loadtests.compare import corpus
from loadtests.features.lookup import Accounts, calls, say
from loadtests.features.redis_process import redis_process
from loadtests.features.results import OUT
from tests.ledger.postgres_server import PostgresServer, binaries
from tidegate.enrichment.port import SignalsRequest
from tidegate.features.online import OnlineChoice, OnlineKind
from tidegate.features.pipeline import apply
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.record_format import decode
from tidegate.models.catalogue import Modality, TensorType, catalogue
from tidegate.models.evaluation.bench_row import Row, shown
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.tracing import TraceContext
from tidegate.postgres.connection import PostgresTarget
from tidegate.serving import encode

ASKED = 2_000
"""Messages that a mean is taken over."""
TOKENS = 32
"""Token ids in a row of text, as the measured corpus is padded to."""
ACCOUNTS, LOOKUPS, BATCH = 500, 100, 32
_BYTES = {TensorType.INT64: 8, TensorType.FP32: 4}
_UNTRACED = TraceContext(trace_id="a" * 32, span_id="b" * 16, sampled=False)


def _mean(sizes: Sequence[int]) -> float:
    return round(statistics.fmean(sizes), 1)


def messages(records: Sequence[DecisionRecord]) -> Iterator[Row]:
    """What callers send and get, and what router and FeatureLookup exchange."""
    asked = list(islice(corpus.requests(7, accounts=2_000, surface=corpus.REAL), len(records)))
    yield shown("request of a text item", _mean([each.ByteSize() for each in asked]), "bytes")
    texts = [len(part.text.text.encode()) for each in asked for part in each.item.parts]
    yield shown("the text in it", _mean(texts), "bytes")
    yield shown("reply", _mean([encode.decision(each).ByteSize() for each in records]), "bytes")
    lookups = [len(pickle.dumps([SignalsRequest(each.item.account_id, 1_000.0, _UNTRACED)])) for each in asked]
    yield shown("router to FeatureLookup, pickled, one account", _mean(lookups), "bytes")
    found = [len(pickle.dumps([each.inputs.account])) for each in records]
    yield shown("FeatureLookup to router, pickled, one account", _mean(found), "bytes")


def tensors() -> Iterator[Row]:
    """What detectors send to Triton for one content, by the catalogue."""
    for spec in catalogue().values():
        if not spec.inputs or spec.modality is Modality.ACCOUNT:
            continue
        size = 0
        for tensor in spec.inputs:
            elements = 1
            for dim in tensor.dims:
                elements *= TOKENS if dim == -1 else dim
            size += elements * _BYTES[tensor.dtype]
        yield shown(f"tensors to Triton: {spec.name}", size, "bytes")


def at_rest(folder: Path) -> Iterator[Row]:
    """What ledger and event log of the comparison's distributed stack take, indexes and all."""
    for name, table, what in (
        ("ledger.db", "records", "SQLite ledger, a decision"),
        ("events.db", "events", "SQLite event log, an event"),
    ):
        path = folder / name
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
            count = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - a constant
        yield shown(f"{what} (n = {count:,})", round(path.stat().st_size / count, 1), "bytes")


def decisions(folder: Path) -> list[DecisionRecord]:
    """The latest decisions of the comparison's distributed stack."""
    with closing(sqlite3.connect(f"file:{folder / 'ledger.db'}?mode=ro&immutable=1", uri=True)) as database:
        found = database.execute("SELECT record FROM records ORDER BY position DESC LIMIT ?", (ASKED,))
        return [decode(record) for (record,) in found]


def postgres_rows(records: Sequence[DecisionRecord], programs: Path) -> Iterator[Row]:
    """What the same decisions take in PostgreSQL: tables, indexes and TOAST, after a vacuum."""
    server = PostgresServer(programs)
    try:
        server.start()
        dsn = server.create_database("sizes")
        before = _ledger_bytes(dsn)
        asyncio.run(_appended(dsn, records))
        each = round((_ledger_bytes(dsn) - before) / len(records), 1)
        yield shown(f"PostgreSQL ledger, a decision (n = {len(records):,})", each, "bytes")
    finally:
        server.stop()
        server.remove()


async def _appended(dsn: str, records: Sequence[DecisionRecord]) -> None:
    ledger = PostgresLedger(PostgresTarget(dsn), timeout_s=60)
    for start in range(0, len(records), BATCH):
        await asyncio.gather(*map(ledger.append, records[start : start + BATCH]))
    await ledger.close()


def _ledger_bytes(dsn: str) -> int:
    """Of all its tables; those that are there from the start have a size without a row."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM")
        found = connection.execute(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'tidegate_ledger' AND c.relkind IN ('r', 'p')"
        ).fetchone()
    assert found is not None
    return int(found[0])


def redis_rows() -> list[Row]:
    """What lookups cost a real Redis, by its own count."""
    now = datetime.now(tz=UTC)
    with tempfile.TemporaryDirectory() as folder, redis_process() as redis, Redis(port=redis.port) as client:
        state = Path(folder)
        apply(state, OnlineChoice(OnlineKind.REDIS, redis.address), progress=say)
        accounts = Accounts(client, count=ACCOUNTS)
        accounts.fill(state, now=now)
        before = _network(client)
        asyncio.run(_looked_up(state, redis.port, accounts, now))
        received, sent = (late - early for late, early in zip(_network(client), before, strict=True))
        commands: Any = client.info("commandstats")
    looked_up = LOOKUPS * BATCH
    return [
        shown("Redis, one account looked up: received", round(received / looked_up, 1), "bytes"),
        shown("Redis, one account looked up: sent", round(sent / looked_up, 1), "bytes"),
        shown("Redis, one account looked up: its own time", commands["cmdstat_hmget"]["usec_per_call"], "µs"),
    ]


async def _looked_up(state: Path, port: int, accounts: Accounts, now: datetime) -> None:
    lookup = calls(state, port, accounts, now=now)["lookup"]
    for number in range(LOOKUPS):
        await lookup([accounts.ids[(number * BATCH + each) % ACCOUNTS] for each in range(BATCH)])


def _network(client: Any) -> tuple[int, int]:
    told = client.info("stats")
    return told["total_net_input_bytes"], told["total_net_output_bytes"]


def main() -> int:
    """Counts, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.sizes", description="How many bytes an item takes on each hop and at rest."
    )
    parser.add_argument("--bench", type=Path, default=OUT, help="folder of results, where `make compare` left its own")
    chosen = parser.parse_args()
    left = chosen.bench / "compare" / "distributed"
    if not (left / "ledger.db").exists():
        say(f"{left / 'ledger.db'} is not there: run `make compare` first")
        return 1
    programs = binaries()
    if programs is None:
        say("PostgreSQL is not installed: apt-get install postgresql")
        return 1
    made = decisions(left)
    rows = [*messages(made), *tensors(), *at_rest(left), *postgres_rows(made, programs), *redis_rows()]
    for row in rows:
        sys.stdout.write(f"{row.measure:<60} {row.value:>12,} {row.unit}\n")
    (chosen.bench / "sizes.json").write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
