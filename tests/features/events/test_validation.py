"""Which events are refused, with which field and reason, and that all others are not."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.features.events.sample_events import DIGEST, FULL_PROFILE, NOW, one_of_each, upload
from tidegate.features.events.event import FIELDS, AccountEvent, EventField, EventKind, ProfileFacts
from tidegate.features.events.validation import DEFAULT_LIMITS, EventLimits, refusal
from tidegate.features.stream.intake import Refusal, RefusedEvent

BY_KIND = {event.kind: event for event in one_of_each()}
CARRIED: dict[EventField, Any] = {
    EventField.SUBJECT_ID: "x-1",
    EventField.COUNTERPART_ID: "acct-9",
    EventField.CONTENT_DIGEST: DIGEST,
    EventField.POINTS: 1.0,
    EventField.EXPIRES_AT: NOW + timedelta(days=1),
    EventField.COUNT: 7,
    EventField.ACTION: "BLOCK",
    EventField.VERIFIED: True,
    EventField.PROFILE: FULL_PROFILE,
}
DEFAULTS = {field.name: field.default for field in dataclasses.fields(AccountEvent)}
ABSENT: dict[EventField, Any] = {field: DEFAULTS[field] for field in EventField} | {EventField.COUNT: 0}


def refused(event: AccountEvent, *, backfill: bool = False, limits: EventLimits = DEFAULT_LIMITS) -> RefusedEvent:
    """The refusal, which must be there."""
    found = refusal(event, now=NOW, backfill=backfill, limits=limits)
    assert found is not None
    return found


def changed(kind: EventKind, **fields: Any) -> AccountEvent:
    return dataclasses.replace(BY_KIND[kind], **fields)


@pytest.mark.parametrize("event", one_of_each(), ids=lambda event: str(event.kind))
def test_each_kind_with_all_that_it_may_carry_is_taken(event: AccountEvent) -> None:
    assert refusal(event, now=NOW, backfill=False) is None


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_with_no_more_than_it_must_carry_is_taken(kind: EventKind) -> None:
    bare = changed(kind, **{field: ABSENT[field] for field in FIELDS[kind].optional})
    assert refusal(bare, now=NOW, backfill=False) is None


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind in EventKind for field in FIELDS[kind].required])
def test_a_required_field_that_is_missing_is_named(kind: EventKind, field: EventField) -> None:
    found = refused(changed(kind, **{field: ABSENT[field]}))
    assert (found.reason, found.field) == (Refusal.INVALID, field)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (kind, field)
        for kind in EventKind
        for field in EventField
        if field not in FIELDS[kind].required | FIELDS[kind].optional
    ],
)
def test_a_field_that_does_not_belong_is_named_with_those_that_do(kind: EventKind, field: EventField) -> None:
    found = refused(changed(kind, **{field: CARRIED[field]}))
    assert (found.reason, found.field) == (Refusal.INVALID, field)
    assert all(permitted in found.message for permitted in FIELDS[kind].required | FIELDS[kind].optional)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        (EventKind.UPLOAD, "event_id", ""),
        (EventKind.UPLOAD, "event_id", "x" * 161),
        (EventKind.UPLOAD, "event_id", "a\nb"),
        (EventKind.UPLOAD, "account_id", ""),
        (EventKind.UPLOAD, "account_id", "x" * 129),
        (EventKind.UPLOAD, "account_id", "a\x00"),
        (EventKind.UPLOAD, "subject_id", "x" * 257),
        (EventKind.UPLOAD, "subject_id", "\ud800"),
        (EventKind.FOLLOW, "counterpart_id", "x" * 129),
        (EventKind.FOLLOW, "counterpart_id", "a\u2028b"),
        (EventKind.UPLOAD, "content_digest", "0" * 63),
        (EventKind.UPLOAD, "content_digest", DIGEST.upper()),
        (EventKind.UPLOAD, "content_digest", DIGEST + "\n"),
        (EventKind.STRIKE_ISSUED, "points", -1.0),
        (EventKind.STRIKE_ISSUED, "points", 1_000.5),
        (EventKind.STRIKE_ISSUED, "points", float("nan")),
        (EventKind.STRIKE_ISSUED, "points", float("inf")),
        (EventKind.UPLOAD, "points", float("nan")),
        (EventKind.STRIKE_ISSUED, "expires_at", NOW - timedelta(days=2)),
        (EventKind.STRIKE_ISSUED, "expires_at", datetime(2030, 1, 1)),  # noqa: DTZ001 - naive is the point
        (EventKind.PLAY, "count", 0),
        (EventKind.PLAY, "count", -5),
        (EventKind.PLAY, "count", 1_000_000_001),
        (EventKind.DECISION, "action", "block"),
        (EventKind.REVIEW_OUTCOME, "action", "NONE"),
        (EventKind.UPLOAD, "occurred_at", datetime(2026, 3, 1)),  # noqa: DTZ001 - naive is the point
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_field(kind: EventKind, field: str, value: Any) -> None:
    found = refused(changed(kind, **{field: value}))
    assert (found.reason, found.field) == (Refusal.INVALID, field)
    assert found.message.startswith(("must", "does not belong"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("followers", -1),
        ("posts", 1_000_000_000_001),
        ("description_length", -1),
        ("handle_digits", 12),
        ("plan", "gold"),
        ("registered_at", NOW + timedelta(minutes=6)),
        ("registered_at", datetime(1969, 12, 31, tzinfo=UTC)),
        ("registered_at", datetime(2020, 1, 1)),  # noqa: DTZ001 - naive is the point
    ],
)
def test_a_fact_of_a_profile_out_of_bounds_is_refused_with_its_name(field: str, value: Any) -> None:
    found = refused(changed(EventKind.PROFILE, profile=dataclasses.replace(FULL_PROFILE, **{field: value})))
    assert (found.reason, found.field) == (Refusal.INVALID, f"profile.{field}")


def test_every_number_of_a_profile_is_checked() -> None:
    counts = [field.name for field in dataclasses.fields(ProfileFacts) if "int" in str(field.type)]
    assert len(counts) == 8
    for name in counts:
        event = changed(EventKind.PROFILE, profile=ProfileFacts(**{name: -1}))  # type: ignore[arg-type] # by name
        assert refused(event).field == f"profile.{name}"


@pytest.mark.parametrize(
    "kind", [kind for kind in EventKind if EventField.COUNTERPART_ID in FIELDS[kind].required | FIELDS[kind].optional]
)
def test_what_others_do_to_an_account_it_does_not_do_itself(kind: EventKind) -> None:
    own = changed(kind, counterpart_id=BY_KIND[kind].account_id)
    found = refused(own)
    assert (found.reason, found.field) == (Refusal.INVALID, "counterpart_id")
    assert "must name another account than account_id" in found.message
    assert refusal(changed(kind, counterpart_id=f"{own.account_id}2"), now=NOW, backfill=False) is None


def test_a_profile_that_says_nothing_is_taken() -> None:
    assert refusal(changed(EventKind.PROFILE, profile=ProfileFacts()), now=NOW, backfill=False) is None


@pytest.mark.parametrize(
    ("late", "backfill", "reason"),
    [
        (timedelta(days=7), False, None),
        (timedelta(days=7, microseconds=1), False, Refusal.TOO_LATE),
        (timedelta(days=7, microseconds=1), True, None),
        (timedelta(days=1_095), True, None),
        (timedelta(days=1_095, microseconds=1), True, Refusal.TOO_LATE),
        (-timedelta(minutes=5), False, None),
        (-timedelta(minutes=5, microseconds=1), False, Refusal.IN_FUTURE),
        (-timedelta(hours=6), True, Refusal.IN_FUTURE),
    ],
)
def test_lateness_and_clocks_ahead_are_bounded(late: timedelta, backfill: bool, reason: Refusal | None) -> None:
    found = refusal(upload(occurred_at=NOW - late), now=NOW, backfill=backfill)
    assert (found and found.reason) == reason
    assert found is None or found.field == "occurred_at"


def test_a_refusal_of_what_is_late_says_the_bound_and_the_way_round_it() -> None:
    message = refused(upload(occurred_at=datetime(2026, 1, 1, tzinfo=UTC))).message
    assert "2026-02-22T12:00:00.250001Z" in message
    assert "backfill" in message


def test_messages_quote_no_content_of_the_event() -> None:
    secret = "a-secret-name\x07"
    for field in ("event_id", "account_id", "subject_id", "content_digest"):
        assert "secret" not in refused(changed(EventKind.UPLOAD, **{field: secret})).message
    assert "secret" not in refused(changed(EventKind.DECISION, action=secret)).message
    assert "secret" not in refused(changed(EventKind.PROFILE, profile=ProfileFacts(plan=secret))).message


def test_limits_are_the_callers() -> None:
    limits = EventLimits(max_account_id_characters=3)
    assert refused(upload(account_id="abcd"), limits=limits).field == "account_id"
    assert refusal(upload(account_id="abc"), now=NOW, backfill=False, limits=limits) is None
