"""One line of an item file: what it may hold, and what is said of a line that is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.item_lines import line
from tidegate.cli.item_file import ItemLineError, Refusal, item_of_line
from tidegate.client import ContentItem, NoticeSource, Surface
from tidegate.moderation.item import Part, PartKind, TranscriptSegment


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with two files."""
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "cover.png").write_bytes(b"png bytes")
    (tmp_path / "clip.flac").write_bytes(b"flac bytes")
    return tmp_path


def item(text: str | bytes, base: Path, number: int = 7) -> ContentItem:
    return item_of_line(text.encode() if isinstance(text, str) else text, number=number, base=base)[0]


def refusal(text: str | bytes, base: Path, number: int = 7) -> Refusal:
    with pytest.raises(ItemLineError) as error:
        item(text, base, number)
    return error.value.refusal


def with_parts(*parts: Any, **changes: Any) -> str:
    return line(text=None, parts=list(parts), **changes)


def test_a_text_is_one_part(base: Path) -> None:
    assert item(line("c-9", language="sv", source="user_notice"), base) == ContentItem(
        content_id="c-9",
        account_id="a-1",
        surface=Surface.COMMENT,
        market="SE",
        language="sv",
        source=NoticeSource.USER_NOTICE,
        parts=(Part(id="text", kind=PartKind.TEXT, text="a kind word"),),
    )


def test_parts_of_every_kind(base: Path) -> None:
    timed = [{"start_ms": 0, "end_ms": 900, "text": "hello"}, {"start_ms": 900, "end_ms": 1800, "text": "again"}]
    parts = item(
        with_parts(
            {"id": "title", "text": "an episode"},
            {"id": "cover", "image_path": "media/cover.png"},
            {"id": "clip", "audio_path": str(base / "clip.flac")},
            {"id": "said", "transcript": "all of it"},
            {"id": "timed", "transcript": timed},
        ),
        base,
    ).parts
    assert parts == (
        Part("title", PartKind.TEXT, text="an episode"),
        Part("cover", PartKind.IMAGE, data=b"png bytes"),
        Part("clip", PartKind.AUDIO, data=b"flac bytes"),
        Part("said", PartKind.TRANSCRIPT, segments=(TranscriptSegment(0, 0, "all of it"),)),
        Part(
            "timed",
            PartKind.TRANSCRIPT,
            segments=(TranscriptSegment(0, 900, "hello"), TranscriptSegment(900, 1800, "again")),
        ),
    )


def test_a_key_comes_along(base: Path) -> None:
    assert item_of_line(line(idempotency_key="k-1").encode(), number=1, base=base)[1] == "k-1"
    assert item_of_line(line().encode(), number=1, base=base)[1] is None


def test_null_is_the_same_as_left_out(base: Path) -> None:
    plain = {**json.loads(line()), "language": None, "source": None, "idempotency_key": None, "parts": None}
    assert item(json.dumps(plain), base) == item(line(), base)


@pytest.mark.parametrize("end", ["\r", " ", "\t\r"])
def test_the_end_of_a_windows_line_is_no_part_of_it(base: Path, end: str) -> None:
    assert item(line() + end, base) == item(line(), base)


