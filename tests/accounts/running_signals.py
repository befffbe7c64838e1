"""A program for tests: what the stack runs to keep signals, on real threads, until its standard input ends.

Arguments: state directory, account. It goes on recording events of other accounts, and sends the account's old events
again and again, as a caller with an outbox does. Prints `RUNNING`, then at the end as JSON how often each answer came.
"""

import asyncio
import json
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.accounts.deployment import Deployment, history
from tidegate.features.events.event import AccountEvent, EventKind
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import DEFAULT_LIMITS
from tidegate.features.feast_writer import FeastOnlineWriter
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream.intake import RecordedEvent
from tidegate.features.stream.turn import Turn
from tidegate.serving.signals.local_signals import LocalSignals


def utc_now() -> datetime:
    return datetime.now(UTC)


async def run(deployment: Deployment, account_id: str, stop: threading.Event) -> Counter[str]:
    places = deployment.places
    signals = LocalSignals(
        log=SqliteEventLog(places.events),
        writer=FeastOnlineWriter(places.features),
        risk=NoRiskModel(),
        limits=DEFAULT_LIMITS,
        ledger=places.ledger,
        turn=Turn(places.turn),
        clock=utc_now,
    )
    signals.start()
    old, answers, number = history(account_id), Counter[str](), 0
    while not stop.is_set():
        fresh = [
            AccountEvent(f"live-{number}-{each}", f"kept-{each:03d}", EventKind.COMMENT, utc_now(), subject_id="c")
            for each in range(20)
        ]
        for answer in await signals.record([*fresh, *old]):
            answers[answer.appended if isinstance(answer, RecordedEvent) else answer.reason] += 1
        if not number:
            print("RUNNING", flush=True)
        number += 1
        await asyncio.sleep(0.05)
    await signals.close()
    return answers


def main() -> None:
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps(asyncio.run(run(Deployment(Path(sys.argv[1])), sys.argv[2], stop))), flush=True)


if __name__ == "__main__":
    main()
