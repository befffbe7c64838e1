"""Decoding by hand against protobuf's own."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from feast.protos.feast.types.Value_pb2 import BoolList, Null, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from tidegate.enrichment.value_encoding import event_time, scalar, scalar_by_protobuf
from tidegate.moderation.signals import FeatureScalar

SCALARS = st.one_of(
    st.builds(lambda value: Value(bool_val=value), st.booleans()),
    st.builds(lambda value: Value(int32_val=value), st.integers(-(2**31), 2**31 - 1) | st.integers(-300, 300)),
    st.builds(lambda value: Value(int64_val=value), st.integers(-(2**63), 2**63 - 1) | st.integers(-300, 300)),
    st.builds(lambda value: Value(float_val=value), st.floats(width=32)),
    st.builds(lambda value: Value(double_val=value), st.floats()),
    st.builds(lambda value: Value(string_val=value), st.text(max_size=300)),
)
OTHERS = st.one_of(
    st.just(Value()),
    st.builds(lambda value: Value(bytes_val=value), st.binary(max_size=10)),
    st.builds(lambda value: Value(unix_timestamp_val=value), st.integers(0, 2**40)),
    st.just(Value(null_val=Null.NULL)),
    st.just(Value(bool_list_val=BoolList(val=[True]))),
)
CUT = st.builds(lambda value, start: value.SerializeToString()[start:], SCALARS, st.integers(0, 4))


def exactly(value: FeatureScalar | None) -> tuple[type, object]:
    """To compare: NaN equals itself here, and -0.0 is not 0.0, nor 1 True."""
    return type(value), struct.pack("<d", value) if isinstance(value, float) else value


@given(SCALARS)
def test_a_scalar_is_what_protobuf_says(value: Value) -> None:
    kind = value.WhichOneof("val")
    assert kind is not None
    assert exactly(scalar(value.SerializeToString())) == exactly(getattr(value, kind))


@given(OTHERS)
def test_null_and_what_no_feature_of_ours_is_has_no_value(value: Value) -> None:
    assert scalar(value.SerializeToString()) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value(bool_val=False), False),
        (Value(int64_val=0), 0),
        (Value(int64_val=-1), -1),
        (Value(int64_val=127), 127),
        (Value(int64_val=128), 128),
        (Value(double_val=-0.0), -0.0),
        (Value(double_val=float("nan")), float("nan")),
        (Value(double_val=float("-inf")), float("-inf")),
        (Value(string_val=""), ""),
        (Value(string_val="Größe 🐢"), "Größe 🐢"),
        (Value(string_val="x" * 128), "x" * 128),
    ],
)
def test_the_edges_of_each_encoding(value: Value, expected: FeatureScalar) -> None:
    assert exactly(scalar(value.SerializeToString())) == exactly(expected)


@given(st.binary(max_size=12) | CUT)
def test_damaged_bytes_are_read_as_protobuf_reads_them_and_never_raise(raw: bytes) -> None:
    assert exactly(scalar(raw)) == exactly(scalar_by_protobuf(raw))


def test_nothing_has_no_value() -> None:
    assert scalar(None) is None
    assert scalar(b"") is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_event_time_keeps_its_microseconds(moment: datetime) -> None:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    assert event_time(stamp.SerializeToString()) == moment or moment == datetime.fromtimestamp(0, tz=UTC)


def test_an_event_time_that_cannot_be_read_is_none() -> None:
    beyond = Timestamp(seconds=2**62).SerializeToString()
    assert [event_time(raw) for raw in (None, b"", b"\x08", beyond)] == [None] * 4


def test_a_moment_before_1970_is_read_as_such() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC)
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    assert event_time(stamp.SerializeToString()) == moment
    assert moment + timedelta(milliseconds=500) == datetime.fromtimestamp(0, tz=UTC)
