"""One item at a time, over a real server: both clients give the same typed result."""

from collections.abc import Iterator

import grpc
import pytest

from tests.client.background_server import running
from tests.client.sample_items import comment
from tests.client.scripted_service import ScriptedService, allowed, scripted
from tests.serving.in_process import ListedLedger, ScriptedFeatures, ScriptedText, Served, account, scored
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.client import (
    Action,
    AsyncTidegateClient,
    Completeness,
    ContentItem,
    Decision,
    ModerationError,
    NoticeSource,
    Surface,
    TidegateClient,
    TranscriptSegment,
    audio_part,
    image_part,
    text_part,
    transcript_part,
)
from tidegate.moderation.detection import DetectorStatus
from tidegate.moderation.item import PartKind
from tidegate.moderation.signals import Freshness

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63606060f80f0001040100ab8d0d3e0000000049454e44ae426082"
)
FLAC = b"fLaC" + b"\0" * 40


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    text = ScriptedText(script=lambda words: scored(hate=7) if "vile" in words else scored())
    history = account(account_enforcement__strikes_90d=3)
    with running(text=text, features=ScriptedFeatures(history)) as server:
        yield server


async def both(served: Served, item: ContentItem, *, explain: bool = False) -> tuple[Decision, Decision]:
    """The decision through the blocking client, and the same decision (by its key) through the other one."""
    key = f"key-{item.content_id}"
    with TidegateClient(served.address) as client:
        first = client.moderate(item, idempotency_key=key, explain=explain)
    async with AsyncTidegateClient(served.address) as other:
        return first, await other.moderate(item, idempotency_key=key, explain=explain)


async def test_both_clients_give_the_same_typed_decision(served: Served) -> None:
    item = ContentItem(
        content_id="typed",
        account_id="a-1",
        surface=Surface.COMMENT,
        market="SE",
        language="sv",
        source=NoticeSource.USER_NOTICE,
        parts=(text_part("title", "a vile word"),),
    )
    blocking, asynchronous = await both(served, item, explain=True)
    assert blocking.action is Action.BLOCK
    assert blocking.completeness is Completeness.COMPLETE
    assert (blocking.content_id, blocking.inputs.surface, blocking.inputs.market) == ("typed", Surface.COMMENT, "SE")
    assert (blocking.inputs.language, blocking.inputs.source) == ("sv", NoticeSource.USER_NOTICE)
    assert blocking.violations[0].rule == "hate_severe"
    assert blocking.violations[0].score == pytest.approx(1.0)
    assert blocking.inputs.detectors[0].status is DetectorStatus.OK
    assert blocking.inputs.detectors[0].severities["hate"] == 7
    strikes = {value.name: value for value in blocking.inputs.account.values}["account_enforcement__strikes_90d"]
    assert (strikes.value, strikes.freshness) == (3, Freshness.FRESH)
    assert strikes.event_time is not None
    assert blocking.decided_at.utcoffset() is not None
    assert blocking.evaluations
    assert blocking.hops_ms["total"] > 0
    assert not blocking.from_idempotency_key
    assert asynchronous.from_idempotency_key
    for name in ("decision_id", "trace_id", "decided_at", "inputs", "policy", "violations", "shadow", "evaluations"):
        assert getattr(asynchronous, name) == getattr(blocking, name), name


async def test_every_kind_of_part_arrives(served: Served) -> None:
    parts = (
        text_part("notes", "show notes"),
        image_part("cover", PNG),
        audio_part("clip", FLAC),
        transcript_part("speech", [TranscriptSegment(0, 900, "hello"), TranscriptSegment(900, 1800, "again")]),
    )
    item = ContentItem("parts", "a-1", Surface.PODCAST_EPISODE, "SE", parts)
    for decision in await both(served, item):
        assert decision.inputs.parts == tuple(part.facts() for part in parts)
        assert [part.kind for part in decision.inputs.parts] == [
            PartKind.TEXT,
            PartKind.IMAGE,
            PartKind.AUDIO,
            PartKind.TRANSCRIPT,
        ]


async def test_a_recorded_decision_is_read_back_as_it_was_made(served: Served) -> None:
    with TidegateClient(served.address) as client:
        made = client.moderate(comment("read-back"))
        read = client.get_decision(made.decision_id)
        explained = client.get_decision(made.decision_id, explain=True)
    async with AsyncTidegateClient(served.address) as other:
        assert await other.get_decision(made.decision_id) == read
    assert (read.decision_id, read.action, read.inputs) == (made.decision_id, made.action, made.inputs)
    assert read.evaluations is None
    assert explained.evaluations


