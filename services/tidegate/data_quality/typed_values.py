"""Values into columns of the type that their field has, and which record holds one of another type.

Ledgers, profiles and Parquet files are read back long after they were written, by whom and by which release one can't
tell. What Arrow says of a value that does not fit names neither record nor field.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from tidegate.data_quality.counting import ARROW_TYPES
from tidegate.features.refs import ACCOUNT_FEATURES

FEATURE_TYPES: Mapping[str, pa.DataType] = {
    name: ARROW_TYPES[ref.feature.kind] for name, ref in ACCOUNT_FEATURES.items()
}
"""Type of a signal's column, by full name."""

_ALLOWED = {
    pa.bool_(): "true or false",
    pa.int64(): "a whole number of 64 bits",
    pa.float64(): "a number",
    pa.string(): "a text",
}
_PYTHON: Mapping[pa.DataType, frozenset[type]] = {
    pa.bool_(): frozenset({bool}),
    pa.int64(): frozenset({int}),
    pa.float64(): frozenset({float, int}),
    pa.string(): frozenset({str}),
}
_WHOLE = {pa.int64(): (-(2**63), 2**63 - 1), pa.float64(): (-(2**53), 2**53)}
"""Whole numbers that a column holds exactly."""
_SHOWN = 60
"""Most characters of a value that are shown."""


class WrongTypeError(Exception):
    """A record holds a value of another type than its field has. The message names all of it, but not the file."""

    def __init__(self, record: str, field: str, value: object, wanted: pa.DataType) -> None:
        """What was found.

        Args:
            record: Which one, as `decision ID`.
            field: Its name.
            value: What it holds.
            wanted: The field's type.
        """
        shown = repr(value)
        shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
        super().__init__(f"{record}: {field} is {shown}; allowed is {_ALLOWED[wanted]}, or nothing")


def column(values: Sequence[tuple[str, object]], field: str, wanted: pa.DataType) -> pa.Array:
    """The values of one field, each with its record's name; None is a null.

    Raises:
        WrongTypeError: One of them has another type.
    """
    for record, value in values:
        if value is not None:
            refuse_unfit(record, field, value, wanted)
    return pa.array([value for _, value in values], wanted)


def refuse_unfit(record: str, field: str, value: object, wanted: pa.DataType) -> None:
    """Raises WrongTypeError if a value is of another type than its field: of 2.5 Arrow would make a whole 2."""
    lowest, highest = _WHOLE.get(wanted, (0, 0))
    if type(value) not in _PYTHON[wanted] or (type(value) is int and not lowest <= value <= highest):
        raise WrongTypeError(record, field, value, wanted)


def with_types(rows: pa.Table, types: Mapping[str, pa.DataType]) -> pa.Table:
    """The table, those of its columns that `types` names cast to their type.

    Raises:
        WrongTypeError: A value can't be. Rows count from 1.
    """
    for place, name in enumerate(rows.column_names):
        wanted = types.get(name)
        if wanted is None or rows[name].type == wanted:
            continue
        try:
            cast = rows[name].cast(wanted)
        except pa.ArrowException as error:
            raise _first_unfit(rows[name], name, wanted) from error
        rows = rows.set_column(place, name, cast)
    return rows


def _first_unfit(values: pa.ChunkedArray, name: str, wanted: pa.DataType) -> WrongTypeError:
    at = next(at for at, value in enumerate(values) if not _fits(value, wanted))
    return WrongTypeError(f"row {at + 1:,}", name, values[at].as_py(), wanted)


def _fits(value: pa.Scalar, wanted: pa.DataType) -> bool:
    try:
        value.cast(wanted)
    except pa.ArrowException:
        return False
    return True
