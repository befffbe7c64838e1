"""Rows of signals as Feast's stores take them: keys and values as its own messages, never encoded by us."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
from feast import FeatureView
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import JOIN_KEY, ValueKind, View

FeastRow = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
"""Key, values by feature name, event time, creation time: what `Provider.online_write_batch` takes."""


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


def entity_key(account_id: str) -> EntityKey:
    """Feast's key of an account."""
    return EntityKey(join_keys=[JOIN_KEY], entity_values=[Value(string_val=account_id)])


def key_bytes(account_ids: Iterable[str]) -> list[bytes]:
    """The keys as Feast's stores hold them."""
    return [_key(each) for each in account_ids]


@lru_cache(maxsize=_KEYS_KEPT)
def _key(account_id: str) -> bytes:
    key: bytes = serialize_entity_key(entity_key(account_id), entity_key_serialization_version=KEY_VERSION)
    return key


def value_bytes(column: pa.ChunkedArray, kind: ValueKind) -> list[bytes]:
    """A column's values as Feast's stores hold them; each different one is encoded once."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    table = [each.SerializeToString() for each in _column(encoded.dictionary.to_pylist(), _FIELDS[kind])]
    return [table[place] for place in encoded.indices.to_pylist()]


def feast_rows(view: View, rows: pa.Table) -> list[FeastRow]:
    """Every stored field of every row. A null is written as Feast's empty value, so that no old value outlives it."""
    columns = [_column(rows[feature.name].to_pylist(), _FIELDS[feature.kind]) for feature in view.stored()]
    names = [feature.name for feature in view.stored()]
    keys = [entity_key(account_id) for account_id in rows[JOIN_KEY].to_pylist()]
    times: list[datetime] = rows[EVENT_TIMESTAMP].to_pylist()
    return [
        (key, dict(zip(names, values, strict=True)), time, None)
        for key, time, *values in zip(keys, times, *columns, strict=True)
    ]


def _column(values: list[Any], field: str) -> list[Value]:
    return [Value() if value is None else Value(**{field: value}) for value in values]
