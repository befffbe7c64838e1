"""Rewrites a log until it is killed or done: `python rewriting_process.py PATH NUMBER`."""

import sys
from pathlib import Path

from tidegate.features.events import sqlite_rewriter


def main() -> None:
    """Says so after each transaction; the tests kill it between two, or within one."""
    sqlite_rewriter.CHUNK = 20
    rewriter = sqlite_rewriter.SqliteEventRewriter(Path(sys.argv[1]), rest=lambda _: print("moved", flush=True))
    rewriter.run(int(sys.argv[2]))


main()
