"""Streams of events, and outages meanwhile: each event is recorded once, and what was not is told."""

import asyncio
import dataclasses
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import grpc
import pytest

from tests.client.sample_events import QUICK, comment, many
from tests.serving.recording_server import RecordingServer, clock, recording, serving_events
from tidegate.client import (
    AccountEvent,
    AsyncTidegateClient,
    ModerationError,
    RecordedEvents,
    RetryPolicy,
    TidegateClient,
)
from tidegate.client.events import MOST_EVENTS
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import EventLimits
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake

pytestmark = pytest.mark.integration

LEG = 2_000
"""Events of a stream in these tests, for speed."""


@pytest.fixture
def short_legs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("blocking_events", "aio_events"):
        monkeypatch.setattr(f"tidegate.client.{module}.LEG_EVENTS", LEG)


@pytest.mark.usefixtures("short_legs")
def test_a_stream_tells_of_each_leg_and_of_places_in_all_of_it(client: TidegateClient) -> None:
    unsendable, bad = comment("u", points=1.0), comment("bad", subject_id="")
    source = itertools.chain([unsendable], many(LEG), [bad, *many(3)])
    first, second = client.record_event_stream(source)
    assert (first.accepted, [each.index for each in first.refused]) == (LEG - 1, [0])
    assert (second.accepted, second.repeated, second.refused_by_reason) == (1, 3, {"INVALID": 1})
    assert [(each.index, each.event_id) for each in second.refused] == [(LEG + 1, "bad")]
    assert (first.count, second.count) == (LEG, 5)


@pytest.mark.usefixtures("short_legs")
def test_what_the_source_raises_is_raised_after_what_was_recorded(client: TidegateClient) -> None:
    def source() -> Iterator[AccountEvent]:
        yield from many(LEG)
        raise ZeroDivisionError

    outcomes = client.record_event_stream(source())
    assert next(outcomes).accepted == LEG
    with pytest.raises(ZeroDivisionError):
        next(outcomes)


@pytest.mark.usefixtures("short_legs")
async def test_the_client_for_asyncio_does_the_same(server: RecordingServer) -> None:
    async def trickle() -> AsyncIterator[AccountEvent]:
        for event in many(LEG + 1):
            yield event

    async with AsyncTidegateClient(server.address, retry=QUICK) as client:
        wrong = await client.record_events([comment("x"), comment("", points=1.0)])
        assert (wrong.accepted, [each.field for each in wrong.refused]) == (1, ["points"])
        assert [each.accepted async for each in client.record_event_stream(trickle())] == [LEG, 1]
        assert [each.repeated async for each in client.record_event_stream(many(3))] == [3]
        assert await client.record_events([comment("", points=1.0)]) == dataclasses.replace(
            wrong, accepted=0, refused=(dataclasses.replace(wrong.refused[0], index=0),)
        )


class FailingIntake:
    """Calls what the test says before each call, by its number from 1."""

    def __init__(self, before: Callable[[int], None]) -> None:
        self._before = before
        self.calls = 0
        self.ids: list[str] = []

    async def record(self, events: Sequence[AccountEvent], *, backfill: bool = False) -> Sequence[RecordedEvent]:
        self.calls += 1
        self._before(self.calls)
        known = set(self.ids)
        self.ids += [event.event_id for event in events if event.event_id not in known]
        return [RecordedEvent(Appended.REPEATED if event.event_id in known else Appended.NEW) for event in events]

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        return


def test_an_outage_is_waited_out_and_nothing_is_recorded_twice() -> None:
    def away(call: int) -> None:
        if call in (1, 4):  # the first call; and the second message of the stream
            raise EventLogUnavailableError

    intake = FailingIntake(away)
    with serving_events(intake) as address, TidegateClient(address, retry=QUICK) as client:
        assert client.record_events([comment("a")]).accepted == 1
        (outcome,) = client.record_event_stream(many(MOST_EVENTS + 1))
    assert (outcome.accepted, outcome.repeated) == (1, MOST_EVENTS)
    assert len(intake.ids) == len(set(intake.ids)) == MOST_EVENTS + 2


def test_an_outage_that_lasts_is_told() -> None:
    def away(_: int) -> None:
        raise EventLogUnavailableError

    intake = FailingIntake(away)
    with serving_events(intake) as address, TidegateClient(address, retry=QUICK) as client:
        with pytest.raises(ModerationError) as error:
            client.record_events([comment("a")])
        assert (error.value.code, error.value.reason) == (grpc.StatusCode.UNAVAILABLE, "EVENT_LOG_UNAVAILABLE")
        with pytest.raises(ModerationError):
            next(client.record_event_stream(many(1)))
    assert intake.calls == 2 * QUICK.attempts
    assert intake.ids == []


class HoldingIntake:
    """Records a number of calls, and is stuck from then on."""

    def __init__(self, log: SqliteEventLog, *, calls: int) -> None:
        self._intake = LocalSignalIntake(log, clock=clock, limits=EventLimits(), fresh=FreshlyTouched())
        self._left = calls
        self.stuck = threading.Event()

    async def record(
        self, events: Sequence[AccountEvent], *, backfill: bool = False
    ) -> Sequence[RecordedEvent | RefusedEvent]:
        if not self._left:
            self.stuck.set()
            await asyncio.Event().wait()
        self._left -= 1
        return await self._intake.record(events, backfill=backfill)

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        await self._intake.close()


def test_a_server_that_goes_away_in_the_middle_of_a_stream_has_each_event_once(tmp_path: Path) -> None:
    """The first server has recorded two messages of four when it is stopped, hard; the second has its log and port."""
    path, outcomes = tmp_path / "events.db", list[RecordedEvents]()
    patient = RetryPolicy(attempts=1_000, first_delay_ms=10.0, longest_delay_ms=50.0)
    log = SqliteEventLog(path)
    intake = HoldingIntake(log, calls=2)
    with serving_events(intake) as address:
        client = TidegateClient(address, retry=patient)
        events = many(3 * MOST_EVENTS + 5)
        thread = threading.Thread(target=lambda: outcomes.extend(client.record_event_stream(events)))
        thread.start()
        assert intake.stuck.wait(60)
    log.close()
    with recording(path, port=int(address.rpartition(":")[2])) as second:
        thread.join(60)
        client.close()
        ids = second.events("a")
    assert [(each.accepted, each.repeated) for each in outcomes] == [(MOST_EVENTS + 5, 2 * MOST_EVENTS)]
    assert len(ids) == len(set(ids)) == 3 * MOST_EVENTS + 5
