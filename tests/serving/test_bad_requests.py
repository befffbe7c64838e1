"""Broken requests get a typed error that names the field; nothing is recorded, nothing crashes."""

import io
from collections.abc import Callable

import grpc
import pytest
from PIL import Image

from tests.serving.in_process import ListedLedger, serving
from tests.serving.refusals import reason, status_of_call, wrong_fields
from tests.serving.requests import request
from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.serving.decode import MAX_SEGMENTS, MOST_PROBLEMS
from tidegate.serving.settings import load_settings

MODERATE = "/tidegate.api.moderation.v1.ModerationService/Moderate"


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "PNG")
    return out.getvalue()


def _with(change: Callable[[pb.ModerateRequest], object]) -> pb.ModerateRequest:
    made = request()
    change(made)
    return made


def _parts(*parts: content_pb2.ContentPart) -> pb.ModerateRequest:
    made = request()
    del made.item.parts[:]
    made.item.parts.extend(parts)
    return made


def _text(part_id: str, text: str = "fine") -> content_pb2.ContentPart:
    return content_pb2.ContentPart(id=part_id, text=content_pb2.TextPart(text=text))


def _image(data: bytes) -> content_pb2.ContentPart:
    return content_pb2.ContentPart(id="cover", image=content_pb2.ImagePart(data=data))


def _transcript(*segments: tuple[int, int, str]) -> content_pb2.ContentPart:
    return content_pb2.ContentPart(
        id="speech",
        transcript=content_pb2.TranscriptPart(
            segments=[content_pb2.TranscriptSegment(start_ms=a, end_ms=b, text=c) for a, b, c in segments]
        ),
    )


CASES: dict[str, tuple[pb.ModerateRequest, str]] = {
    "no item": (pb.ModerateRequest(), "item.content_id"),
    "no account": (request(account_id=""), "item.account_id"),
    "account id too long": (request(account_id="a" * 129), "item.account_id"),
    "content id too long": (request(content_id="c" * 257), "item.content_id"),
    "no surface": (_with(lambda made: made.item.ClearField("surface")), "item.surface"),
    "unknown surface": (_with(lambda made: setattr(made.item, "surface", 99)), "item.surface"),
    "unknown source": (_with(lambda made: setattr(made.item, "source", 99)), "item.source"),
    "unknown market": (request(market="XX"), "item.market"),
    "market in lower case": (request(market="se"), "item.market"),
    "language that is no tag": (request(language="swedish!"), "item.language"),
    "no parts": (_parts(), "item.parts"),
    "17 parts": (_parts(*(_text(f"p{number}") for number in range(17))), "item.parts"),
    "duplicate part ids": (_parts(_text("a"), _text("a")), "item.parts[1].id"),
    "part without id": (_parts(_text("")), "item.parts[0].id"),
    "part without content": (_parts(content_pb2.ContentPart(id="a")), "item.parts[0]"),
    "empty text": (request(""), "item.parts[0].text.text"),
    "blank text": (request(" \n\t "), "item.parts[0].text.text"),
    "over-long text": (request("a" * 20_001), "item.parts[0].text.text"),
    "undecodable image": (_parts(_image(b"not an image")), "item.parts[0].image.data"),
    "truncated image": (_parts(_image(_png()[:-40])), "item.parts[0].image.data"),
    "undecodable audio": (
        _parts(content_pb2.ContentPart(id="a", audio=content_pb2.AudioPart(data=b"hello"))),
        "item.parts[0].audio.data",
    ),
    "transcript without segments": (_parts(_transcript()), "item.parts[0].transcript.segments"),
    "transcript with a blank segment": (
        _parts(_transcript((0, 1, "a"), (1, 2, " "))),
        "item.parts[0].transcript.segments[1].text",
    ),
    "transcript running backwards": (_parts(_transcript((5, 1, "a"))), "item.parts[0].transcript.segments[0].end_ms"),
    "key too long": (_with(lambda made: setattr(made, "idempotency_key", "k" * 129)), "idempotency_key"),
    "budget of zero": (_with(lambda made: made.budget.FromMilliseconds(0)), "budget"),
    "negative budget": (_with(lambda made: made.budget.FromMilliseconds(-5)), "budget"),
}


