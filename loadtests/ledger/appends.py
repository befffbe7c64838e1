"""Callers who each append a decision, wait until it is durable, and append the next: a closed loop in one process."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tidegate.ledger.port import DecisionLedger
from tidegate.moderation.decision import DecisionRecord

MOST_PER_S = 12_000
"""Records that are made ready; a faster ledger ends before its time, which its rate does not show."""

_keys = itertools.count()


@dataclass(frozen=True, slots=True)
class Appends:
    """What came of it."""

    per_s: float
    """Acknowledged."""
    cpu_us: float
    """CPU time of this process for each."""
    latency_ms: Sequence[float]
    """From the call to the answer: median and 99th percentile."""


def measured_appends(
    ledger: DecisionLedger, records: Sequence[DecisionRecord], *, callers: int, seconds: float, keyed: bool
) -> Appends:
    """Appends records under ids of their own for that long, and closes the ledger."""
    return asyncio.run(_measured(ledger, records, callers=callers, seconds=seconds, keyed=keyed))


async def _measured(
    ledger: DecisionLedger, records: Sequence[DecisionRecord], *, callers: int, seconds: float, keyed: bool
) -> Appends:
    most = int(seconds * MOST_PER_S) + 1
    fresh = iter([_own(record, keyed=keyed) for record in itertools.islice(itertools.cycle(records), most)])
    await ledger.append(next(fresh))  # connects, and makes the tables
    latencies: list[float] = []
    begun, cpu = time.perf_counter(), time.process_time()

    async def call() -> None:
        while (started := time.perf_counter()) < begun + seconds:
            record = next(fresh, None)
            if record is None:
                return
            await ledger.append(record)
            latencies.append((time.perf_counter() - started) * 1_000)

    await asyncio.gather(*(call() for _ in range(callers)))
    took_s, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    await ledger.close()
    latencies.sort()
    p50, p99 = (round(latencies[int(share * (len(latencies) - 1))], 3) for share in (0.5, 0.99))
    return Appends(len(latencies) / took_s, cpu_s / len(latencies) * 1e6, (p50, p99))


def _own(record: DecisionRecord, *, keyed: bool) -> DecisionRecord:
    number = next(_keys)
    changed = replace(record, decision_id=f"{record.decision_id[:16]}{number:016x}")
    return replace(changed, idempotency_key=f"key-{number}") if keyed else changed
