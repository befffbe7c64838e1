"""What ingress counts: each request once, with what it was decided from, and what it was refused for."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import grpc
import pytest

from tests.serving.in_process import ScriptedFeatures, ScriptedText, account, scored, serving
from tests.serving.requests import request
from tidegate.api.moderation.v1 import moderation_service_pb2 as pb
from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import LookupStatus
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.measures import CANCELLED, INTERNAL, NO_HOPS, NullModerationMetrics
from tidegate.telemetry.metrics import configure_metrics, meter_of
from tidegate.telemetry.otel_measures import OtelModerationMetrics


@dataclass
class RecordingMetrics:
    """Keeps what it is told."""

    decisions: list[tuple[DecisionRecord, bool]] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)
    hops: list[set[str]] = field(default_factory=list)
    failed_open: list[str] = field(default_factory=list)

    def decided(
        self,
        record: DecisionRecord,
        *,
        duration_s: float,
        repeated: bool,
        hops_ms: Mapping[str, float] = NO_HOPS,
        failed_open: Sequence[str] = (),
        trace: TraceContext | None = None,
    ) -> None:
        assert duration_s > 0
        assert trace is not None
        self.decisions.append((record, repeated))
        self.hops.append(set(hops_ms))
        self.failed_open += failed_open

    def refused(self, reason: str, *, code: str) -> None:
        self.refusals.append((reason, code))


async def test_a_decision_is_counted_with_its_inputs_and_its_repetition_as_one() -> None:
    metrics = RecordingMetrics()
    features = ScriptedFeatures(answer=account(account_enforcement__strikes_90d=3))
    keyed = pb.ModerateRequest(item=request().item, idempotency_key="k-1")
    async with serving(text=ScriptedText(lambda _: scored(hate=4)), features=features, metrics=metrics) as served:
        for _ in range(2):
            await served.stub.Moderate(keyed)
    (first, repeated), (second, again) = metrics.decisions
    assert (repeated, again) == (False, True)
    assert first.decision_id == second.decision_id
    assert first.inputs.account.status is LookupStatus.OK
    assert metrics.hops[0] >= {"admission", "gather", "features", "text", "policy", "ledger"}
    assert [run.severities["hate"] for run in first.inputs.detectors if run.name == "text_harm"] == [4]


async def test_what_is_refused_is_counted_by_its_reason_on_both_methods() -> None:
    metrics = RecordingMetrics()
    async with serving(metrics=metrics) as served:
        with pytest.raises(grpc.aio.AioRpcError):
            await served.stub.Moderate(request(market="nowhere"))
        wrong = pb.ModerateStreamRequest(correlation_id="1", request=request(market="nowhere"))
        async for answer in served.stub.ModerateStream(iter([wrong])):
            assert answer.HasField("error")
    assert metrics.refusals == [("INVALID_REQUEST", "INVALID_ARGUMENT")] * 2
    assert metrics.decisions == []


async def test_an_unexpected_error_is_counted_as_internal(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = RecordingMetrics()
    async with serving(metrics=metrics) as served:

        def broken(_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(served.parts.servicer._decoder, "budget_ms", broken)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await served.stub.Moderate(request())
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert metrics.refusals == [(INTERNAL, "INTERNAL")]


async def test_a_caller_who_goes_away_is_counted_as_cancelled() -> None:
    metrics, text = RecordingMetrics(), ScriptedText(delay_s=30)
    async with serving(text=text, metrics=metrics) as served:
        call = served.stub.Moderate(request())
        while not text.batches:  # noqa: ASYNC110 - the stage counts, it does not tell
            await asyncio.sleep(0.01)
        call.cancel()
        while not metrics.refusals:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    assert metrics.refusals == [(CANCELLED, "CANCELLED")]


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:9"])
async def test_decisions_are_made_whether_or_not_metrics_arrive(endpoint: str | None) -> None:
    provider = configure_metrics(
        service_name="test", endpoint=endpoint, interval_ms=10, export_timeout_ms=100, shutdown_timeout_ms=300
    )
    try:
        async with serving(metrics=OtelModerationMetrics(meter_of(provider))) as served:
            answer = await served.stub.Moderate(request())
    finally:
        provider.shutdown()
    assert answer.decision.decision_id


async def test_counting_nothing_is_the_default() -> None:
    async with serving() as served:
        assert isinstance(served.parts.servicer._metrics, NullModerationMetrics)
        assert (await served.stub.Moderate(request())).decision.decision_id
