"""A program for tests: appends records to a ledger with several callers and prints each id once it is acknowledged.

Arguments: the ledger as a command line names it, callers, records each (0: until killed), key prefix ("" for none),
largest file in bytes (0: any).
With a key prefix, record n of every caller of every process has the key `prefix-n`. Prints `READY` after the first
record, `<caller's number> <decision id>` per acknowledged record, `UNAVAILABLE` per refusal.
"""

import asyncio
import contextlib
import os
import resource
import signal
import sys

from tests.ledger.sample_records import sample_record
from tests.ledger.stores import ledger_at
from tidegate.moderation.errors import LedgerUnavailable


def say(line: str) -> None:
    """One unbuffered write: what is printed has left the process."""
    os.write(1, f"{line}\n".encode())


async def append_all(named: str, *, callers: int, records: int, prefix: str, size_limit: int) -> None:
    ledger = ledger_at(named)
    await ledger.append(sample_record())
    say("READY")
    if size_limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes fail with EFBIG, as they do with ENOSPC on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_limit, resource.RLIM_INFINITY))

    async def call() -> None:
        number = refused = 0
        while not records or number < records:
            key = f"{prefix}-{number}" if prefix else ""
            try:
                kept = await ledger.append(sample_record(idempotency_key=key))
            except LedgerUnavailable:
                say("UNAVAILABLE")
                refused += 1
                if size_limit and refused == 20:  # the first time, what is in the log still finds room in the database
                    return
            else:
                refused = 0
                say(f"{number} {kept.decision_id}")
            number += 1

    await asyncio.gather(*(call() for _ in range(callers)))
    if size_limit:
        if await ledger.ready():  # a checkpoint may have made room, and the probe may have taken the last of it
            with contextlib.suppress(LedgerUnavailable):
                say(f"{records} {(await ledger.append(sample_record())).decision_id}")
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert await ledger.ready()
        say(f"again {(await ledger.append(sample_record())).decision_id}")
    await ledger.close()


if __name__ == "__main__":
    named, callers, records, prefix, size_limit = sys.argv[1:]
    numbers = {"callers": int(callers), "records": int(records), "size_limit": int(size_limit)}
    asyncio.run(append_all(named, prefix=prefix, **numbers))
