"""What of a decision is written by hand comes out as protobuf's own conversions write it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ledger.sample_records import sample_record
from tidegate.api.moderation.v1 import content_pb2
from tidegate.api.moderation.v1 import decision_pb2 as pb
from tidegate.moderation.decision import Action, Completeness
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.item import NoticeSource, Surface
from tidegate.moderation.signals import LookupStatus
from tidegate.serving import encode

MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis takes the zone apart
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))]),
)


@settings(max_examples=200, deadline=None)
@given(MOMENTS, st.floats(0.0, 1e9))
def test_times_are_those_that_protobuf_makes_of_them(moment: datetime, elapsed_ms: float) -> None:
    record = replace(sample_record(), decided_at=moment, hops_ms={"gather": elapsed_ms})
    run = DetectorRun("text_harm", "3", DetectorStatus.OK, "text", latency_ms=elapsed_ms)
    message = encode.decision(replace(record, inputs=replace(record.inputs, detectors=(run,))))
    at, took = Timestamp(), Duration()
    at.FromDatetime(moment)
    took.FromNanoseconds(round(elapsed_ms * 1e6))

    assert message.decided_at == at
    assert message.hops["gather"] == took
    assert message.detectors[0].HasField("latency")
    assert message.detectors[0].latency == took


@pytest.mark.parametrize("surface", Surface)
@pytest.mark.parametrize("source", NoticeSource)
def test_the_context_of_a_decision_keeps_its_names(surface: Surface, source: NoticeSource) -> None:
    record = sample_record()
    inputs = replace(record.inputs, surface=surface, source=source)
    context = encode.decision(replace(record, inputs=inputs)).context

    assert content_pb2.Surface.Name(context.surface) == f"SURFACE_{surface.name}"
    assert content_pb2.NoticeSource.Name(context.source) == f"NOTICE_SOURCE_{source.name}"


def test_each_outcome_keeps_its_name() -> None:
    record = sample_record()
    for action in Action:
        assert pb.Action.Name(encode.decision(replace(record, action=action)).action) == f"ACTION_{action.name}"
    for completeness in Completeness:
        told = encode.decision(replace(record, completeness=completeness)).completeness
        assert pb.Completeness.Name(told) == f"COMPLETENESS_{completeness.name}"
    for lookup in LookupStatus:
        inputs = replace(record.inputs, account=replace(record.inputs.account, status=lookup))
        looked_up = encode.decision(replace(record, inputs=inputs)).account_lookup
        assert pb.LookupStatus.Name(looked_up) == f"LOOKUP_STATUS_{lookup.name}"
    for status in DetectorStatus:
        inputs = replace(record.inputs, detectors=(DetectorRun("text_harm", "3", status, "text"),))
        (run,) = encode.decision(replace(record, inputs=inputs)).detectors
        assert pb.DetectorStatus.Name(run.status) == f"DETECTOR_STATUS_{status.name}"
