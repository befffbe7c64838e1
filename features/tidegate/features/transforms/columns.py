"""Arrow columns as numpy arrays, and the error for what can't be in them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.features.transforms.instants import Ints


class EventColumnsError(ValueError):
    """A column of the events, or of the questions, holds what no recorded event or question can hold."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        """Name of the column."""


def columns(table: pa.Table, schema: pa.Schema) -> Mapping[str, Any]:
    """The schema's columns, each as one Arrow array of its type.

    Raises:
        EventColumnsError: One is not there, can't be had in the type, or has nulls where it must not.
    """
    return {field.name: _column(table, field) for field in schema}


def _column(table: pa.Table, field: pa.Field) -> Any:
    position = table.schema.get_field_index(field.name)
    if position < 0:
        raise EventColumnsError(field.name, "there is no such column, or it is there twice")
    chunked = table.column(position)
    values = chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()
    if values.type != field.type:
        try:
            values = values.cast(field.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise EventColumnsError(field.name, f"must be {field.type}, is {values.type}") from error
    if values.null_count and not field.nullable:
        raise EventColumnsError(field.name, f"must not be null, is null {values.null_count} times")
    return values


def known_codes(values: Any, known: Any, name: str) -> Ints:
    """Strings as indices into the Arrow array `known`.

    Raises:
        EventColumnsError: One is not among them.
    """
    found = pc.index_in(values, value_set=known)
    if found.null_count:
        raise EventColumnsError(name, f"a value is none of {', '.join(known.to_pylist())}")
    codes: Ints = found.to_numpy().astype(np.int64)
    return codes
