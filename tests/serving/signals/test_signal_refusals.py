"""SignalService over a real gRPC server: what is wrong with one event stays with it, and a call that fails says why."""

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tests.serving.event_messages import NOW, ListedIntake, comment, stamp
from tests.serving.refusals import status_of_call
from tests.serving.signals.signal_calls import LARGEST_REQUEST, error_of, request, retry_delay_s, told
from tidegate.api.moderation.v1 import signal_service_pb2 as pb
from tidegate.features.events.event import AccountEvent
from tidegate.serving.signals.event_answers import path_of
from tidegate.serving.signals.event_requests import MAX_EVENTS

if TYPE_CHECKING:  # known to the type stubs only
    from tidegate.api.moderation.v1.signal_service_pb2_grpc import SignalServiceAsyncStub

pytestmark = pytest.mark.integration

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


def test_fields_are_told_by_their_path_in_the_proto() -> None:
    assert path_of("occurred_at", "comment") == "occur_time"
    assert path_of("subject_id", "comment") == "comment.subject_id"
    assert path_of("expires_at", "strike_issued") == "strike_issued.expire_time"
    assert path_of("profile.registered_at", "profile") == "profile.register_time"
    assert path_of("profile.plan", "profile") == "profile.plan"
    assert path_of("profile", "profile") == "profile"
    assert path_of("", "comment") == ""