@pytest.mark.parametrize(("bad", "field"), CASES.values(), ids=CASES.keys())
async def test_bad_request_is_refused_with_its_field_and_leaves_no_record(bad: pb.ModerateRequest, field: str) -> None:
    ledger = ListedLedger()
    async with serving(ledger=ledger) as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(bad)
        status = status_of_call(refused.value)
        fine = await served.stub.Moderate(request())
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert reason(status) == "INVALID_REQUEST"
    assert field in wrong_fields(status)
    assert ledger.ids == {fine.decision.decision_id}


async def test_every_wrong_field_is_named_at_once() -> None:
    async with serving() as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(request("", account_id="", market="XX"))
    named = wrong_fields(status_of_call(refused.value))
    assert set(named) == {"item.account_id", "item.market", "item.parts[0].text.text"}


async def test_a_string_that_is_not_utf8_is_a_bad_request_not_an_internal_error() -> None:
    encoded = request("kind").SerializeToString().replace(b"kind", b"\xff\xfe\xfd\xfc")
    async with serving() as served:
        call = served.channel.unary_unary(MODERATE, lambda data: data, pb.ModerateResponse.FromString)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(encoded)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "UTF-8" in wrong_fields(status_of_call(refused.value))["request"]


async def test_an_oversized_message_is_resource_exhausted_and_says_what_is_taken() -> None:
    settings = load_settings(grpc={"max_request_bytes": 2048})
    async with serving(settings=settings) as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(request("a" * 3000))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "2048" in wrong_fields(status_of_call(refused.value))["request"]


async def test_an_image_beyond_the_pixel_limit_is_refused() -> None:
    settings = load_settings(limits={"max_image_pixels": 1000})
    async with serving(settings=settings) as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(_parts(_image(_png())))
    assert "1000 pixels" in wrong_fields(status_of_call(refused.value))["item.parts[0].image.data"]


async def test_a_request_refused_in_a_stream_leaves_the_stream_going() -> None:
    async with serving() as served:
        requests = [
            pb.ModerateStreamRequest(correlation_id="bad", request=request("")),
            pb.ModerateStreamRequest(correlation_id="good", request=request()),
            pb.ModerateStreamRequest(correlation_id="", request=request()),
        ]
        answers = {answer.correlation_id: answer async for answer in served.stub.ModerateStream(iter(requests))}
    assert wrong_fields(answers["bad"].error) == {"item.parts[0].text.text": "must not be blank"}
    assert answers["good"].decision.action
    assert "correlation_id" in wrong_fields(answers[""].error)


async def test_an_unknown_decision_is_not_found() -> None:
    async with serving() as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.GetDecision(pb.GetDecisionRequest(decision_id="nope"))
        with pytest.raises(grpc.aio.AioRpcError) as empty:
            await served.stub.GetDecision(pb.GetDecisionRequest())
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "decision_id" in wrong_fields(status_of_call(empty.value))


async def test_a_thousand_wrong_fields_are_one_short_answer() -> None:
    """Status details travel in HTTP/2 trailers: too many of them would break the reply itself."""
    many = _parts(_transcript(*((5, 1, "") for _ in range(1_000))))
    async with serving() as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(many)
    status = status_of_call(refused.value)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 1 < len(wrong_fields(status)) <= MOST_PROBLEMS
    assert len(status.SerializeToString()) < 4_096
    assert "more)" in str(refused.value.details())


async def test_a_transcript_has_a_limit_of_segments() -> None:
    many = _parts(_transcript(*((0, 1, "a") for _ in range(MAX_SEGMENTS + 1))))
    async with serving() as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(many)
    assert str(MAX_SEGMENTS) in wrong_fields(status_of_call(refused.value))["item.parts[0].transcript.segments"]


async def test_a_key_used_for_fields_that_only_look_alike_when_joined_is_refused() -> None:
    first, second = request(content_id="a\x1fb", account_id="c"), request(content_id="a", account_id="b\x1fc")
    first.idempotency_key = second.idempotency_key = "key-joined"
    async with serving() as served:
        await served.stub.Moderate(first)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(second)
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
