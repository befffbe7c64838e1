"""A record's bytes: exact, canonical, and honest about what they can't hold."""

import dataclasses
import math
import struct
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from tests.ledger.sample_records import records, sample_inputs, sample_record
from tidegate.ledger.record_format import FORMAT, RecordFormatError, canonical_violations, decode, encode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.moderation.decision import Action, DecisionRecord, RuleValue, Violation
from tidegate.moderation.detection import DetectorRun, DetectorStatus
from tidegate.moderation.signals import FeatureValue, Freshness

GOLDEN = Path(__file__).parent / "golden" / "record_format_1.json"


def bits(value: object) -> object:
    """A value as something that is equal only if every bit and every type is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, [(f.name, bits(getattr(value, f.name))) for f in dataclasses.fields(value)]
    if isinstance(value, dict):
        return {key: bits(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [bits(item) for item in value]
    if isinstance(value, float):  # every nan counts as the same one: JSON has no payload bits
        return "float", "nan" if math.isnan(value) else struct.pack(">d", value)
    if isinstance(value, datetime):
        return "time", value.timestamp(), value.microsecond
    return (type(value).__name__ if not isinstance(value, Enum) else "enum"), value


@hypothesis_settings(max_examples=100, deadline=None)
@given(records)
def test_every_record_reads_back_bit_for_bit(record: DecisionRecord) -> None:
    payload = encode(record)
    again = decode(payload)
    assert bits(again) == bits(record)
    assert encode(again) == payload
    assert RecordKeys.of(again) == RecordKeys.of(record)


def test_the_same_record_gives_the_same_bytes_whatever_the_order_of_its_mappings() -> None:
    one = sample_record(decision_id="d", hops_ms={"a": 1.0, "b": 2.0})
    other = sample_record(decision_id="d", hops_ms={"b": 2.0, "a": 1.0})
    assert encode(one) == encode(other)


def test_integers_and_whole_floats_stay_what_they_are() -> None:
    """A policy may treat 2 and 2.0 differently, so the record must not."""
    for value in (2, 2.0, True, "2", 2**63 - 1, 1e16):
        feature = FeatureValue("view__feature", value, Freshness.FRESH, None)
        account = dataclasses.replace(sample_inputs().account, values=(feature,))
        record = sample_record(inputs=dataclasses.replace(sample_inputs(), account=account))
        read = decode(encode(record)).inputs.account.values[0].value
        assert (type(read), read) == (type(value), value)


def test_numpy_scores_are_kept_as_the_float_they_are() -> None:
    run = DetectorRun("d", "1", DetectorStatus.OK, "body", scores={"label": np.float64(0.1)})
    record = sample_record(inputs=dataclasses.replace(sample_inputs(), detectors=(run,)))
    assert decode(encode(record)).inputs.detectors[0].scores == {"label": 0.1}


def test_an_unknown_format_version_is_refused() -> None:
    document = orjson.loads(encode(sample_record()))
    assert document["format"] == FORMAT
    for version in (0, FORMAT + 1, None, "1"):
        with pytest.raises(RecordFormatError, match="not known"):
            decode(orjson.dumps({**document, "format": version}))


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format":1}', b'{"format":1,"inputs":3}'])
def test_other_bytes_are_refused(payload: bytes) -> None:
    with pytest.raises(RecordFormatError):
        decode(payload)


def test_a_record_with_an_unknown_action_is_refused() -> None:
    document = orjson.loads(encode(sample_record()))
    with pytest.raises(RecordFormatError):
        decode(orjson.dumps({**document, "action": "SHRUG"}))


@pytest.mark.parametrize(
    "changes",
    [{"decided_at": datetime(2026, 1, 1)}, {"content_id": "\ud800"}, {"fingerprint": object()}],  # noqa: DTZ001
    ids=["time without zone", "lone surrogate", "no text"],
)
def test_what_has_no_exact_bytes_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RecordFormatError):
        encode(sample_record(**changes))


def test_comparison_tells_zeros_apart_and_takes_nan_for_nan() -> None:
    def of(score: float) -> bytes:
        return canonical_violations([Violation("rule", "category", Action.BLOCK, RuleValue.TRUE, score)])

    assert of(0.0) != of(-0.0)
    assert of(math.nan) == of(math.nan)


def test_a_record_written_by_format_1_can_be_read_for_good() -> None:
    """The golden file is never written again: if this fails, old ledgers have become unreadable."""
    record = decode(GOLDEN.read_bytes())
    assert record == sample_record(decision_id="0199f0c0d0e07000800000000000abcd", idempotency_key="upload-17")


def test_format_1_is_still_written_the_same() -> None:
    """Change the bytes and the format version must change with them."""
    record = sample_record(decision_id="0199f0c0d0e07000800000000000abcd", idempotency_key="upload-17")
    assert encode(record) == GOLDEN.read_bytes()
