"""Findings are results, outages are data: what callers get from the real ingress, pipeline and policies."""

import asyncio

import grpc
import pytest

from tests.serving.in_process import ListedLedger, ScriptedFeatures, ScriptedText, account, scored, serving, without
from tests.serving.refusals import reason, status_of_call
from tests.serving.requests import request
from tidegate.api.moderation.v1 import content_pb2, decision_pb2
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.ledger.memory_adapter import MemoryLedger
from tidegate.models.catalogue import Modality
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.errors import LedgerUnavailable
from tidegate.moderation.signals import Freshness


async def test_harmless_text_of_an_unknown_account_is_allowed_and_complete() -> None:
    async with serving() as served:
        decision = (await served.stub.Moderate(request())).decision
    assert decision.action == decision_pb2.ACTION_ALLOW
    assert decision.completeness == decision_pb2.COMPLETENESS_COMPLETE
    assert not decision.violations
    assert len(decision.policy.digest) == 64
    assert {"gather", "text", "features", "policy", "total"} <= set(decision.hops)


async def test_a_block_is_an_ok_response_that_says_why() -> None:
    text = ScriptedText(script=lambda _: scored(hate=7))
    async with serving(text=text) as served:
        decision = (await served.stub.Moderate(request())).decision
    first = decision.violations[0]
    assert decision.action == decision_pb2.ACTION_BLOCK
    assert (first.rule, first.category, first.part) == ("hate_severe", "hate", "text")
    assert first.score >= first.threshold
    assert first.message


async def test_only_the_accounts_history_turns_a_borderline_comment_into_review() -> None:
    text = ScriptedText(script=lambda _: scored(hate=3))
    history = account(account_enforcement__strikes_90d=3)
    async with serving(text=text) as without, serving(text=text, features=ScriptedFeatures(history)) as having:
        unknown = (await without.stub.Moderate(request())).decision
        warned = (await having.stub.Moderate(request())).decision
    assert unknown.action == decision_pb2.ACTION_ALLOW
    assert warned.action == decision_pb2.ACTION_REVIEW
    assert "hate_borderline_repeated" in {violation.rule for violation in warned.violations}


async def test_a_stale_signal_is_unknown_and_never_allow() -> None:
    text = ScriptedText(script=lambda _: scored(hate=3))
    stale = account(freshness=Freshness.STALE, account_enforcement__strikes_90d=0)
    async with serving(text=text, features=ScriptedFeatures(stale)) as served:
        decision = (await served.stub.Moderate(request())).decision
    assert decision.action == decision_pb2.ACTION_REVIEW
    assert decision.completeness == decision_pb2.COMPLETENESS_PARTIAL
    assert any("strikes_90d" in name for violation in decision.violations for name in violation.missing)


async def test_a_text_stage_that_breaks_is_failed_and_the_comment_is_held() -> None:
    def broken(_: str) -> None:
        raise RuntimeError("secret path /etc/model")

    async with serving(text=ScriptedText(script=broken)) as served:  # type: ignore[arg-type]  # it only raises
        decision = (await served.stub.Moderate(request())).decision
    assert decision.action == decision_pb2.ACTION_REVIEW
    assert decision.completeness == decision_pb2.COMPLETENESS_PARTIAL
    assert decision.detectors[0].status == decision_pb2.DETECTOR_STATUS_FAILED
    assert "secret" not in str(decision)


async def test_a_stage_that_hangs_is_timed_out_when_the_budget_is_gone() -> None:
    asked = request()
    asked.budget.FromMilliseconds(80)
    async with serving(text=ScriptedText(delay_s=30), features=ScriptedFeatures(delay_s=30)) as served:
        decision = (await served.stub.Moderate(asked)).decision
    assert decision.completeness == decision_pb2.COMPLETENESS_FAILED
    assert decision.detectors[0].status == decision_pb2.DETECTOR_STATUS_TIMED_OUT
    assert decision.account_lookup == decision_pb2.LOOKUP_STATUS_TIMED_OUT
    assert decision.action == decision_pb2.ACTION_REVIEW


async def test_a_lookup_that_fails_lists_the_signals_it_owes_as_missing() -> None:
    async with serving(features=ScriptedFeatures(error=ConnectionError("redis"))) as served:
        decision = (await served.stub.Moderate(request())).decision
    assert decision.account_lookup == decision_pb2.LOOKUP_STATUS_FAILED
    assert decision.features
    assert {value.freshness for value in decision.features} == {decision_pb2.FRESHNESS_MISSING}


