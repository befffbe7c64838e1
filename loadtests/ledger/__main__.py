"""Durable appends on PostgreSQL beside the server's plain multi-row insert, in turns.

    python -m loadtests.ledger [--repeats 9] [--seconds 2] [--out build/bench]

A PostgreSQL of its own, as it is run: fsync on, on this machine's disk. In turns, so that a machine that gets slower
meanwhile does so for both: 32 callers who each append a decision and wait for it, and one connection that inserts the
same rows, made beforehand, in statements of 32 and of 1,000 rows, each committed. The plain table has the columns and
the indexes of one day's table. Medians over the repeats; writes `ledger.json` and `ledger_samples.json`, and exits with
1 if the target is missed.
"""

import argparse
import json
import statistics
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from loadtests.features.results import OUT, end_on_sigterm
from loadtests.ledger.appends import Appends, measured_appends
from loadtests.ledger.decisions import decisions
from loadtests.ledger.plain_insert import prepared_rows, rows_per_s
from tests.ledger.postgres_server import PostgresServer, binaries
from tidegate.ledger.postgres_adapter import PostgresLedger
from tidegate.ledger.postgres_place import PostgresPlace
from tidegate.ledger.sqlite_adapter import SqliteLedger
from tidegate.models.evaluation.bench_row import Row, at_least, shown
from tidegate.postgres.connection import PostgresTarget

TARGET = 0.5
CALLERS = 32
SIZES = (CALLERS, 1_000)
"""Rows of a plain statement: as many as callers can have waiting, and as many as one likes."""
RECORDS = 10_000
"""Different ones; they come again under other ids."""
_WAIT_S = 60.0


def measure(server: PostgresServer, folder: Path, *, repeats: int, seconds: float) -> dict[str, list[Appends | float]]:
    """Samples by measure."""
    target = PostgresTarget(server.dsn())
    records = decisions(RECORDS)
    rows = prepared_rows(records)
    found: dict[str, list[Appends | float]] = defaultdict(list)
    PostgresPlace(target).migrate()
    for repeat in range(repeats):
        for size in SIZES:
            rate = rows_per_s(target, rows, size=size, seconds=seconds)
            found[f"plain, {size}"].append(rate)
            _say(repeat, repeats, f"plain insert of {size:,} rows a statement: {rate:,.0f} rows/s")
        for name, ledger, callers, keyed in (
            (f"{CALLERS} callers", PostgresLedger(target, timeout_s=_WAIT_S), CALLERS, False),
            (f"{CALLERS} callers with idempotency keys", PostgresLedger(target, timeout_s=_WAIT_S), CALLERS, True),
            ("128 callers", PostgresLedger(target, timeout_s=_WAIT_S), 128, False),
            (f"SQLite, {CALLERS} callers", SqliteLedger(folder / "ledger.db", timeout_s=_WAIT_S), CALLERS, False),
        ):
            appends = measured_appends(ledger, records, callers=callers, seconds=seconds, keyed=keyed)
            found[name].append(appends)
            _say(repeat, repeats, f"{name}: {appends.per_s:,.0f} appends/s, {appends.cpu_us:.0f} us of CPU time each")
    return found


def result(found: dict[str, list[Appends | float]]) -> list[Row]:
    """The rows of the result. A ratio is the median of the repeats' ratios, whose sides were taken within seconds."""
    rates = {name: [each if isinstance(each, float) else each.per_s for each in of] for name, of in found.items()}
    ours = f"{CALLERS} callers"

    def beside(size: int) -> float:
        pairs = zip(rates[ours], rates[f"plain, {size}"], strict=True)
        return round(statistics.median(mine / plain for mine, plain in pairs), 3)

    first = f"durable appends with {CALLERS} callers ÷ plain insert of {CALLERS} rows a statement"
    rows = [at_least(first, beside(CALLERS), TARGET, "")]
    rows += [shown(f"the same ÷ plain insert of {size:,} rows a statement", beside(size), "") for size in SIZES[1:]]
    for name, of in rates.items():
        told = "plain insert, rows a statement: " if name.startswith("plain") else "durable appends, "
        rows.append(shown(told + name.removeprefix("plain, "), round(statistics.median(of)), "1/s"))
    appends = [each for each in found[ours] if isinstance(each, Appends)]
    rows.append(shown("CPU time of this process per append", round(statistics.median(a.cpu_us for a in appends)), "us"))
    for place, name in enumerate(("median", "99th percentile")):
        latency = round(statistics.median(each.latency_ms[place] for each in appends), 2)
        rows.append(shown(f"from append to acknowledgement, {CALLERS} callers, {name}", latency, "ms"))
    return rows


def main() -> int:
    """Measures, writes and draws; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.ledger", description="Durable appends beside plain multi-row inserts."
    )
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measure in each repeat")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    end_on_sigterm()
    programs = binaries()
    if programs is None:
        sys.stderr.write("PostgreSQL is not installed: apt-get install postgresql\n")
        return 2
    server = PostgresServer(programs, durable=True)
    try:
        server.start()
        found = measure(server, server.scratch, repeats=chosen.repeats, seconds=chosen.seconds)
    finally:
        server.remove()
    rows = result(found)
    chosen.out.mkdir(parents=True, exist_ok=True)
    samples = {name: [asdict(each) if isinstance(each, Appends) else each for each in of] for name, of in found.items()}
    (chosen.out / "ledger_samples.json").write_text(json.dumps(samples, indent=1) + "\n", encoding="utf-8")
    lines = json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False)
    (chosen.out / "ledger.json").write_text(lines + "\n", encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 140).print(_table(rows))
    sys.stdout.write(f"{chosen.out / 'ledger.json'}; raw samples in {chosen.out / 'ledger_samples.json'}\n")
    return int(any(row.holds is False for row in rows))


def _say(repeat: int, repeats: int, line: str) -> None:
    sys.stderr.write(f"{repeat + 1}/{repeats}  {line}\n")
    sys.stderr.flush()


def _table(rows: list[Row]) -> Table:
    marks = {True: "[green]holds[/]", False: "[red]MISSED[/]", None: ""}
    drawn = Table(title="ledger on PostgreSQL", title_justify="left", box=None, header_style="bold dim")
    drawn.add_column("measure", overflow="fold")
    drawn.add_column("value", justify="right")
    for name in ("unit", "target", ""):
        drawn.add_column(name)
    for row in rows:
        drawn.add_row(row.measure, f"{row.value:,}", row.unit, row.target or "", marks[row.holds])
    return drawn


if __name__ == "__main__":
    sys.exit(main())
