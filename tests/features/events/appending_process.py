"""Records events one by one: `python appending_process.py PATH COUNT`."""

import sys
from pathlib import Path

from tests.features.events.sample_events import NOW, upload
from tidegate.features.events.log import Appended
from tidegate.features.events.sqlite_log import SqliteEventLog


def main() -> None:
    """Says so after the first; fails unless each is new."""
    log = SqliteEventLog(Path(sys.argv[1]), timeout_s=60.0)
    for number in range(int(sys.argv[2])):
        event = upload(f"beside-{number}", f"acct-{number % 50:02}")
        assert log.append([event], recorded_at=NOW) == [Appended.NEW]
        assert log.append([event], recorded_at=NOW) == [Appended.REPEATED]
        print("recorded", flush=True)
    log.close()


main()
