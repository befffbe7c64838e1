"""Events through the client, over real gRPC into a real event log: each is durable once, or told why not."""

import asyncio
import dataclasses
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta, timezone
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.serving.event_messages import DIGEST, NOW
from tests.serving.recording_server import RecordingServer, clock, recording, serving_events
from tidegate.client import (
    AccountEvent,
    AsyncTidegateClient,
    EventKind,
    ModerationError,
    ProfileFacts,
    RecordedEvents,
    RetryPolicy,
    TidegateClient,
)
from tidegate.client.event_batches import EventBatch
from tidegate.client.event_messages import field_of
from tidegate.client.events import MOST_EVENTS
from tidegate.features.events.event import EventField
from tidegate.features.events.log import Appended, EventLogUnavailableError
from tidegate.features.events.sqlite_log import SqliteEventLog
from tidegate.features.events.validation import EventLimits
from tidegate.features.stream.freshly_touched import FreshlyTouched
from tidegate.features.stream.intake import RecordedEvent, RefusedEvent
from tidegate.features.stream.local_intake import LocalSignalIntake
from tidegate.serving.signals.event_requests import event_of

pytestmark = pytest.mark.integration

LEG = 2_000
"""Events of a stream in these tests, for speed."""
QUICK = RetryPolicy(attempts=4, first_delay_ms=1.0, longest_delay_ms=2.0)


def comment(event_id: str, **changes: Any) -> AccountEvent:
    return dataclasses.replace(AccountEvent(event_id, "a", EventKind.COMMENT, NOW, subject_id="c"), **changes)


def many(count: int, *, prefix: str = "e") -> Iterator[AccountEvent]:
    return (comment(f"{prefix}{at:06d}") for at in range(count))


EACH_KIND = (
    AccountEvent("1", "a", EventKind.UPLOAD, NOW, subject_id="u", content_digest=DIGEST),
    AccountEvent("2", "a", EventKind.COMMENT, NOW, subject_id="c"),
    AccountEvent("3", "a", EventKind.REPORT_RECEIVED, NOW, counterpart_id="b", subject_id="c"),
    AccountEvent(
        "4", "a", EventKind.STRIKE_ISSUED, NOW, subject_id="s", points=0.5, expires_at=NOW + timedelta(microseconds=1)
    ),
    AccountEvent("5", "a", EventKind.STRIKE_EXPIRED, NOW, subject_id="s"),
    AccountEvent("6", "a", EventKind.STRIKE_REVERSED, NOW, subject_id="s"),
    AccountEvent("7", "a", EventKind.APPEAL_OPENED, NOW, subject_id="p"),
    AccountEvent("8", "a", EventKind.APPEAL_UPHELD, NOW, subject_id="p"),
    AccountEvent("9", "a", EventKind.APPEAL_DENIED, NOW, subject_id="p"),
    AccountEvent("10", "a", EventKind.FOLLOW, NOW, counterpart_id="b"),
    AccountEvent("11", "a", EventKind.BLOCK, NOW, counterpart_id="b"),
    AccountEvent("12", "a", EventKind.VERIFICATION, NOW, verified=False),
    AccountEvent("13", "a", EventKind.PLAY, NOW, count=1),
    AccountEvent(
        "14",
        "a",
        EventKind.PROFILE,
        NOW,
        profile=ProfileFacts(registered_at=NOW - timedelta(days=3), followers=0, verified=False, plan="free"),
    ),
    AccountEvent("15", "a", EventKind.REVIEW_OUTCOME, NOW, subject_id="d", action="ALLOW"),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RecordingServer]:
    with recording(tmp_path / "events.db") as server:
        yield server


@pytest.fixture
def client(server: RecordingServer) -> Iterator[TidegateClient]:
    with TidegateClient(server.address, retry=QUICK) as client:
        yield client


def test_every_kind_travels_there_unchanged() -> None:
    assert {event.kind for event in EACH_KIND} == set(EventKind) - {EventKind.DECISION}
    sent = EventBatch(EACH_KIND, first=0, backfill=False).request()
    assert tuple(map(event_of, sent.events)) == EACH_KIND


def test_every_kind_is_recorded_once(client: TidegateClient, server: RecordingServer) -> None:
    assert client.record_events(EACH_KIND) == RecordedEvents(accepted=len(EACH_KIND))
    assert client.record_events(EACH_KIND) == RecordedEvents(repeated=len(EACH_KIND))
    assert server.events("a") == sorted(event.event_id for event in EACH_KIND)


