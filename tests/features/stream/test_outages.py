"""The whole way on real servers: events in over the intake, signals out as the router reads them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.enrichment.conftest import RedisServer
from tests.features.stream.account_events import comment
from tests.features.stream.online_stores import Store
from tidegate.features.events.log import Appended
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import DEFAULT_LIMITS
from tidegate.features.refs import ACCOUNT_ACTIVITY
from tidegate.features.risk import NoRiskModel
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.features.stream.processor import SignalProcessor
from tidegate.features.stream.processor_loop import ProcessorLoop

_APPEND_AND_HANG = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from tests.features.stream.account_events import comment
from tidegate.features.events.sqlite_log import SqliteEventLog
now = datetime.now(UTC)
SqliteEventLog(Path(sys.argv[1])).append([comment(str(n), "a", now) for n in range(5)], recorded_at=now)
print("acknowledged", flush=True)
time.sleep(60)
"""


def utc_now() -> datetime:
    return datetime.now(tz=UTC)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.02)


class Running:
    """Intake and processor on one log and one store."""

    def __init__(self, events: Path, store: Store) -> None:
        fresh = FreshlyTouched()
        self.log = SqliteEventLog(events)
        self.store = store
        self.intake = LocalSignalIntake(self.log, clock=utc_now, limits=DEFAULT_LIMITS, fresh=fresh)
        processor = SignalProcessor(self.log, store.writer, NoRiskModel(), clock=utc_now, fresh=fresh)
        self._loop = ProcessorLoop(processor.apply_due, fresh)
        self._loop.start()

    def record(self, event_id: str, account_id: str) -> None:
        event = comment(event_id, account_id, utc_now())
        assert asyncio.run(self.intake.record([event])) == [RecordedEvent(Appended.NEW)]

    def posts(self, account_id: str) -> object:
        return (self.store.values(ACCOUNT_ACTIVITY, account_id) or {}).get("posts_1h")

    def close(self) -> None:
        asyncio.run(self.intake.close())
        self._loop.close()
        self.log.close()


def test_an_event_becomes_visible_by_itself(store: Store, tmp_path: Path) -> None:
    running = Running(tmp_path / "events.db", store)
    running.record("1", "a")
    eventually(lambda: running.posts("a") == 1)
    running.record("2", "a")
    eventually(lambda: running.posts("a") == 2)
    running.close()


@pytest.mark.integration
def test_events_are_taken_while_redis_is_gone_and_caught_up_when_it_is_back(
    redis_state: Path, redis_server: RedisServer, tmp_path: Path
) -> None:
    """Redis keeps nothing over a restart here, so only what is written afterwards can be seen."""
    store = Store(redis_state)
    running = Running(tmp_path / "events.db", store)
    running.record("1", "a")
    eventually(lambda: running.posts("a") == 1)
    redis_server.kill()
    for number in range(2, 7):
        running.record(str(number), "a")
    with pytest.raises(RedisConnectionError):
        store.reader.read(["a"])
    redis_server.start()
    eventually(lambda: running.posts("a") == 6)
    running.close()
    store.close()


def test_what_was_acknowledged_is_applied_after_a_kill(sqlite_state: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.db"
    paths = os.pathsep.join(["services", "features", "models", "protos/gen", "."])
    environment = {**os.environ, "PYTHONPATH": paths}
    command = [sys.executable, "-c", _APPEND_AND_HANG, str(events)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "acknowledged\n"
        process.send_signal(signal.SIGKILL)
    store = Store(sqlite_state)
    running = Running(events, store)
    eventually(lambda: running.posts("a") == 5)
    running.close()
    store.close()
