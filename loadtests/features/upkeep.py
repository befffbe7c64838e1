"""CPU time that a moderated item costs the process that keeps account signals, and how soon they show the decision.

    python -m loadtests.features.upkeep [--seconds 20] [--items-per-s 100] [--out build/bench]

A process holds what the deployment AccountSignals holds: ledger tail, event log, processor, Feast writer on SQLite.
This one records decisions in the ledger, open loop: of eight accounts with 1,000 earlier events each, then of 2,000
by a Zipf law, with 20 each. CPU time is that of the other process alone, from the first decision until the last one
shows; a stretch before it tells what it takes while nothing happens. Five decisions a second are of accounts that had
none; each of these is read from the online store until it shows.

Writes its rows and samples (`results.keep`); exits with 1 if a target is missed.
"""

import argparse
import asyncio
import dataclasses
import itertools
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from loadtests.features.results import OUT, end_on_sigterm, keep
from loadtests.ledger.decisions import Decisions
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.online import OnlineChoice
from tidegate.features.pipeline import apply
from tidegate.features.refs import ACCOUNT_ACTIVITY, ACCOUNT_SIGNALS_V2
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.models.evaluation.bench_row import Row, at_most, shown
from tidegate.serving import composition
from tidegate.serving.settings import Settings

TARGET_MS = 0.3
"""CPU time of an item, at most."""
VISIBLE_MS = 1_000.0
"""At the 99th percentile, at most: what is promised of events (`visibility`)."""
LATEST_S = 30.0
"""After which a decision counts as never seen."""
IDLE_S = 3.0
PROBE_S = 0.2
TICK_S = 0.05
"""Between two commits of decisions."""
SEED = 20_260_501
_MEASURE = "CPU time of account signals"
_OF_ACTIVITY = ACCOUNT_SIGNALS_V2.views.index(ACCOUNT_ACTIVITY)


@dataclass(frozen=True, slots=True)
class Load:
    """Whose items are decided."""

    name: str
    """In words."""
    accounts: int
    """How many there are."""
    skew: float
    """Exponent of the Zipf law by which they are drawn; 0: all alike."""
    history: int
    """Events of each before the load, 40 to 60 days old, so that no window slides meanwhile."""


LOADS = (
    Load("8 accounts", accounts=8, skew=0.0, history=1_000),
    Load("2,000 accounts (Zipf)", accounts=2_000, skew=1.0, history=20),
)


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a load."""

    load: str
    """Its name."""
    items: int
    """Decisions, probes included."""
    items_per_s: float
    """Recorded."""
    cpu_ms: float
    """Per item."""
    idle_cpu_ms: float
    """Per second while nothing happens."""
    seen_ms: Sequence[float]
    """Of each probe, from the ledger's answer to the reading that shows it; `LATEST_S` where none did."""


def serve(state: Path) -> None:
    """The measured process: answers each line with its CPU seconds, until its input ends."""
    signals = composition.account_signals(Settings(state_dir=state))
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(f"{time.process_time()}\n")
        sys.stdout.flush()
    asyncio.run(signals.close())


class Measured:
    """The measured process, as seen from here."""

    def __init__(self, state: Path) -> None:
        command = [sys.executable, "-m", "loadtests.features.upkeep", "--serve", str(state)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()

    def cpu_s(self) -> float:
        """What it has taken so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        """Ends it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LATEST_S)

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the measured process ended"
        return line


class Probes:
    """Decisions that are waited for, each on an account of its own."""

    def __init__(self, reader: FeastReader) -> None:
        self._reader = reader
        self._recorded: dict[str, float] = {}
        self.seen_ms: list[float] = []

    def recorded(self, account_id: str) -> None:
        """The ledger has answered."""
        self._recorded[account_id] = time.perf_counter()

    def look(self) -> int:
        """Reads all that are waited for; how many there are still."""
        asked = list(self._recorded)
        rows = self._reader.read(asked) if asked else ()
        now = time.perf_counter()
        for account_id, row in zip(asked, rows, strict=True):
            waited_s = now - self._recorded[account_id]
            if row[_OF_ACTIVITY].event_time is not None or waited_s > LATEST_S:
                self.seen_ms.append(min(waited_s, LATEST_S) * 1e3)
                del self._recorded[account_id]
        return len(self._recorded)


def histories(log: SqliteEventLog, load: Load) -> None:
    """Puts earlier events into the log."""
    drawn = random.Random(SEED)  # noqa: S311 - for repeatable load, not for secrets
    now = datetime.now(tz=UTC)
    events = (
        AccountEvent(
            f"e-{account}-{number}",
            f"acct-{account}",
            EventKind.COMMENT,
            now - timedelta(days=drawn.uniform(40, 60)),
            subject_id=f"c-{number}",
            content_digest=drawn.randbytes(32).hex(),
        )
        for account in range(load.accounts)
        for number in range(load.history)
    )
    while some := list(itertools.islice(events, 2_000)):
        log.append(some, recorded_at=now)


