"""Events as lines of JSON, and back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.features.events.sample_events import NOW, one_of_each, upload
from tidegate.features.events.document import (
    EventDocumentError,
    document_of,
    event_id_of_line,
    event_of,
    event_of_line,
    line_of,
)
from tidegate.features.events.event import AccountEvent, EventKind

UPLOAD = {"event_id": "e", "account_id": "a", "kind": "UPLOAD", "occurred_at": "2026-03-01T12:00:00Z"}


def wrong(document: object) -> EventDocumentError:
    """The error, which must be there."""
    with pytest.raises(EventDocumentError) as caught:
        event_of(document)
    return caught.value


@pytest.mark.parametrize("event", one_of_each(), ids=lambda event: str(event.kind))
def test_every_kind_comes_back_from_its_line(event: AccountEvent) -> None:
    line = line_of(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert event_of_line(line) == event_of(json.loads(line)) == event


def test_what_says_nothing_is_left_out_but_zero_and_false_are_not() -> None:
    assert set(document_of(upload())) == {"event_id", "account_id", "kind", "occurred_at", "subject_id"}
    profile = next(document_of(event)["profile"] for event in one_of_each() if event.kind is EventKind.PROFILE)
    assert isinstance(profile, dict)
    assert (profile["followers"], profile["verified"]) == (0, False)
    assert document_of(AccountEvent("e", "a", EventKind.PLAY, NOW, count=1))["count"] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01t12:00:00.5z", datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01 12:00:00.123456+05:30", datetime(2026, 3, 1, 6, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T12:00:00-00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
    ],
)
def test_times_are_those_of_rfc_3339_as_utc(text: str, expected: datetime) -> None:
    told = event_of({**UPLOAD, "occurred_at": text}).occurred_at
    assert told == expected
    assert told.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("occurred_at", text) for text in ("2026-03-01T12:00:00", "2026-03-01", "2026-02-30T00:00:00Z", "now", "")),
        *(("occurred_at", text) for text in ("2026-03-01T12:00:00.1234567Z", "0001-01-01T00:00:00+23:00")),
        ("occurred_at", 1_772_366_400),
        ("kind", "upload"),
        ("kind", 3),
        ("event_id", 12),
        ("subject_id", ["x"]),
        ("points", "2"),
        ("points", True),
        ("count", 1.5),
        ("count", False),
        ("verified", 1),
        ("profile", "none"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_field(field: str, value: Any) -> None:
    found = wrong({**UPLOAD, field: value})
    assert found.field == field
    assert found.message.startswith("must be")


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"followers": "3"}, "profile.followers"),
        ({"age": 3}, "profile.age"),
        ({"registered_at": 3}, "profile.registered_at"),
    ],
)
def test_a_field_of_a_profile_is_named_with_its_profile(facts: object, field: str) -> None:
    assert wrong({**UPLOAD, "kind": "PROFILE", "profile": facts}).field == field


def test_an_unknown_field_is_refused_and_all_known_ones_are_told() -> None:
    found = wrong({**UPLOAD, "colour": "red"})
    assert found.field == "colour"
    assert "counterpart_id" in found.message


def test_an_unknown_field_that_looks_like_content_is_not_quoted() -> None:
    assert "secret" not in str(wrong({**UPLOAD, "a secret text": 1}))


@pytest.mark.parametrize("name", UPLOAD)
@pytest.mark.parametrize("told", [{}, {"null": None}])
def test_a_required_field_that_is_missing_or_null_is_named(name: str, told: dict[str, None]) -> None:
    document: dict[str, object] = {key: value for key, value in UPLOAD.items() if key != name}
    if told:
        document[name] = None
    assert wrong(document).field == name


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'"x"', b"null", b"\xff", b'{"event_id": "\\ud800"}', b"{} {}"])
def test_a_line_that_is_no_json_object_is_refused_as_a_whole(line: bytes) -> None:
    with pytest.raises(EventDocumentError) as caught:
        event_of_line(line)
    assert caught.value.field == ""


@pytest.mark.parametrize(
    ("rest", "field", "value"),
    [
        (b'"points": NaN', "points", "NaN"),
        (b'"points": -Infinity', "points", "-Infinity"),
        (b'"points": 1e999', "points", "1e999"),
        (b'"profile": {"followers": Infinity}', "profile.followers", "Infinity"),
        (b'"a secret text": NaN', "?", "NaN"),
    ],
)
def test_a_number_that_is_none_is_told_with_its_field_and_what_is_allowed(rest: bytes, field: str, value: str) -> None:
    line = b'{"event_id": "e", ' + rest + b"}"
    with pytest.raises(EventDocumentError) as caught:
        event_of_line(line)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"is {value}: a number must be finite")
    assert event_id_of_line(line) == "e"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"event_id": "e", "kind": "LIKE"}', "e"),
        (b'{"event_id" : "say \\"e\\"", oops', 'say "e"'),
        (b'{"event_id": "' + b"x" * 200 + b'"}', "x" * 160),
        (b'{"event_id": 5}', ""),
        (b'{"event_id": "unfinished', ""),
        (b'{"event_id": "\\ud800", oops', ""),
        (b'["event_id"]', ""),
        (b"\xff", ""),
        (b"[" * 5_000, ""),
    ],
)
def test_the_id_of_a_line_that_is_no_event_is_read_as_far_as_it_can_be(line: bytes, expected: str) -> None:
    assert event_id_of_line(line) == expected