def test_a_byte_order_mark_is_allowed_where_a_file_begins(base: Path) -> None:
    assert item(b"\xef\xbb\xbf" + line().encode(), base, number=1) == item(line(), base)
    assert refusal(b"\xef\xbb\xbf" + line().encode(), base, number=2).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (line(account_id=None), "account_id"),
        (line(account_id=17), "account_id"),
        (line(market=None), "market"),
        (line(surface="Comment"), "surface"),
        (line(surface=["comment"]), "surface"),
        (line(source=0), "source"),
        (line(source="rumour"), "source"),
        (line(language=1), "language"),
        (line(idempotency_key=1), "idempotency_key"),
        (line(txt="x"), "txt"),
        (line(text=5), "text"),
        (with_parts("x"), "parts[0]"),
        (line(text=None, parts={}), "parts"),
        (with_parts({"text": "x"}), "parts[0].id"),
        (with_parts({"id": "a", "image": "x"}), "parts[0].image"),
        (with_parts({"id": "a"}), "parts[0]"),
        (with_parts({"id": "a", "text": "x", "transcript": "y"}), "parts[0]"),
        (with_parts({"id": "ok", "text": "x"}, {"id": "a", "transcript": 5}), "parts[1].transcript"),
        (with_parts({"id": "a", "transcript": ["x"]}), "parts[0].transcript[0]"),
        (with_parts({"id": "a", "transcript": [{"start_ms": 0, "text": "x"}]}), "parts[0].transcript[0].end_ms"),
        (
            with_parts({"id": "a", "transcript": [{"start_ms": -1, "end_ms": 2, "text": "x"}]}),
            "parts[0].transcript[0].start_ms",
        ),
        (
            with_parts({"id": "a", "transcript": [{"start_ms": 0, "end_ms": "2", "text": "x"}]}),
            "parts[0].transcript[0].end_ms",
        ),
        (
            with_parts({"id": "a", "transcript": [{"start_ms": 0, "end_ms": 0.5, "text": "x"}]}),
            "parts[0].transcript[0].end_ms",
        ),
        (
            with_parts({"id": "a", "transcript": [{"start_ms": 0, "end_ms": 10**30, "text": "x"}]}),
            "parts[0].transcript[0].end_ms",
        ),
        (with_parts({"id": "a", "image_path": "nowhere.png"}), "parts[0].image_path"),
        (with_parts({"id": "a", "image_path": ""}), "parts[0].image_path"),
        (with_parts({"id": "a", "audio_path": "media"}), "parts[0].audio_path"),
        (with_parts({"id": "a", "audio_path": "/dev/zero"}), "parts[0].audio_path"),
        (with_parts({"id": "a", "image_path": "null\0character"}), "parts[0].image_path"),
    ],
)
def test_a_wrong_field_is_named_with_the_item(base: Path, text: str, field: str) -> None:
    wrong = refusal(text, base)
    assert (wrong.content_id, wrong.code, wrong.line) == ("c-1", "INVALID_ARGUMENT", 7)
    assert [name for name, _ in wrong.fields] == [field]
    assert wrong.message.startswith("line 7: ")


def test_every_wrong_field_is_named_at_once(base: Path) -> None:
    wrong = refusal(line(surface="x", market=1, extra=2), base)
    assert {name for name, _ in wrong.fields} == {"surface", "market", "extra"}


def test_every_unreadable_file_is_named_at_once(base: Path) -> None:
    wrong = refusal(with_parts({"id": "a", "image_path": "x"}, {"id": "b", "audio_path": "y"}), base)
    assert [name for name, _ in wrong.fields] == ["parts[0].image_path", "parts[1].audio_path"]


def test_text_and_parts_together_or_neither_are_refused(base: Path) -> None:
    for text in (line(text=None), line(parts=[])):
        wrong = refusal(text, base)
        assert (wrong.content_id, wrong.message) == ("c-1", 'line 7: needs exactly one of "text" and "parts"')


def test_a_file_too_large_to_send_is_not_read(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.cli.item_file.MAX_MESSAGE_BYTES", 8)
    wrong = refusal(with_parts({"id": "a", "image_path": "media/cover.png"}), base)
    assert wrong.fields == (("parts[0].image_path", "has 9 bytes; at most 8 can be sent"),)


@pytest.mark.parametrize(
    "text",
    [
        b"not json",
        b"[]",
        b'"text"',
        b"17",
        b"{",
        b"\xff\xfe",
        b'{"content_id": "c-1", "text": "caf\xe9"}',
        b"[" * 100_000,
        b"9" * 100_000,
        b'{"a": NaN}',
        b"\0",
    ],
)
def test_what_is_no_object_is_refused_whatever_it_is(base: Path, text: bytes) -> None:
    wrong = refusal(text, base)
    assert wrong.code == "INVALID_ARGUMENT"
    assert wrong.message.startswith("line 7: ")


def test_half_a_surrogate_pair_is_refused(base: Path) -> None:
    assert refusal('{"content_id": "\\ud83d"}', base).content_id is None
    assert refusal(line(text="\ud83d"), base).message.startswith("line 7: is not JSON")


def test_a_line_cut_off_is_still_told_by_its_id(base: Path) -> None:
    assert refusal(line("c-4")[:-10], base).content_id == "c-4"


def test_the_machine_format_of_a_refusal(base: Path) -> None:
    assert refusal(line("c-5", surface="wall"), base).as_json() == {
        "content_id": "c-5",
        "error": {
            "code": "INVALID_ARGUMENT",
            "message": "line 7: surface: must be 'comment', 'profile', 'playlist' or 'podcast_episode'",
            "fields": [
                {
                    "field": "surface",
                    "description": "must be 'comment', 'profile', 'playlist' or 'podcast_episode'",
                }
            ],
        },
    }


def test_a_refusal_never_quotes_content(base: Path) -> None:
    assert "secret" not in json.dumps(refusal(line(text={"secret": "secret"}), base).as_json())
