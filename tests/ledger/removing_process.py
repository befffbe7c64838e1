"""A program for tests: removes days from a ledger, slowly enough to be killed half-way.

Arguments: the ledger as a command line names it, days that are kept. Prints a line before each transaction and after
each day.
"""

import os
import sys
from collections.abc import Iterator

from tests.ledger.stores import place_at
from tidegate.ledger import sqlite_retention
from tidegate.ledger.retention import Rule, retain
from tidegate.ledger.retention_anchors import Anchor, Reason, batches


def say(line: str) -> None:
    """One unbuffered write."""
    os.write(1, f"{line}\n".encode())


def told_batches(anchors: tuple[Anchor, ...], *, limit: int) -> Iterator[list[tuple[Anchor, int, int]]]:
    """Small ones, each told before it goes."""
    del limit
    for batch in batches(anchors, limit=7):
        say("batch")
        yield batch


if __name__ == "__main__":
    named, keep_days = sys.argv[1:]
    setattr(sqlite_retention, "batches", told_batches)  # noqa: B010 - a program of its own
    place, rule = place_at(named), Rule(Reason(int(keep_days), "", "removing_process"), None)
    with place.opened() as archive, place.remover() as remover:
        say("begun")
        for day in retain(archive, remover, rule):
            say(f"{day.outcome} {day.day}")
