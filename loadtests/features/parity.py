"""Whether account signals are the same in stream, batch and definition, over generated histories.

    python -m loadtests.features.parity [--histories 10000] [--seed 20260101] [--out build/bench]

Each history (an account's events, late, tied, on window borders) is lived through as the stream does it: event after
event arrives at a real `SqliteEventLog`, in disorder and some of them twice, and after each arrival, and whenever the
signals say that they change by themselves, they are computed from what the log holds. Then the same questions are asked
the way batches and training sets do it: all events at once, as of those instants. Rows must be equal to the last bit,
and equal to the oracle of the tests, which shares no code with the transforms.

Writes its row and the mismatches (`results.keep`); exits with 1 if there is one.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from loadtests.features.results import OUT, keep
from tests.features.transforms.agreement import differing
from tests.features.transforms.histories import Question, Recorded, asked_columns, drawn_history, event_columns
from tests.features.transforms.oracle import oracle_signals
from tidegate.features.events.log import EventLog
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.transforms.account_signals import COMPUTED_VIEWS, account_signals, next_due
from tidegate.models.evaluation.bench_row import at_most

SEED = 20_260_101
TARGET = 0
AT_ONCE = 100
"""Histories that are lived through together: the stream computes their signals in one call."""
REPEATED_SHARE = 0.15
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Arrival:
    """What reaches the log at one instant."""

    at: datetime
    events: list[Recorded]


@dataclass(frozen=True, slots=True)
class Life:
    """One account's history, by arrival."""

    account_id: str
    arrivals: list[Arrival]


def life(random: Random, account_id: str) -> Life:
    """A history as it arrives: late, disordered, and some of it again later."""
    history = sorted(drawn_history(random, account_id), key=_recorded_at)
    arrivals = [Arrival(at, list(together)) for at, together in groupby(history, key=_recorded_at)]
    for place, arrival in enumerate(arrivals):
        for each in list(arrival.events):
            if random.random() < REPEATED_SHARE:
                again = random.choice(arrivals[place:])
                again.events.append(Recorded(each.event, again.at))
        random.shuffle(arrival.events)
    return Life(account_id, arrivals)


def _recorded_at(recorded: Recorded) -> datetime:
    return recorded.recorded_at


def streamed(log: EventLog, lives: Sequence[Life]) -> Iterator[tuple[list[Question], dict[str, pa.Table]]]:
    """Lives through the histories, arrival by arrival: what is computed after each, and again when it is due."""
    for step in range(max((len(each.arrivals) for each in lives), default=0)):
        now: dict[str, datetime] = {}
        before: dict[str, datetime] = {}
        for each in lives:
            if step < len(each.arrivals):
                arrival = each.arrivals[step]
                log.append([recorded.event for recorded in arrival.events], recorded_at=arrival.at)
                now[each.account_id] = arrival.at
            if step + 1 < len(each.arrivals):
                before[each.account_id] = each.arrivals[step + 1].at
        for _ in range(2):  # as it arrives, and once when the row changes by itself
            questions = [Question(account_id, at, at) for account_id, at in now.items()]
            events = log.history(list(now))
            signals = dict(account_signals(events, asked_columns(questions).drop_columns(["known_at_us"])))
            yield questions, signals
            due = next_due(signals, events)
            now = {name: at for name, at in due.items() if name not in before or at < before[name]}


def mismatches(log: EventLog, random: Random, lives: Sequence[Life]) -> tuple[int, dict[str, list[str]]]:
    """Lives through these histories, then asks the same of the batch and of the oracle.

    Returns:
        How many rows were compared, and what differs by account.
    """
    asked: list[Question] = []
    parts: list[dict[str, pa.Table]] = []
    for questions, signals in streamed(log, lives):
        asked += questions
        parts.append(signals)
    arrived = [each for one in lives for arrival in one.arrivals for each in arrival.events]
    random.shuffle(arrived)
    batch = account_signals(event_columns(arrived), asked_columns(asked)) if asked else {}
    found: dict[str, list[str]] = {}
    rows: list[dict[str, Any]] = [{} for _ in asked]
    for view in COMPUTED_VIEWS if asked else ():
        stream = pa.concat_tables([part[view.name] for part in parts])
        alone = stream.num_rows == batch[view.name].num_rows == len(asked)
        for place, question in enumerate(asked):
            one, other = stream.slice(place, 1), batch[view.name].slice(place, 1)
            if not alone or not one.equals(other):
                found.setdefault(question.account_id, []).append(f"{question} {view.name}: stream and batch differ")
            rows[place][view.name] = one.to_pylist()[0] if alone else {}
    by_account = {one.account_id: [each for arrival in one.arrivals for each in arrival.events] for one in lives}
    for question, row in zip(asked, rows, strict=True):
        values = {view: _values(told) for view, told in row.items()}
        expected = oracle_signals(by_account[question.account_id], question.account_id, question.at, question.known_at)
        for words in differing(question, values, expected):
            found.setdefault(question.account_id, []).append(words)
    return len(asked), found


def _values(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"account_id", "event_timestamp"}}


def compared(histories: int, seed: int, folder: Path) -> tuple[int, dict[str, list[str]]]:
    """All histories, some at a time; progress to stderr."""
    random = Random(seed)  # noqa: S311 - drawn again from the seed, guards nothing
    rows, found = 0, dict[str, list[str]]()
    for start in range(0, histories, AT_ONCE):
        lives = [life(random, f"a{number}") for number in range(start, min(start + AT_ONCE, histories))]
        log = SqliteEventLog(folder / f"events-{start}.db")
        more, differences = mismatches(log, random, lives)
        log.close()
        rows += more
        found.update(differences)
        done = start + len(lives)
        sys.stderr.write(f"\r{done:>7,} of {histories:,} histories, {rows:,} instants, {len(found)} mismatched")
        sys.stderr.flush()
    sys.stderr.write("\n")
    return rows, found


def main() -> int:
    """Compares, prints, writes; the number to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.features.parity",
        description="Whether stream, batch and definition give equal account signals.",
    )
    parser.add_argument("--histories", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=OUT, help="folder for results")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, found = compared(chosen.histories, chosen.seed, Path(folder))
    measure = f"parity failures over {chosen.histories:,} generated histories ({rows:,} instants, three views each)"
    failures = len(found)
    for words in [words for account in found.values() for words in account][:_SHOWN]:
        sys.stdout.write(f"{words}\n")
    raw = {"histories": chosen.histories, "seed": chosen.seed, "instants": rows, "mismatches": found}
    return keep(chosen.out, "parity", [at_most(measure, failures, TARGET, "histories")], raw)


if __name__ == "__main__":
    sys.exit(main())
