"""A program for tests: exports a ledger in small files, slowly enough to be killed half-way.

Arguments: the ledger as a command line names it, the folder, records of a file. Prints a line per file's chunk.
"""

import os
import sys
from pathlib import Path

from tests.ledger.stores import place_at
from tidegate.ledger import export

if __name__ == "__main__":
    named, out, rows_per_file = sys.argv[1:]
    export.CHUNK = 10

    def say(count: int) -> None:
        """One unbuffered write."""
        os.write(1, f"{count}\n".encode())

    with place_at(named).opened() as archive:
        export.export(archive, Path(out), rows_per_file=int(rows_per_file), progress=say)
