"""SignalService over a real gRPC server: every kind arrives whole, and what is wrong with one stays with it."""

from collections.abc import AsyncIterator, Awaitable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from tests.serving.event_messages import NOW, ListedIntake, comment, one_of_each_kind, stamp
from tests.serving.in_process import serving
from tests.serving.refusals import reason, status_of_call, wrong_fields
from tests.telemetry.kept_spans import KeptSpans
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceStub
from tidegate.features.events.event import FIELDS, AccountEvent, EventKind, ProfileFacts
from tidegate.features.stream.intake import Refusal
from tidegate.policy.markets import MARKETS
from tidegate.serving.decode import RequestDecoder
from tidegate.serving.router import RouterMethods
from tidegate.serving.serve_config import SERVICER_FUNCTIONS
from tidegate.serving.settings import BudgetSettings, LimitSettings
from tidegate.serving.signals.event_answers import MOST_TOLD_OF_STREAM, REASONS, path_of
from tidegate.serving.signals.event_requests import KINDS, MAX_EVENTS
from tidegate.serving.signals.signal_methods import SignalMethods
from tidegate.serving.signals.signal_servicer import SignalServicer
from tidegate.serving.wire import SIGNAL_SERVICE, add_signal_service
from tidegate.telemetry.names import Attribute, SpanName

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

pytestmark = pytest.mark.integration

LARGEST_REQUEST = 1024 * 1024


@pytest.fixture
def intake() -> ListedIntake:
    return ListedIntake()


@pytest.fixture
def spans() -> KeptSpans:
    return KeptSpans()


