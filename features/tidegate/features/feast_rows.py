"""Rows of signals as Feast's stores take them: keys and values in its own encoding."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from feast import FeatureView
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.entity_keys import EntityKeys
from tidegate.features.feature import ValueKind, View


@dataclass(frozen=True, slots=True)
class ViewRows:
    """Rows of one view on their way into a store."""

    view: View
    """As declared."""
    stored: FeatureView
    """As Feast has it."""
    rows: pa.Table
    """In `history.history_schema(view)`, one or none per account."""


KEY_VERSION = 3
"""`entity_key_serialization_version` of our repositories."""

_FIELDS = {
    ValueKind.BOOL: "bool_val",
    ValueKind.INT: "int64_val",
    ValueKind.FLOAT: "double_val",
    ValueKind.STRING: "string_val",
}


_KEYS = EntityKeys(KEY_VERSION)
_DOUBLE = Value.DOUBLE_VAL_FIELD_NUMBER << 3 | 1
_double = struct.Struct("<Bd").pack


def key_bytes(account_ids: Iterable[str]) -> list[bytes]:
    """The keys as Feast's stores hold them."""
    return [_KEYS.key(each) for each in account_ids]


def feast_value(value: Any, kind: ValueKind) -> Value:
    """A value as Feast's message. None is its empty one: written, so that no old value outlives it."""
    return Value() if value is None else Value(**{_FIELDS[kind]: value})


def value_bytes(column: pa.ChunkedArray, kind: ValueKind) -> list[bytes]:
    """A column's values as Feast's stores hold them; each different one is encoded once, and floats by hand.

    https://protobuf.dev/programming-guides/encoding/ says how; a test holds it to protobuf's own.
    """
    if kind is ValueKind.FLOAT:
        return [b"" if each is None else _double(_DOUBLE, each) for each in column.to_pylist()]
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    table = [feast_value(each, kind).SerializeToString() for each in encoded.dictionary.to_pylist()]
    return [table[place] for place in encoded.indices.to_pylist()]
