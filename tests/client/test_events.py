"""Events through the client, over real gRPC into a real event log: each is durable once, or told why not."""

import itertools
from datetime import timedelta, timezone

import pytest

from tests.client.sample_events import comment, many
from tests.serving.event_messages import DIGEST, NOW
from tests.serving.recording_server import RecordingServer
from tidegate.client import AccountEvent, EventKind, ProfileFacts, RecordedEvents, TidegateClient
from tidegate.client.event_batches import EventBatch
from tidegate.client.event_messages import field_of
from tidegate.client.events import MOST_EVENTS
from tidegate.features.events.event import EventField
from tidegate.serving.signals.event_requests import event_of

pytestmark = pytest.mark.integration

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


def test_fields_have_the_names_that_the_caller_knows() -> None:
    paths = {"occur_time": "occurred_at", "what": "kind", "strike_issued.expire_time": "expires_at", "": ""}
    paths |= {"profile.register_time": "profile.registered_at", "profile.plan": "profile.plan", "profile": "profile"}
    paths |= {f"upload.{field}": field.value for field in (EventField.SUBJECT_ID, EventField.CONTENT_DIGEST)}
    assert {path: field_of(path) for path in paths} == paths
