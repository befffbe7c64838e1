"""Rows to write, and as Feast itself takes them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from tidegate.features.feature import Feature, ValueKind, View

NOW = datetime(2026, 11, 22, 12, 0, 0, 400_000, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
"""What tells two rows of one second apart."""
TOLD: Mapping[ValueKind, Sequence[Any]] = {
    ValueKind.BOOL: (True, False),
    ValueKind.INT: (0, 1, -1, 2**62),
    ValueKind.FLOAT: (0.0, 1.0, -0.5, 1e300),
    ValueKind.STRING: ("", "BLOCK", "Größe 🐢"),
}
"""Values by kind, for rows in which each comes up."""


def picked(view: View, told: Mapping[ValueKind, Sequence[Any]], number: int) -> dict[str, Any]:
    """The features of a view, each with one of the values told for its kind, by turns."""
    return {each.name: told[each.kind][number % len(told[each.kind])] for each in view.stored()}


def as_feast_takes_them(view: View, table: pa.Table) -> list[Any]:
    """Entity key, values by name, event time: messages made one by one."""
    fields = {ValueKind.BOOL: "bool_val", ValueKind.INT: "int64_val"}
    fields |= {ValueKind.FLOAT: "double_val", ValueKind.STRING: "string_val"}

    def value(row: Mapping[str, Any], feature: Feature) -> Value:
        told = row[feature.name]
        return Value() if told is None else Value(**{fields[feature.kind]: told})

    return [
        (
            EntityKey(join_keys=["account_id"], entity_values=[Value(string_val=row["account_id"])]),
            {feature.name: value(row, feature) for feature in view.stored()},
            row["event_timestamp"],
            None,
        )
        for row in table.to_pylist()
    ]
