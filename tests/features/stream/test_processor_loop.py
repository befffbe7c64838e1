import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tidegate.features.events.log import EventLogUnavailableError
from tidegate.features.online_writer import OnlineStoreUnavailableError
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.processor import Applied
from tidegate.features.stream.processor_loop import ProcessorLoop
from tidegate.features.stream.turn import Turn

DONE, SOMETHING = Applied(0, 0, more=False), Applied(1, 0, more=False)
HOUR_S = 3_600.0


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.01)


class Rounds:
    """Rounds as scripted; after the script nothing is due."""

    def __init__(self, *script: Applied | Exception) -> None:
        self.script = list(script)
        self.run = 0
        self.turned = threading.Semaphore(0)

    def __call__(self) -> Applied:
        self.run += 1
        self.turned.release()
        step = self.script.pop(0) if self.script else DONE
        if isinstance(step, Exception):
            raise step
        return step


class Start(Protocol):
    def __call__(self, rounds: Rounds, fresh: FreshlyTouched, *, beat_s: float = 0.02) -> ProcessorLoop: ...


@pytest.fixture
def started() -> Iterator[Start]:
    loops: list[ProcessorLoop] = []

    def start(rounds: Rounds, fresh: FreshlyTouched, *, beat_s: float = 0.02) -> ProcessorLoop:
        loops.append(ProcessorLoop(rounds, fresh, beat_s=beat_s, jitter=lambda: 0.0))
        loops[-1].start()
        return loops[-1]

    yield start
    for loop in loops:
        loop.close()


def test_it_looks_for_due_accounts_by_itself(started: Start) -> None:
    rounds = Rounds()
    started(rounds, FreshlyTouched())
    eventually(lambda: rounds.run >= 3)


def test_what_happens_within_a_beat_is_one_round(started: Start) -> None:
    fresh = FreshlyTouched()
    rounds = Rounds(SOMETHING)
    started(rounds, fresh, beat_s=HOUR_S)
    eventually(lambda: rounds.run == 1)
    for number in range(100):
        fresh.add([f"a{number}"])
        time.sleep(0.001)
    assert rounds.run == 1


def test_after_a_quiet_beat_an_event_is_taken_up_at_once(started: Start) -> None:
    fresh = FreshlyTouched()
    rounds = Rounds()
    started(rounds, fresh, beat_s=HOUR_S)
    eventually(lambda: rounds.run == 1)
    fresh.add(["a"])
    eventually(lambda: rounds.run == 2)


def test_events_that_can_not_be_dealt_with_yet_do_not_make_it_spin(started: Start) -> None:
    """Those of a paced account, or of a process whose turn it is not: rounds find nothing to do."""
    fresh = FreshlyTouched()
    rounds = Rounds()
    started(rounds, fresh, beat_s=HOUR_S)
    for number in range(100):
        fresh.add([f"a{number}"])
        time.sleep(0.001)
    assert rounds.run <= 2


def test_what_is_left_over_does_not_wait_for_the_beat(started: Start) -> None:
    rounds = Rounds(*[Applied(5, 0, more=True)] * 3, SOMETHING)
    started(rounds, FreshlyTouched(), beat_s=HOUR_S)
    eventually(lambda: rounds.run == 4)


def test_an_outage_is_logged_when_it_begins_and_when_it_ends(started: Start, caplog: pytest.LogCaptureFixture) -> None:
    gone = OnlineStoreUnavailableError("ConnectionError")
    rounds = Rounds(gone, gone, gone, EventLogUnavailableError("locked"), DONE)
    started(rounds, FreshlyTouched())
    eventually(lambda: rounds.run > 5)
    assert [record.message for record in caplog.records] == [
        "signals.not_updated",
        "signals.not_updated",
        "signals.caught_up_again",
    ]


def test_a_round_that_breaks_does_not_end_the_thread(started: Start) -> None:
    rounds = Rounds(ValueError("a bug"))
    started(rounds, FreshlyTouched())
    eventually(lambda: rounds.run > 2)


def test_events_do_not_wake_it_during_a_pause(started: Start) -> None:
    """Or every event would try a store that is gone."""
    fresh = FreshlyTouched()
    rounds = Rounds(*[OnlineStoreUnavailableError("gone")] * 1_000)
    started(rounds, fresh)
    eventually(lambda: rounds.run >= 3)
    before = rounds.run
    for number in range(1_000):
        fresh.add([f"a{number}"])
    assert rounds.run - before <= 2


def test_closing_ends_it(started: Start) -> None:
    rounds = Rounds()
    loop = started(rounds, FreshlyTouched())
    loop.close()
    run = rounds.run
    assert not any(thread.name == "signal-processor" and thread.is_alive() for thread in threading.enumerate())
    assert rounds.run == run


def test_touched_accounts_are_taken_in_order_and_once() -> None:
    fresh = FreshlyTouched()
    fresh.add(["b", "a"])
    fresh.add(["a", "c"])
    assert fresh.take(2) == ["b", "a"]
    fresh.put_back(["b"])
    assert fresh.take(5) == ["b", "c"]
    assert fresh.take(5) == []


def test_one_has_the_turn_until_it_gives_it_up(tmp_path: Path) -> None:
    now = [0.0]
    one, other = (Turn(tmp_path / "turn", monotonic=lambda: now[0]) for _ in range(2))
    assert one.held()
    assert not other.held()
    one.give_up()
    assert not one.held()
    now[0] += 1
    assert other.held()
    other.give_up()
