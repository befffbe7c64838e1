"""Rows of signals as Feast's stores take them: keys and values as its own messages, never encoded by us."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa
from feast import FeatureView
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.refs import JOIN_KEY, ValueKind, View


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

_KEYS_KEPT = 50_000
"""Accounts whose key is kept: a partition's are written once per view."""

_FIELDS = {
    ValueKind.BOOL: "bool_val",
    ValueKind.INT: "int64_val",
    ValueKind.FLOAT: "double_val",
    ValueKind.STRING: "string_val",
}


def key_bytes(account_ids: Iterable[str]) -> list[bytes]:
    """The keys as Feast's stores hold them."""
    return [_key(each) for each in account_ids]


@lru_cache(maxsize=_KEYS_KEPT)
def _key(account_id: str) -> bytes:
    named = EntityKey(join_keys=[JOIN_KEY], entity_values=[Value(string_val=account_id)])
    key: bytes = serialize_entity_key(named, entity_key_serialization_version=KEY_VERSION)
    return key


def feast_value(value: Any, kind: ValueKind) -> Value:
    """A value as Feast's message. None is its empty one: written, so that no old value outlives it."""
    return Value() if value is None else Value(**{_FIELDS[kind]: value})


def value_bytes(column: pa.ChunkedArray, kind: ValueKind) -> list[bytes]:
    """A column's values as Feast's stores hold them; each different one is encoded once."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    table = [feast_value(each, kind).SerializeToString() for each in encoded.dictionary.to_pylist()]
    return [table[place] for place in encoded.indices.to_pylist()]
