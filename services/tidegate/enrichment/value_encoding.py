"""Bytes of Feast's online stores to Python values, without Feast's generic conversions.

Feast stores each value as a serialised `Value` message and, in Redis, a row's event time as a `Timestamp`. A lookup
decodes up to fifty of them per account, so the encodings that our views produce are taken apart by hand, all others
are left to protobuf; a test holds both equal over every scalar kind.
Wire format: https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from feast.protos.feast.types.Value_pb2 import Value
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from tidegate.moderation.signals import FeatureScalar

_VARINT, _FIXED64, _SIZED = 0, 1, 2
_STRING = Value.STRING_VAL_FIELD_NUMBER << 3 | _SIZED
_INT32 = Value.INT32_VAL_FIELD_NUMBER << 3 | _VARINT
_INT64 = Value.INT64_VAL_FIELD_NUMBER << 3 | _VARINT
_BOOL = Value.BOOL_VAL_FIELD_NUMBER << 3 | _VARINT
_DOUBLE = Value.DOUBLE_VAL_FIELD_NUMBER << 3 | _FIXED64
_ONE_BYTE = 0x80
"""Varints below this are one byte long."""
_DOUBLE_SIZE = 9

_SCALARS = frozenset({"bool_val", "int32_val", "int64_val", "float_val", "double_val", "string_val"})
_EPOCH = datetime.fromtimestamp(0, tz=UTC)
_as_double = struct.Struct("<xd").unpack

_COMMON: Mapping[bytes | None, FeatureScalar | None] = {
    None: None,
    b"": None,
    **{bytes((tag, value)): value for tag in (_INT64, _INT32) for value in range(_ONE_BYTE)},
    **{bytes((_BOOL, value)): value != 0 for value in range(_ONE_BYTE)},
}
"""Absent values, and those of two bytes."""
_OTHER: Any = object()


def scalars(raws: Iterable[bytes | None]) -> list[FeatureScalar | None]:
    """The values in serialised `Value`s; None for an absent, null or unreadable one and for lists, bytes and times."""
    values: list[FeatureScalar | None] = []
    raw: Any  # None is common
    common = _COMMON.get
    for raw in raws:
        value = common(raw, _OTHER)
        if value is _OTHER:
            if len(raw) == _DOUBLE_SIZE and raw[0] == _DOUBLE:
                (value,) = _as_double(raw)
            else:
                value = _uncommon(raw)
        values.append(value)
    return values


def _uncommon(raw: bytes) -> FeatureScalar | None:
    size = len(raw)
    if raw[0] == _STRING and size > 1 and raw[1] == size - 2 < _ONE_BYTE:
        try:
            return raw[2:].decode()
        except UnicodeDecodeError:
            return None
    return scalar_by_protobuf(raw)


def scalar(raw: bytes | None) -> FeatureScalar | None:
    """As `scalars`, of one."""
    return scalars((raw,))[0]


def scalar_by_protobuf(raw: bytes) -> FeatureScalar | None:
    """As `scalar`, by protobuf alone."""
    try:
        value = Value.FromString(raw)
    except DecodeError:
        # One damaged value must not take the signals of a whole batch with it.
        return None
    field = value.WhichOneof("val")
    if field not in _SCALARS:
        return None
    found: FeatureScalar = getattr(value, field)
    return found


def event_time(raw: bytes | None) -> datetime | None:
    """The time in a serialised `Timestamp`, UTC, to the microsecond; None if there is none or it can't be read."""
    if not raw:
        return None
    try:
        stamp = Timestamp.FromString(raw)
        return _EPOCH + timedelta(0, stamp.seconds, stamp.nanos // 1000)
    except (DecodeError, OverflowError):
        return None
