"""What removal of old events leaves of the log's file, and what it costs whoever records.

`python -m loadtests.features.retention`: days of decisions, nearly all ALLOW, are recorded as they come, and what is
old is removed after each day, as beside a writer. Two files get the same events: one that uses free pages again, which
is what Tidegate does, and one that also gives them back (`auto_vacuum = INCREMENTAL`). Sizes are per event held.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.retention.period import LEAST_DAYS, TRAINING_DAYS
from tidegate.features.retention.sqlite_remover import SqliteEventRemover

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNTS = 600
ALLOWED = 0.98
BATCH = 200
KEPT = TRAINING_DAYS + 1
"""Days that an ALLOW is kept."""


def day_of_events(number: int, count: int) -> Sequence[AccountEvent]:
    """Decisions over one day; the same for the same number."""
    generator = random.Random(number)  # noqa: S311 - data, not a secret
    spacing = timedelta(days=1) / count
    return [
        AccountEvent(
            f"decision:{generator.getrandbits(128):032x}",
            f"account-{generator.randrange(ACCOUNTS):08}",
            EventKind.DECISION,
            BEGIN + number * timedelta(days=1) + each * spacing,
            subject_id=f"{generator.getrandbits(128):032x}",
            content_digest=f"{generator.getrandbits(256):064x}",
            action="ALLOW" if generator.random() < ALLOWED else "BLOCK",
        )
        for each in range(count)
    ]


class Trial:
    """One file that events come into and go from."""

    def __init__(self, path: Path, *, gives_back: bool) -> None:
        if gives_back:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("VACUUM")
        self._path = path
        self._gives_back = gives_back
        self._now = BEGIN
        self._waiting = deque[AccountEvent]()
        self._log = SqliteEventLog(path)
        self._log.held([])
        self._remover = SqliteEventRemover(path, clock=lambda: self._now, rest=self._record_beside)
        self.quiet_s: list[float] = []
        self.beside_s: list[float] = []
        self.removed = 0
        self.spent_s = 0.0

    def day(self, number: int, events: Sequence[AccountEvent]) -> None:
        """What is old goes while the first of the day's events come; then the others come."""
        self._now = BEGIN + (number + 1) * timedelta(days=1)
        self._waiting.extend(events)
        began_s, recording_s = time.perf_counter(), sum(self.beside_s)
        while True:
            step = self._remover.step(LEAST_DAYS)
            self.removed += step.events
            if step.finished:
                break
        if self._gives_back:
            with closing(sqlite3.connect(self._path)) as connection:
                connection.execute("PRAGMA incremental_vacuum").fetchall()
        self.spent_s += time.perf_counter() - began_s - (sum(self.beside_s) - recording_s)
        while self._waiting:
            self.quiet_s.append(self._record())

    def size(self) -> str:
        """Of the file, in words."""
        with closing(sqlite3.connect(self._path)) as connection:
            (held,) = connection.execute("SELECT count(*) FROM events").fetchone()
        state = self._remover.state()
        used = state.size_bytes - state.reusable_bytes
        each = f"{state.size_bytes / held:4.0f} bytes each ({used / held:4.0f} in use)"
        return f"{held:8,} events, {state.size_bytes / 1e6:6.1f} MB, {each}"

    def close(self) -> None:
        """Closes it."""
        self._remover.close()
        self._log.close()

    def _record_beside(self, spent_s: float) -> None:
        del spent_s
        if self._waiting:
            self.beside_s.append(self._record())

    def _record(self) -> float:
        batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
        began_s = time.perf_counter()
        self._log.append(batch, recorded_at=self._now)
        return time.perf_counter() - began_s


def main() -> None:
    """Prints what becomes of both."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.features.retention", description=__doc__)
    parser.add_argument("--events-a-day", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=3 * KEPT)
    asked = parser.parse_args()
    for name, gives_back in (("uses free pages again", False), ("gives free pages back", True)):
        with tempfile.TemporaryDirectory() as folder:
            for line in measured(Trial(Path(folder) / "events.db", gives_back=gives_back), asked):
                print(f"{name:24} {line}", flush=True)  # noqa: T201 - a program


def measured(trial: Trial, asked: argparse.Namespace) -> Iterator[str]:
    """Lines of one file."""
    for number in range(asked.days):
        trial.day(number, day_of_events(number, asked.events_a_day))
        if number in {KEPT - 1, 2 * KEPT, asked.days - 1}:
            yield f"day {number + 1:3}: {trial.size()}"
    for what, times_s in (("alone", trial.quiet_s), ("beside removal", trial.beside_s)):
        yield f"appends of {BATCH} {what}: p50 {_part(times_s, 0.5)}, p99 {_part(times_s, 0.99)} (n = {len(times_s)})"
    yield f"removed {trial.removed:,} in {trial.spent_s:.1f} s: {trial.removed / trial.spent_s:,.0f}/s"
    trial.close()


def _part(times_s: list[float], share: float) -> str:
    return f"{sorted(times_s)[min(len(times_s) - 1, int(share * len(times_s)))] * 1e3:.1f} ms" if times_s else "-"


if __name__ == "__main__":
    main()
