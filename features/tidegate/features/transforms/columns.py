"""Arrow columns as numpy arrays, and the error for what can't be in them."""

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


def column(table: pa.Table, name: str) -> Any:
    """The column as one Arrow array.

    Raises:
        EventColumnsError: It is not there.
    """
    position = table.schema.get_field_index(name)
    if position < 0:
        raise EventColumnsError(name, f"there is no such column; there are {', '.join(table.column_names)}")
    chunked = table.column(position)
    return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()


def int_column(table: pa.Table, name: str) -> Ints:
    """The integer column as numpy array.

    Raises:
        EventColumnsError: It is not there, has another type, or has nulls.
    """
    values = column(table, name)
    if values.type != pa.int64() or values.null_count:
        raise EventColumnsError(name, f"must be int64 without nulls, is {values.type} with {values.null_count} nulls")
    numbers: Ints = values.to_numpy()
    return numbers


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