@pytest.fixture
async def channel(intake: ListedIntake, spans: KeptSpans) -> AsyncIterator[grpc.aio.Channel]:
    decoder = RequestDecoder(
        limits=LimitSettings(), budget=BudgetSettings(), max_request_bytes=LARGEST_REQUEST, markets=MARKETS
    )
    server = grpc.aio.server()
    servicer = SignalServicer(intake=intake, decoder=decoder, tracer=spans.recorder)
    add_signal_service(SignalMethods(servicer), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(0)


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> "SignalServiceAsyncStub":
    return SignalServiceStub(channel)


def request(*events: pb.AccountEvent, backfill: bool = False) -> pb.RecordEventsRequest:
    return pb.RecordEventsRequest(events=events, backfill=backfill)


def streamed(*messages: Iterable[pb.AccountEvent]) -> Iterable[pb.RecordEventStreamRequest]:
    return [pb.RecordEventStreamRequest(events=events) for events in messages]


async def error_of(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error.value


def told(error: grpc.aio.AioRpcError) -> tuple[grpc.StatusCode, str, set[str]]:
    status = status_of_call(error)
    return error.code(), reason(status), set(wrong_fields(status))


def retry_delay_s(status: status_pb2.Status) -> float:
    info = error_details_pb2.RetryInfo()
    return next(float(info.retry_delay.ToNanoseconds()) / 1e9 for each in status.details if each.Unpack(info))


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


UNKNOWN_ACTION: Any = 99
MALFORMED = {
    "what": pb.AccountEvent(event_id="x", account_id="a", occur_time=stamp(NOW)),
    "occur_time": pb.AccountEvent(event_id="x", account_id="a", comment=pb.CommentEvent(subject_id="c")),
    "review_outcome.action": pb.AccountEvent(
        event_id="x",
        account_id="a",
        occur_time=stamp(NOW),
        review_outcome=pb.ReviewOutcomeEvent(subject_id="d", action=UNKNOWN_ACTION),
    ),
    "strike_issued.expire_time": pb.AccountEvent(
        event_id="x",
        account_id="a",
        occur_time=stamp(NOW),
        strike_issued=pb.StrikeIssuedEvent(subject_id="s", points=1.0, expire_time=Timestamp(seconds=2**62)),
    ),
    "profile.register_time": pb.AccountEvent(
        event_id="x",
        account_id="a",
        occur_time=stamp(NOW),
        profile=pb.ProfileEvent(register_time=Timestamp(seconds=0, nanos=-1)),
    ),
}


@pytest.mark.parametrize("field", MALFORMED)
async def test_a_malformed_event_is_refused_alone_and_its_field_named(
    stub: "SignalServiceAsyncStub", intake: ListedIntake, field: str
) -> None:
    answer = await stub.RecordEvents(request(comment("before"), MALFORMED[field], comment("after")))
    (refused,) = answer.refused
    assert (refused.index, refused.event_id, refused.field) == (1, "x", field)
    assert refused.reason == pb.EVENT_REFUSAL_REASON_INVALID
    assert refused.message
    assert answer.accepted_count == 2
    assert set(intake.events) == {"before", "after"}


@pytest.mark.parametrize("seconds", [-(2**63), 2**63 - 1, -62_135_596_801, 253_402_300_800])
async def test_a_time_that_no_calendar_has_is_refused(stub: "SignalServiceAsyncStub", seconds: int) -> None:
    event = comment("x")
    event.occur_time.seconds = seconds
    (refused,) = (await stub.RecordEvents(request(event))).refused
    assert (refused.field, refused.reason) == ("occur_time", pb.EVENT_REFUSAL_REASON_INVALID)


async def test_a_kind_from_a_newer_contract_is_refused_and_not_recorded_as_something_else(
    channel: grpc.aio.Channel, intake: ListedIntake
) -> None:
    """Field 99 of the oneof, as a client generated from a later proto would send it."""
    known = pb.AccountEvent(event_id="new", account_id="a", occur_time=stamp(NOW)).SerializeToString()
    event = known + b"\x9a\x06\x00"
    call: Any = channel.unary_unary(
        "/tidegate.api.moderation.v1.SignalService/RecordEvents",
        response_deserializer=pb.RecordEventsResponse.FromString,
    )
    (refused,) = (await call(b"\x0a" + bytes([len(event)]) + event)).refused
    assert (refused.event_id, refused.field) == ("new", "what")
    assert not intake.events


async def test_the_id_in_a_refusal_is_not_longer_than_ids_are(stub: "SignalServiceAsyncStub") -> None:
    event = pb.AccountEvent(event_id="x" * 10_000)
    (refused,) = (await stub.RecordEvents(request(event))).refused
    assert refused.event_id == "x" * 160


async def test_no_event_and_too_many_are_errors_of_the_call(
    stub: "SignalServiceAsyncStub", intake: ListedIntake
) -> None:
    for count in (0, MAX_EVENTS + 1):
        error = await error_of(stub.RecordEvents(request(*[comment("e")] * count)))
        assert told(error) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", {"events"})
    assert not intake.calls


async def test_a_full_message_is_taken_in_one_call(stub: "SignalServiceAsyncStub", intake: ListedIntake) -> None:
    answer = await stub.RecordEvents(request(*(comment(f"e{at}") for at in range(MAX_EVENTS)), backfill=True))
    assert answer.accepted_count == MAX_EVENTS
    assert intake.calls == [(MAX_EVENTS, True)]


async def test_a_request_that_is_too_large_is_refused_whole(stub: "SignalServiceAsyncStub") -> None:
    error = await error_of(stub.RecordEvents(request(comment("x" * LARGEST_REQUEST))))
    assert told(error) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", {"request"})


@pytest.mark.parametrize("method", ["RecordEvents", "RecordEventStream"])
async def test_bytes_that_are_no_message_are_refused_and_not_internal(channel: grpc.aio.Channel, method: str) -> None:
    """An event id that is not UTF-8."""
    path, broken = f"/tidegate.api.moderation.v1.SignalService/{method}", b"\x0a\x04\x0a\x02\xff\xfe"
    if method == "RecordEvents":
        unary: Any = channel.unary_unary(path)
        error = await error_of(unary(broken))
    else:
        streaming: Any = channel.stream_unary(path)
        error = await error_of(streaming(iter([broken])))
    assert told(error) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", {"request"})


async def test_a_log_that_is_away_ends_the_call_and_says_when_to_come_back(
    stub: "SignalServiceAsyncStub", intake: ListedIntake
) -> None:
    intake.away = 1
    error = await error_of(stub.RecordEvents(request(comment("a"))))
    assert told(error)[:2] == (grpc.StatusCode.UNAVAILABLE, "EVENT_LOG_UNAVAILABLE")
    assert retry_delay_s(status_of_call(error)) > 0
    assert (await stub.RecordEvents(request(comment("a")))).accepted_count == 1


async def test_what_nobody_expected_is_internal_and_tells_nothing(
    stub: "SignalServiceAsyncStub", intake: ListedIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: AccountEvent) -> None:
        raise RuntimeError("account-1 in /secret/path")

    monkeypatch.setattr(intake, "_record", broken)
    error = await error_of(stub.RecordEvents(request(comment("a"))))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in str(status_of_call(error))


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


def test_fields_are_told_by_their_path_in_the_proto() -> None:
    assert path_of("occurred_at", "comment") == "occur_time"
    assert path_of("subject_id", "comment") == "comment.subject_id"
    assert path_of("expires_at", "strike_issued") == "strike_issued.expire_time"
    assert path_of("profile.registered_at", "profile") == "profile.register_time"
    assert path_of("profile.plan", "profile") == "profile.plan"
    assert path_of("profile", "profile") == "profile"
    assert path_of("", "comment") == ""
