"""How many account events one process makes durable, and how fast it reads them again.

    python -m loadtests.features.ingest [--events 100000] [--batch 500] [--accounts 2000] [--out build/bench]

One thread checks events (`refusal`) and appends them to a log on the disk of `--out`; every batch is durable (fsync)
before the next begins. Wall time is what senders wait for, and says little on a busy machine; beside it stands the CPU
time of the same work. Event ids are random, which is the log's hardest case, and a tenth of all batches are repeats.

Writes its rows and samples (`results.keep`); exits with 1 if a target is missed.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadtests.features.results import OUT, keep
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.log import Appended
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import refusal
from tidegate.models.evaluation.bench_row import Row, at_least, shown

TARGET_EVENTS_PER_S = 5_000.0
SEED = 20_260_301
NOW = datetime(2026, 3, 1, tzinfo=UTC)
_REPEATED_EVERY = 10
_READ_TIMES = 21


@dataclass(frozen=True, slots=True)
class Batch:
    """One append."""

    events: int
    """Events in it."""
    wall_s: float
    """Until all of them were durable."""
    cpu_s: float
    """CPU time of the thread for it."""


def made(count: int, *, accounts: int) -> list[AccountEvent]:
    """Events of a week: half uploads, a third comments with a digest, the rest reports."""
    generator = random.Random(SEED)  # noqa: S311 - for repeatable load, not for secrets
    return [_event(number, generator, accounts=accounts) for number in range(count)]


def _event(number: int, generator: random.Random, *, accounts: int) -> AccountEvent:
    event_id = generator.randbytes(16).hex()
    account_id = f"acct-{generator.randrange(accounts):08d}"
    occurred_at = NOW - timedelta(microseconds=generator.randrange(600_000_000_000))
    kind = generator.choices((EventKind.UPLOAD, EventKind.COMMENT, EventKind.REPORT_RECEIVED), (3, 2, 1))[0]
    if kind is EventKind.REPORT_RECEIVED:
        reporter = f"user-{generator.randrange(accounts):08d}"
        return AccountEvent(event_id, account_id, kind, occurred_at, counterpart_id=reporter)
    digest = generator.randbytes(32).hex()
    return AccountEvent(event_id, account_id, kind, occurred_at, subject_id=f"item-{number:09d}", content_digest=digest)


def appended(log: SqliteEventLog, events: Sequence[AccountEvent], *, batch: int) -> Iterator[Batch]:
    """Appends all of them, and every tenth batch once more."""
    for number, start in enumerate(range(0, len(events), batch)):
        given = events[start : start + batch]
        yield _append(log, given, expected=Appended.NEW)
        if number % _REPEATED_EVERY == 0:
            yield _append(log, given, expected=Appended.REPEATED)
            sys.stderr.write(f"\r{start + len(given):>12,} events")
    sys.stderr.write("\n")


def _append(log: SqliteEventLog, events: Sequence[AccountEvent], *, expected: Appended) -> Batch:
    started = time.perf_counter(), time.thread_time()
    assert all(refusal(event, now=NOW, backfill=False) is None for event in events)
    answers = log.append(events, recorded_at=NOW)
    taken = Batch(len(events), time.perf_counter() - started[0], time.thread_time() - started[1])
    assert set(answers) == {expected}, "the log lost or doubled events"
    return taken


def histories(log: SqliteEventLog, *, accounts: int) -> tuple[int, list[float]]:
    """Events of so many accounts, and the CPU seconds that each reading of them took."""
    names = log.accounts(limit=accounts)
    events = log.history(names).num_rows  # the first reading imports what Arrow needs
    taken = []
    for _ in range(_READ_TIMES):
        started = time.thread_time()
        log.history(names)
        taken.append(time.thread_time() - started)
    return events, taken


def rows(batches: Sequence[Batch], read: tuple[int, Sequence[float]], *, batch: int) -> list[Row]:
    """The lines of the result."""
    events = sum(each.events for each in batches)
    per_s = events / sum(each.wall_s for each in batches)
    cpu_us = sum(each.cpu_s for each in batches) / events * 1e6
    wall_ms = sorted(each.wall_s * 1e3 for each in batches)
    name = f"events checked and durable, one process, batches of {batch}"
    read_ms = statistics.median(read[1]) * 1e3
    return [
        at_least(name, round(per_s), TARGET_EVENTS_PER_S, "events/s"),
        shown(f"{name}, CPU", round(cpu_us, 1), "µs/event"),
        shown(f"{name}, p50", round(statistics.median(wall_ms), 1), "ms/batch"),
        shown(f"{name}, p99", round(wall_ms[int(0.99 * (len(wall_ms) - 1))], 1), "ms/batch"),
        shown(f"history of 100 accounts, {read[0]} events, CPU", round(read_ms, 2), "ms"),
    ]


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.ingest", description="How many account events one process makes durable."
    )
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.out) as folder:
        log = SqliteEventLog(Path(folder) / "events.db")
        batches = list(appended(log, made(chosen.events, accounts=chosen.accounts), batch=chosen.batch))
        read = histories(log, accounts=100)
        log.close()
    result = rows(batches, read, batch=chosen.batch)
    samples = {"batches": [asdict(each) for each in batches], "history_cpu_s": read[1]}
    return keep(chosen.out, "ingest", result, samples)


if __name__ == "__main__":
    sys.exit(main())
