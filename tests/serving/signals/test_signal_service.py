"""SignalService over a real gRPC server: every kind arrives whole, one call at a time and in streams."""

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.serving.event_messages import NOW, ListedIntake, comment, one_of_each_kind, stamp
from tests.serving.in_process import serving
from tests.serving.signals.signal_calls import error_of, request, streamed, told
from tests.telemetry.kept_spans import KeptSpans
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceStub
from tidegate.features.events.event import FIELDS, EventKind, ProfileFacts
from tidegate.features.stream.intake import Refusal
from tidegate.serving.router import RouterMethods
from tidegate.serving.serve_config import SERVICER_FUNCTIONS
from tidegate.serving.signals.event_answers import MOST_TOLD_OF_STREAM, REASONS
from tidegate.serving.signals.event_requests import KINDS, MAX_EVENTS
from tidegate.serving.wire import SIGNAL_SERVICE, add_signal_service
from tidegate.telemetry.names import Attribute, SpanName

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

pytestmark = pytest.mark.integration


def test_the_router_answers_for_the_service() -> None:
    """By inheritance, as Serve finds methods by name; and Serve is told to register it."""
    methods = [method.name for method in pb.DESCRIPTOR.services_by_name["SignalService"].methods]
    assert [name for name in methods if not callable(getattr(RouterMethods, name, None))] == []
    assert f"{add_signal_service.__module__}.{add_signal_service.__name__}" in SERVICER_FUNCTIONS


async def test_the_whole_router_takes_events_and_its_health_knows_the_service(intake: ListedIntake) -> None:
    async with serving(signals=intake) as served:
        stub = SignalServiceStub(served.channel)
        health: Any = HealthStub(served.channel)  # the stubs leave methods out
        assert (await stub.RecordEvents(request(comment("a")))).accepted_count == 1
        assert (await stub.RecordEventStream(iter(streamed([comment("a")])))).repeated_count == 1
        answer = await health.Check(health_pb2.HealthCheckRequest(service=SIGNAL_SERVICE))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_where_no_log_is_in_use_nothing_is_taken_for_recorded() -> None:
    async with serving() as served:
        error = await error_of(SignalServiceStub(served.channel).RecordEvents(request(comment("a"))))
        assert told(error)[:2] == (grpc.StatusCode.UNAVAILABLE, "EVENT_LOG_UNAVAILABLE")


def test_every_kind_but_our_own_decisions_can_be_sent() -> None:
    assert set(KINDS.values()) == set(EventKind) - {EventKind.DECISION}
    assert set(REASONS) == set(Refusal)
    assert set(REASONS.values()) == set(pb.EventRefusalReason.values()) - {0}


def test_each_kinds_message_has_the_fields_of_its_kind() -> None:
    domain = {"expire_time": "expires_at", "register_time": "registered_at"}
    for field in pb.AccountEvent.DESCRIPTOR.oneofs[0].fields:
        assert field.message_type is not None
        names = {domain.get(each.name, each.name) for each in field.message_type.fields}
        kind = FIELDS[EventKind[field.name.upper()]]
        profile = field.name == "profile"
        assert names == (set(ProfileFacts.__dataclass_fields__) if profile else kind.required | kind.optional)


async def test_every_kind_arrives_with_all_its_fields(stub: "SignalServiceAsyncStub", intake: ListedIntake) -> None:
    events = one_of_each_kind()
    assert {event.WhichOneof("what") for event in events} == set(KINDS)
    answer = await stub.RecordEvents(request(*events))
    assert (answer.accepted_count, answer.repeated_count, len(answer.refused)) == (len(events), 0, 0)
    assert [event.kind for event in intake.events.values()] == list(KINDS.values())
    assert {event.occurred_at for event in intake.events.values()} == {NOW}
    strike = intake.events["e-strike_issued"]
    assert (strike.subject_id, strike.points, strike.expires_at) == ("s-1", 1.5, datetime(2026, 5, 30, 12, tzinfo=UTC))
    assert intake.events["e-report_received"].counterpart_id == "account-2"
    assert intake.events["e-verification"].verified is False
    assert intake.events["e-play"].count == 7
    assert intake.events["e-review_outcome"].action == "BLOCK"
    profile = intake.events["e-profile"].profile
    assert profile is not None
    assert None not in {getattr(profile, name) for name in ProfileFacts.__dataclass_fields__}
    assert (profile.followers, profile.email_confirmed, profile.plan) == (0, False, "premium")


async def test_what_a_profile_does_not_say_stays_unknown(stub: "SignalServiceAsyncStub", intake: ListedIntake) -> None:
    event = pb.AccountEvent(event_id="p", account_id="a", occur_time=stamp(NOW), profile=pb.ProfileEvent(followers=0))
    await stub.RecordEvents(request(event))
    assert intake.events["p"].profile == ProfileFacts(followers=0)


async def test_times_are_kept_to_the_microsecond(stub: "SignalServiceAsyncStub", intake: ListedIntake) -> None:
    event = comment("e")
    event.occur_time.nanos = 123_456_789
    await stub.RecordEvents(request(event))
    assert intake.events["e"].occurred_at == NOW.replace(microsecond=123_456)


