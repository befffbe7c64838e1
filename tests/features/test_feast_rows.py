"""Rows as Feast's stores take them, against protobuf's own encoding."""

from typing import Any

import pyarrow as pa
from feast.protos.feast.types.Value_pb2 import Value
from hypothesis import given
from hypothesis import strategies as st

from tidegate.features.feast_rows import value_bytes
from tidegate.features.feature import ValueKind

_COLUMNS = {
    ValueKind.BOOL: ("bool_val", st.booleans(), pa.bool_()),
    ValueKind.INT: ("int64_val", st.integers(-(2**63), 2**63 - 1), pa.int64()),
    ValueKind.FLOAT: ("double_val", st.floats(), pa.float64()),
    ValueKind.STRING: ("string_val", st.text(max_size=200), pa.string()),
}


@given(st.data(), st.sampled_from(ValueKind))
def test_a_column_is_encoded_as_protobuf_does_and_null_is_its_empty_message(
    data: st.DataObject, kind: ValueKind
) -> None:
    field, values, type_ = _COLUMNS[kind]
    column = data.draw(st.lists(values | st.none(), max_size=20))
    told: list[dict[str, Any]] = [{} if each is None else {field: each} for each in column]
    found = value_bytes(pa.chunked_array([column], type_), kind)
    assert found == [Value(**each).SerializeToString() for each in told]
