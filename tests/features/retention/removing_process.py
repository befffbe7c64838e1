"""Removes old events from a log, step after step, until it is killed or done: `python removing_process.py PATH NOW`."""

import sys
from datetime import datetime
from pathlib import Path

from tidegate.features.retention.period import LEAST_DAYS
from tidegate.features.retention.sqlite_remover import SqliteEventRemover


def main() -> None:
    """Says so after each transaction; the tests kill it between two, or within one."""
    now = datetime.fromisoformat(sys.argv[2])
    remover = SqliteEventRemover(Path(sys.argv[1]), clock=lambda: now, rest=lambda _: print("removed", flush=True))
    while not remover.step(LEAST_DAYS).finished:
        pass


main()