async def test_repeats_are_told_from_new_events_and_from_conflicts(stub: "SignalServiceAsyncStub") -> None:
    await stub.RecordEvents(request(comment("a")))
    answer = await stub.RecordEvents(request(comment("b"), comment("a"), comment("b"), comment("a", subject="other")))
    assert (answer.accepted_count, answer.repeated_count) == (1, 2)
    (refused,) = answer.refused
    assert (refused.index, refused.event_id, refused.reason) == (3, "a", pb.EVENT_REFUSAL_REASON_CONFLICT)
    assert (refused.field, bool(refused.message)) == ("event_id", True)


async def test_a_full_message_is_taken_in_one_call(stub: "SignalServiceAsyncStub", intake: ListedIntake) -> None:
    answer = await stub.RecordEvents(request(*(comment(f"e{at}") for at in range(MAX_EVENTS)), backfill=True))
    assert answer.accepted_count == MAX_EVENTS
    assert intake.calls == [(MAX_EVENTS, True)]


async def test_a_stream_answers_once_with_totals_and_places_in_all_of_it(stub: "SignalServiceAsyncStub") -> None:
    bad = pb.AccountEvent(event_id="bad", account_id="a")
    messages = streamed([comment("a"), comment("b")], [bad, comment("a")], [comment("a", subject="other")])
    answer = await stub.RecordEventStream(iter(messages))
    assert (answer.accepted_count, answer.repeated_count, answer.refused_count) == (2, 1, 2)
    assert [(each.index, each.event_id) for each in answer.refused] == [(2, "bad"), (4, "a")]
    counts = {each.reason: each.count for each in answer.refused_by_reason}
    assert counts == {pb.EVENT_REFUSAL_REASON_INVALID: 1, pb.EVENT_REFUSAL_REASON_CONFLICT: 1}


async def test_a_stream_names_the_first_refusals_and_counts_them_all(stub: "SignalServiceAsyncStub") -> None:
    bad = [pb.AccountEvent(event_id=f"bad-{at}") for at in range(150)]
    answer = await stub.RecordEventStream(iter(streamed(bad, bad)))
    assert [each.index for each in answer.refused] == list(range(MOST_TOLD_OF_STREAM))
    assert answer.refused_count == 300
    assert [each.count for each in answer.refused_by_reason] == [300]


async def test_a_stream_without_messages_has_recorded_nothing(stub: "SignalServiceAsyncStub") -> None:
    nothing: Iterable[pb.RecordEventStreamRequest] = ()
    assert await stub.RecordEventStream(iter(nothing)) == pb.RecordEventStreamResponse()


async def test_an_empty_message_ends_a_stream_whose_earlier_events_stay(
    stub: "SignalServiceAsyncStub", intake: ListedIntake
) -> None:
    error = await error_of(stub.RecordEventStream(iter(streamed([comment("a")], []))))
    assert told(error) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", {"events"})
    assert set(intake.events) == {"a"}


async def test_a_log_that_goes_away_ends_the_stream_and_sending_it_again_records_each_event_once(
    stub: "SignalServiceAsyncStub", intake: ListedIntake
) -> None:
    messages = streamed([comment("a")], [comment("b")], [comment("c")])
    await stub.RecordEvents(request(comment("warm")))
    sent = iter(messages)

    async def lost_after_the_first() -> AsyncIterator[pb.RecordEventStreamRequest]:
        yield next(sent)
        while "a" not in intake.events:
            await stub.RecordEvents(request(comment("warm")))
        intake.away = 1
        for each in sent:
            yield each

    error = await error_of(stub.RecordEventStream(lost_after_the_first()))
    assert told(error)[:2] == (grpc.StatusCode.UNAVAILABLE, "EVENT_LOG_UNAVAILABLE")
    answer = await stub.RecordEventStream(iter(messages))
    assert (answer.accepted_count, answer.repeated_count) == (2, 1)
    assert set(intake.events) == {"warm", "a", "b", "c"}


async def test_a_stream_that_its_sender_breaks_off_keeps_what_arrived(
    stub: "SignalServiceAsyncStub", intake: ListedIntake
) -> None:
    call = stub.RecordEventStream()
    await call.write(pb.RecordEventStreamRequest(events=[comment("a")]))
    while "a" not in intake.events:
        await stub.RecordEvents(request(comment("other")))
    call.cancel()
    answer = await stub.RecordEventStream(iter(streamed([comment("a"), comment("b")])))
    assert (answer.accepted_count, answer.repeated_count) == (1, 1)


async def test_a_call_is_one_span_with_counts_and_no_ids(stub: "SignalServiceAsyncStub", spans: KeptSpans) -> None:
    caller = "00-" + "a1" * 16 + "-" + "b2" * 8 + "-01"
    bad = pb.AccountEvent(event_id="bad")
    await stub.RecordEvents(request(comment("a"), comment("a"), bad), metadata=(("traceparent", caller),))
    (span,) = spans.get_finished_spans()
    assert (span.name, f"{span.context.trace_id:032x}") == (SpanName.RECORD_EVENTS, "a1" * 16)
    assert dict(span.attributes or {}) == {
        Attribute.EVENT_COUNT: 3,
        Attribute.EVENT_REPEATED: 1,
        Attribute.EVENT_REFUSED: 1,
    }