WRONG: dict[str, tuple[AccountEvent, str, str]] = {
    "no id": (comment(""), "INVALID", "event_id"),
    "an id over its limit": (comment("x" * 161), "INVALID", "event_id"),
    "an account id over its limit": (comment("x", account_id="a" * 129), "INVALID", "account_id"),
    "a control character": (comment("x", account_id="a\n"), "INVALID", "account_id"),
    "no subject": (comment("x", subject_id=""), "INVALID", "subject_id"),
    "six hours ahead": (comment("x", occurred_at=NOW + timedelta(hours=6)), "IN_FUTURE", "occurred_at"),
    "eight days late": (comment("x", occurred_at=NOW - timedelta(days=8)), "TOO_LATE", "occurred_at"),
    "used with other content": (comment("first", subject_id="other"), "CONFLICT", "event_id"),
    "not a number": (
        comment("x", kind=EventKind.STRIKE_ISSUED, subject_id="s", points=float("nan")),
        "INVALID",
        "points",
    ),
    "a negative number": (comment("x", kind=EventKind.STRIKE_ISSUED, subject_id="s", points=-1.0), "INVALID", "points"),
    "a negative count": (comment("x", kind=EventKind.PLAY, count=-5), "INVALID", "count"),
    "no digest": (comment("x", content_digest="AB" * 32), "INVALID", "content_digest"),
    "a strike that ends before it begins": (
        comment("x", kind=EventKind.STRIKE_ISSUED, points=1.0, expires_at=NOW),
        "INVALID",
        "expires_at",
    ),
    "a profile out of range": (
        AccountEvent("x", "a", EventKind.PROFILE, NOW, profile=ProfileFacts(followers=-1)),
        "INVALID",
        "profile.followers",
    ),
    "a profile from the future": (
        AccountEvent("x", "a", EventKind.PROFILE, NOW, profile=ProfileFacts(registered_at=NOW + timedelta(days=1))),
        "INVALID",
        "profile.registered_at",
    ),
    # What a message can't hold is refused by the client itself, in the same form.
    "our own decision": (comment("x", kind=EventKind.DECISION, action="BLOCK"), "INVALID", "kind"),
    "an unknown kind": (comment("x", kind="LIKE"), "INVALID", "kind"),
    "a field of another kind": (comment("x", points=1.0), "INVALID", "points"),
    "a time without a zone": (comment("x", occurred_at=NOW.replace(tzinfo=None)), "INVALID", "occurred_at"),
    "half a character": (comment("x", subject_id="\ud800"), "INVALID", "subject_id"),
    "a count beyond 64 bits": (comment("x", kind=EventKind.PLAY, count=2**70), "INVALID", "count"),
    "text as a number": (comment("x", kind=EventKind.STRIKE_ISSUED, points="many"), "INVALID", "points"),
    "text as a time": (comment("x", occurred_at="yesterday"), "INVALID", "occurred_at"),
    "an unknown action": (comment("x", kind=EventKind.REVIEW_OUTCOME, action="BAN"), "INVALID", "action"),
    "no profile": (comment("x", kind=EventKind.PROFILE, subject_id=""), "INVALID", "profile"),
    "a novel for an id": (comment("x", subject_id="c" * 100_000), "INVALID", "subject_id"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_event_that_is_wrong_is_refused_alone_with_reason_and_field(
    client: TidegateClient, server: RecordingServer, name: str
) -> None:
    wrong, reason, field = WRONG[name]
    client.record_events([comment("first")])
    outcome = client.record_events([comment("before"), wrong, comment("after")])
    (refused,) = outcome.refused
    assert (refused.index, refused.event_id, refused.reason, refused.field) == (1, wrong.event_id[:160], reason, field)
    assert refused.message
    assert (outcome.accepted, outcome.count, outcome.refused_by_reason) == (2, 3, {reason: 1})
    assert server.events("a") == ["after", "before", "first"]


def test_a_backfill_may_be_late_but_not_from_before_the_windows(client: TidegateClient) -> None:
    late, ancient = comment("late", occurred_at=NOW - timedelta(days=900)), NOW - timedelta(days=1_200)
    outcome = client.record_events([late, comment("ancient", occurred_at=ancient)], backfill=True)
    assert outcome.accepted == 1
    assert [(each.event_id, each.reason) for each in outcome.refused] == [("ancient", "TOO_LATE")]


def test_times_of_any_zone_are_the_same_instant(client: TidegateClient) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=-8)))
    assert client.record_events([comment("e")]).accepted == 1
    assert client.record_events([comment("e", occurred_at=elsewhere)]).repeated == 1


def test_more_than_a_message_holds_is_several_calls(client: TidegateClient, server: RecordingServer) -> None:
    wrong = [comment("", subject_id="c")]
    outcome = client.record_events(itertools.chain(many(MOST_EVENTS + 5), wrong))
    assert (outcome.accepted, [each.index for each in outcome.refused]) == (MOST_EVENTS + 5, [MOST_EVENTS + 5])
    assert len(server.events("a")) == MOST_EVENTS + 5
    assert client.record_events([]) == RecordedEvents()


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


def test_fields_have_the_names_that_the_caller_knows() -> None:
    paths = {"occur_time": "occurred_at", "what": "kind", "strike_issued.expire_time": "expires_at", "": ""}
    paths |= {"profile.register_time": "profile.registered_at", "profile.plan": "profile.plan", "profile": "profile"}
    paths |= {f"upload.{field}": field.value for field in (EventField.SUBJECT_ID, EventField.CONTENT_DIGEST)}
    assert {path: field_of(path) for path in paths} == paths
