"""Items as messages, and what can't be one."""

from dataclasses import replace
from typing import Any

import grpc
import pytest

from tests.client.sample_items import comment
from tidegate.client import (
    ContentItem,
    ModerationError,
    Surface,
    TranscriptSegment,
    image_part,
    text_part,
    transcript_part,
)
from tidegate.client.items import new_key, request_of


def refused(item: ContentItem) -> ModerationError:
    with pytest.raises(ModerationError) as error:
        request_of(item, idempotency_key="k", budget=None, explain=False)
    return error.value


HALF = "\ud83d"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"content_id": HALF}, "item.content_id"),
        ({"account_id": 17}, "item.account_id"),
        ({"surface": "billboard"}, "item.surface"),
        ({"source": "rumour"}, "item.source"),
        ({"market": 46}, "item.market"),
        ({"parts": (text_part(HALF, "x"),)}, "item.parts[0].id"),
        ({"parts": (text_part("a", "x"), text_part("b", HALF))}, "item.parts[1].text.text"),
        ({"parts": (image_part("a", "not bytes"),)}, "item.parts[0].image.data"),  # type: ignore[arg-type]
        (
            {"parts": (transcript_part("a", [TranscriptSegment(-1, 0, "x")]),)},
            "item.parts[0].transcript.segments[0].start_ms",
        ),
        (
            {"parts": (transcript_part("a", [TranscriptSegment(0, 2**64, "x")]),)},
            "item.parts[0].transcript.segments[0].end_ms",
        ),
        (
            {"parts": (transcript_part("a", [TranscriptSegment(0, 1, HALF)]),)},
            "item.parts[0].transcript.segments[0].text",
        ),
    ],
)
def test_a_field_that_can_not_be_sent_is_named_in_the_services_words(changes: dict[str, Any], field: str) -> None:
    error = refused(replace(comment(), **changes))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [wrong.field for wrong in error.fields] == [field]
    assert field in error.message


def test_the_refusal_never_quotes_content() -> None:
    assert "secret" not in str(refused(comment(text=f"secret {HALF}")))


def test_the_words_of_an_enum_do_as_well_as_its_members() -> None:
    plain = replace(comment(), surface="podcast_episode")  # type: ignore[arg-type]  # as code without a type checker does
    named = replace(comment(), surface=Surface.PODCAST_EPISODE)
    made = [request_of(item, idempotency_key="k", budget=None, explain=False) for item in (plain, named)]
    assert made[0] == made[1]


def test_keys_differ() -> None:
    assert len({new_key() for _ in range(100)}) == 100
