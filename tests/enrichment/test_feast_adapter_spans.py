"""What a lookup leaves in traces."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan

from tests.telemetry.kept_spans import KeptSpans
from tidegate.enrichment.feast_adapter import FeastAccountFeatures
from tidegate.enrichment.feast_reader import FeastReader
from tidegate.enrichment.port import SignalsRequest
from tidegate.moderation.signals import AccountSignals, Freshness
from tidegate.moderation.tracing import TraceContext
from tidegate.telemetry.names import Attribute, SpanName
from tidegate.telemetry.recorder import Recorder

FIRST = TraceContext(trace_id="1" * 32, span_id="a" * 16, sampled=True)
SECOND = TraceContext(trace_id="2" * 32, span_id="b" * 16, sampled=True)
UNSAMPLED = TraceContext(trace_id="3" * 32, span_id="c" * 16, sampled=False)


@pytest.fixture
def exporter() -> KeptSpans:
    return KeptSpans()


@pytest.fixture
def tracer(exporter: KeptSpans) -> Recorder:
    return exporter.recorder


def named(exporter: KeptSpans, name: SpanName) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


async def look_up(
    state: Path, now: datetime, tracer: Recorder, *requests: tuple[str, TraceContext]
) -> Sequence[AccountSignals]:
    features = FeastAccountFeatures(FeastReader(state), tracer=tracer, clock=lambda: now)
    return await features.lookup([SignalsRequest(name, 60_000, trace) for name, trace in requests])


async def test_one_batch_span_is_linked_to_every_sampled_request(
    seeded: Path, now: datetime, tracer: Recorder, exporter: KeptSpans
) -> None:
    answers = await look_up(
        seeded, now, tracer, ("acct-new", UNSAMPLED), ("acct-stale", FIRST), ("acct-nobody", SECOND)
    )
    batch = next(
        span
        for span in named(exporter, SpanName.FEATURES_LOOKUP)
        if Attribute.BATCH_SHARED not in (span.attributes or {})
    )
    assert {f"{link.context.trace_id:032x}" for link in batch.links} == {FIRST.trace_id, SECOND.trace_id}
    assert batch.attributes is not None
    assert batch.attributes[Attribute.FEATURE_STATUS] == "OK"
    counted = Counter(value.freshness for answer in answers for value in answer.values)
    assert batch.attributes[Attribute.FEATURE_STALE] == counted[Freshness.STALE] > 0
    assert batch.attributes[Attribute.FEATURE_MISSING] == counted[Freshness.MISSING] > 0


async def test_every_sampled_request_finds_the_lookup_in_its_own_trace(
    seeded: Path, now: datetime, tracer: Recorder, exporter: KeptSpans
) -> None:
    await look_up(seeded, now, tracer, ("acct-new", FIRST), ("acct-stale", SECOND))
    traces = {f"{span.context.trace_id:032x}" for span in named(exporter, SpanName.FEATURES_LOOKUP) if span.context}
    assert traces == {FIRST.trace_id, SECOND.trace_id}


async def test_the_online_read_is_one_span_beneath_the_batch(
    seeded: Path, now: datetime, tracer: Recorder, exporter: KeptSpans
) -> None:
    await look_up(seeded, now, tracer, ("acct-new", FIRST), ("acct-new", FIRST))
    (read,), (batch,) = named(exporter, SpanName.FEATURES_ONLINE_READ), named(exporter, SpanName.FEATURES_LOOKUP)
    assert read.parent == batch.context
    assert read.attributes is not None
    assert read.attributes[Attribute.BATCH_SIZE] == 1


async def test_an_outage_marks_the_read_as_failed(
    tmp_path: Path, now: datetime, tracer: Recorder, exporter: KeptSpans
) -> None:
    await look_up(tmp_path, now, tracer, ("acct-new", FIRST))
    (read,), (batch,) = named(exporter, SpanName.FEATURES_ONLINE_READ), named(exporter, SpanName.FEATURES_LOOKUP)
    assert not read.status.is_ok
    assert batch.attributes is not None
    assert batch.attributes[Attribute.FEATURE_STATUS] == "FAILED"


async def test_nothing_is_recorded_where_no_request_is_sampled(
    seeded: Path, now: datetime, tracer: Recorder, exporter: KeptSpans
) -> None:
    await look_up(seeded, now, tracer, ("acct-new", UNSAMPLED), ("acct-stale", UNSAMPLED))
    assert exporter.get_finished_spans() == ()


async def test_no_span_holds_an_account_id(seeded: Path, now: datetime, tracer: Recorder, exporter: KeptSpans) -> None:
    await look_up(seeded, now, tracer, ("acct-new", FIRST), ("acct-stale", SECOND))
    spans = exporter.get_finished_spans()
    assert len(spans) == 3
    assert not [span for span in spans if "acct-" in span.to_json()]