async def test_a_refusal_is_typed_and_names_every_wrong_field(served: Served) -> None:
    item = comment("refused", text=" ", market="sweden")
    with TidegateClient(served.address) as client, pytest.raises(ModerationError) as refused:
        client.moderate(item)
    async with AsyncTidegateClient(served.address) as other:
        with pytest.raises(ModerationError) as also_refused:
            await other.moderate(item)
    error = refused.value
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert {wrong.field for wrong in error.fields} == {"item.market", "item.parts[0].text.text"}
    assert (also_refused.value.code, also_refused.value.reason) == (error.code, error.reason)
    assert (also_refused.value.message, also_refused.value.fields) == (error.message, error.fields)


async def test_an_unknown_decision_is_not_found(served: Served) -> None:
    with TidegateClient(served.address) as client, pytest.raises(ModerationError) as refused:
        client.get_decision("0" * 32)
    async with AsyncTidegateClient(served.address) as other:
        with pytest.raises(ModerationError) as also_refused:
            await other.get_decision("0" * 32)
    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    assert refused.value.reason == also_refused.value.reason == "DECISION_NOT_FOUND"


async def test_a_key_of_another_item_is_refused(served: Served) -> None:
    with TidegateClient(served.address) as client:
        client.moderate(comment("first"), idempotency_key="taken")
        with pytest.raises(ModerationError) as refused:
            client.moderate(comment("second"), idempotency_key="taken")
    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS
    assert refused.value.reason == "IDEMPOTENCY_KEY_REUSED"


async def test_each_call_without_a_key_is_a_decision_of_its_own() -> None:
    ledger = ListedLedger()
    with running(ledger=ledger) as served, TidegateClient(served.address) as client:
        first, second = client.moderate(comment()), client.moderate(comment())
    assert ledger.ids == {first.decision_id, second.decision_id}
    assert first.decision_id != second.decision_id


async def test_the_budget_reaches_the_service_and_what_is_late_is_unknown() -> None:
    text = ScriptedText(delay_s=30)
    with running(text=text) as served, TidegateClient(served.address) as client:
        decision = client.moderate(comment(), budget_ms=80)
    assert decision.inputs.detectors[0].status is DetectorStatus.TIMED_OUT
    assert decision.action is Action.REVIEW


@pytest.mark.parametrize("budget_ms", [0.0, -1.0, float("inf"), float("nan"), 1e30])
async def test_a_budget_that_is_no_length_of_time_is_refused_without_asking(budget_ms: float) -> None:
    service = ScriptedService()
    with scripted(service) as address, TidegateClient(address) as client:
        with pytest.raises(ModerationError) as refused:
            client.moderate(comment(), budget_ms=budget_ms)
        with pytest.raises(ModerationError):
            client.moderate_stream([comment()], budget_ms=budget_ms)
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert [wrong.field for wrong in refused.value.fields] == ["budget"]
    assert not service.requests


async def test_the_deadline_leaves_room_for_recording_beyond_the_budget() -> None:
    service = ScriptedService()
    with scripted(service) as address:
        with TidegateClient(address) as client:
            client.moderate(comment(), budget_ms=20_000)
        async with AsyncTidegateClient(address) as other:
            await other.moderate(comment(), budget_ms=20_000)
    assert [request.budget.ToMilliseconds() for request in service.requests] == [20_000, 20_000]
    assert all(20 < left_s < 26 for left_s in service.left_s)


async def test_a_service_that_hangs_ends_with_deadline_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.client.channel.RECORDING_SLACK_S", 0.1)

    def hangs(_: pb.ModerateRequest, context: grpc.ServicerContext) -> pb.ModerateResponse:
        while context.is_active():
            context.time_remaining()
        return pb.ModerateResponse()

    service = ScriptedService(unary=hangs)
    with scripted(service) as address:
        with TidegateClient(address) as client, pytest.raises(ModerationError) as late:
            client.moderate(comment(), budget_ms=50)
        async with AsyncTidegateClient(address) as other:
            with pytest.raises(ModerationError) as also_late:
                await other.moderate(comment(), budget_ms=50)
    assert late.value.code is also_late.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert late.value.reason == ""
    assert len(service.requests) == 2, "DEADLINE_EXCEEDED is not tried again"


async def test_an_action_that_this_client_does_not_know_is_an_error_never_a_guess() -> None:
    def newer(request: pb.ModerateRequest, _: grpc.ServicerContext) -> pb.ModerateResponse:
        response = allowed(request.item.content_id)
        response.decision.action = 99  # type: ignore[assignment]  # what a newer service may send
        return response

    with (
        scripted(ScriptedService(unary=newer)) as address,
        TidegateClient(address) as client,
        pytest.raises(ModerationError) as unknown,
    ):
        client.moderate(comment())
    assert unknown.value.reason == "CLIENT_TOO_OLD"