async def measured(state: Path, load: Load, chosen: argparse.Namespace) -> Run:
    """One load on a process of its own."""
    log = SqliteEventLog(state / "events.db")
    histories(log, load)
    process, ledger = Measured(state), SqliteLedger(state / "ledger.db", timeout_s=LATEST_S)
    decisions, probes = Decisions(), Probes(FeastReader(state / "features"))
    try:
        await ledger.append(decisions.of("first"))  # makes the file, too
        probes.recorded("first")
        while log.due(now=datetime.now(tz=UTC), limit=1) or probes.look():  # noqa: ASYNC110 - what it polls lies in another process
            await asyncio.sleep(PROBE_S)
        probes.seen_ms.clear()
        before_s = process.cpu_s()
        await asyncio.sleep(IDLE_S)
        idle_s = process.cpu_s() - before_s
        items, took_s = await loaded(ledger, decisions, probes, load, chosen)
        cpu_s = process.cpu_s() - before_s - idle_s
    finally:
        process.close()
        await ledger.close()
        log.close()
    sys.stderr.write("\n")
    return Run(load.name, items, items / took_s, cpu_s / items * 1e3, idle_s / IDLE_S * 1e3, probes.seen_ms)


async def loaded(
    ledger: SqliteLedger, decisions: Decisions, probes: Probes, load: Load, chosen: argparse.Namespace
) -> tuple[int, float]:
    """Records decisions for a while, and waits until the last one shows; how many, and seconds spent recording."""
    accounts, started, sent, probed = drawn_accounts(load), time.perf_counter(), 0, 0
    while (elapsed := time.perf_counter() - started) < chosen.seconds:
        new = [f"probe-{number}" for number in range(probed, int(elapsed / PROBE_S))]
        others = itertools.islice(accounts, max(0, int(elapsed * chosen.items_per_s) - sent - len(new)))
        together = [*others, *new]
        await asyncio.gather(*(ledger.append(decisions.of(each)) for each in together))
        sent, probed = sent + len(together), probed + len(new)
        for each in new:
            probes.recorded(each)
        probes.look()
        await asyncio.sleep(TICK_S)
        sys.stderr.write(f"\r{load.name}: {elapsed:5.1f} s, {sent:,} items, {len(probes.seen_ms)} seen ")
    took_s = time.perf_counter() - started
    while probes.look():  # noqa: ASYNC110 - as above
        await asyncio.sleep(TICK_S)
    return sent, took_s


def drawn_accounts(load: Load) -> Iterator[str]:
    """Endless."""
    drawn = random.Random(SEED)  # noqa: S311 - for repeatable load, not for secrets
    names = [f"acct-{number}" for number in range(load.accounts)]
    summed = list(itertools.accumulate(rank**-load.skew for rank in range(1, load.accounts + 1)))
    while True:
        yield from drawn.choices(names, cum_weights=summed, k=100)


def run(load: Load, chosen: argparse.Namespace) -> Run:
    """Prepares a state directory, and measures."""
    with tempfile.TemporaryDirectory(dir=chosen.out) as folder:
        state = Path(folder)
        apply(state / "features", OnlineChoice(), progress=lambda _: None)
        return asyncio.run(measured(state, load, chosen))


def rows(runs: Sequence[Run]) -> list[Row]:
    """The lines of the result."""
    lines = []
    for each in runs:
        ordered = sorted(each.seen_ms)
        p99 = ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
        load = f"{each.load}, {each.items_per_s:.0f} items/s"
        seen = f"decision recorded → visible, {load} (n = {len(ordered)})"
        lines += [
            at_most(f"{_MEASURE}, {load} (n = {each.items})", round(each.cpu_ms, 3), TARGET_MS, "ms/item"),
            shown(f"{_MEASURE} while nothing happens, {each.load}", round(each.idle_cpu_ms, 1), "ms/s"),
            shown(f"{seen}, p50", round(statistics.median(ordered), 1), "ms"),
            at_most(f"{seen}, p99", round(p99, 1), VISIBLE_MS, "ms"),
        ]
    return lines


def main() -> int:
    """Measures, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.upkeep", description="CPU time of account signals per moderated item."
    )
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--items-per-s", type=float, default=100.0)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    end_on_sigterm()
    if chosen.serve:
        serve(chosen.serve)
        return 0
    chosen.out.mkdir(parents=True, exist_ok=True)
    runs = [run(load, chosen) for load in LOADS]
    return keep(chosen.out, "upkeep", rows(runs), {each.load: dataclasses.asdict(each) for each in runs})


if __name__ == "__main__":
    sys.exit(main())