async def test_a_part_that_nobody_covers_is_listed_and_unknown_to_the_policy() -> None:
    asked = request()
    audio = content_pb2.ContentPart(id="clip", audio=content_pb2.AudioPart(data=b"fLaC" + b"\0" * 40))
    asked.item.parts.append(audio)
    async with serving(chosen=without(Modality.AUDIO)) as served:
        decision = (await served.stub.Moderate(asked)).decision
    uncovered = [run for run in decision.detectors if run.part == "clip"]
    assert [run.status for run in uncovered] == [decision_pb2.DETECTOR_STATUS_NOT_COVERED]
    assert decision.completeness == decision_pb2.COMPLETENESS_PARTIAL
    assert decision.action == decision_pb2.ACTION_REVIEW


async def test_a_transcript_is_scored_as_text() -> None:
    asked = request()
    del asked.item.parts[:]
    segments = [content_pb2.TranscriptSegment(start_ms=0, end_ms=900, text="first words")]
    asked.item.parts.add(id="speech", transcript=content_pb2.TranscriptPart(segments=segments))
    heard: list[str] = []

    def script(text: str) -> object:
        heard.append(text)
        return scored(threat=7)

    async with serving(text=ScriptedText(script=script)) as served:  # type: ignore[arg-type]  # returns DetectorScores
        decision = (await served.stub.Moderate(asked)).decision
    assert heard == ["first words"]
    assert decision.action == decision_pb2.ACTION_BLOCK
    assert decision.violations[0].part == "speech"


async def test_explain_tells_how_every_rule_came_out_now_and_later() -> None:
    asked = request()
    asked.explain = True
    async with serving() as served:
        decision = (await served.stub.Moderate(asked)).decision
        question = pb.GetDecisionRequest(decision_id=decision.decision_id, explain=True)
        again = (await served.stub.GetDecision(question)).decision
        plain = (await served.stub.GetDecision(pb.GetDecisionRequest(decision_id=decision.decision_id))).decision
    assert len(decision.explanation.rules) > 5
    assert again.explanation == decision.explanation
    assert not plain.HasField("explanation")


async def test_the_same_key_gives_the_same_decision_and_another_item_is_refused() -> None:
    asked, other = request(), request("another text")
    asked.idempotency_key = other.idempotency_key = "key-1"
    ledger = ListedLedger()
    async with serving(ledger=ledger) as served:
        first, *rest = await asyncio.gather(*(served.stub.Moderate(asked) for _ in range(8)))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(other)
    assert {answer.decision.decision_id for answer in rest} == {first.decision.decision_id}
    assert sum(answer.decision.from_idempotency_key for answer in (first, *rest)) == 7
    assert refused.value.code() is grpc.StatusCode.ALREADY_EXISTS
    assert ledger.ids == {first.decision.decision_id}


class _FullLedger(MemoryLedger):
    async def append(self, record: DecisionRecord) -> DecisionRecord:
        raise LedgerUnavailable


class _BrokenLedger(MemoryLedger):
    async def append(self, record: DecisionRecord) -> DecisionRecord:
        raise RuntimeError("disk /dev/sda1 is on fire")


async def test_a_ledger_that_can_not_be_written_is_unavailable_never_an_unrecorded_decision() -> None:
    async with serving(ledger=_FullLedger()) as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(request())
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason(status_of_call(refused.value)) == "LEDGER_UNAVAILABLE"


async def test_the_unexpected_is_internal_with_a_fixed_sentence() -> None:
    async with serving(ledger=_BrokenLedger()) as served:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served.stub.Moderate(request())
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert "fire" not in f"{refused.value.details()} {status_of_call(refused.value)}"
    assert reason(status_of_call(refused.value)) == "INTERNAL"


async def test_a_stream_keeps_a_bounded_number_under_way_and_answers_all() -> None:
    text = ScriptedText(delay_s=0.005)
    async with serving(text=text) as served:
        requests = (pb.ModerateStreamRequest(correlation_id=str(n), request=request(f"text {n}")) for n in range(500))
        answers = [answer.correlation_id async for answer in served.stub.ModerateStream(requests)]
    assert sorted(answers, key=int) == [str(n) for n in range(500)]
    assert text.most_under_way <= 65
    assert max(text.batches) > 1
