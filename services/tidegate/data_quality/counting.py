"""Columns of values into bins, many at a time; and which bins a column asks for."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tidegate.data_quality.bins import Bins, CategoryBins, NumberBins
from tidegate.data_quality.reference import COMPARED, FeatureReference, Reference
from tidegate.features.feature import ValueKind
from tidegate.features.refs import ACCOUNT_FEATURES

_QUANTILES = np.arange(1, 10) / 10
_CATEGORIES = 20
"""Most categories of a feature; the others are counted together."""

ARROW_TYPES: Mapping[ValueKind, pa.DataType] = {
    ValueKind.BOOL: pa.bool_(),
    ValueKind.INT: pa.int64(),
    ValueKind.FLOAT: pa.float64(),
    ValueKind.STRING: pa.string(),
}
"""Type of a column of values."""


def reference_of(values: pa.Table, *, source: str) -> Reference:
    """The distribution of every compared feature that has a column in `values`."""
    return reference_of_columns(dict(zip(values.column_names, values.columns, strict=True)), source=source)


def reference_of_columns(values: Mapping[str, pa.ChunkedArray], *, source: str) -> Reference:
    """The same of columns by full name, which may differ in length.

    Numbers get their deciles as edges, so that a bin holds a tenth where values differ enough; counts of which most are
    0 get fewer bins. What has no value at all has the one edge 0, so that any value that comes is a change.
    """
    features = {}
    for name in COMPARED:
        if name not in values:
            continue
        column = values[name].cast(ARROW_TYPES[ACCOUNT_FEATURES[name].feature.kind])
        bins = bins_for(column)
        features[name] = FeatureReference(bins, count(column, bins))
    return Reference(source, features)


def bins_for(column: pa.ChunkedArray) -> Bins:
    """Bins after the values of a column."""
    known = column.drop_null()
    if not pa.types.is_integer(column.type) and not pa.types.is_floating(column.type):
        words = pc.value_counts(known).to_pylist()
        words.sort(key=lambda each: (-each["counts"], str(each["values"])))
        return CategoryBins(tuple(sorted(_word(each["values"]) for each in words[:_CATEGORIES])))
    if not len(known):
        return NumberBins((0.0,))
    deciles = np.quantile(known.to_numpy(), _QUANTILES, method="lower")
    return NumberBins(tuple(sorted({float(f"{edge:.6g}") for edge in deciles})))


def count(column: pa.ChunkedArray, bins: Bins) -> tuple[int, ...]:
    """Values in each bin, as `bins.index` puts them."""
    known = column.drop_null()
    size = len(bins.labels)
    if isinstance(bins, NumberBins):
        found = np.searchsorted(np.array(bins.edges), known.to_numpy(), side="left")
        counts = np.bincount(found, minlength=size)
    else:
        counts = np.zeros(size, dtype=np.int64)
        for each in pc.value_counts(known).to_pylist():
            counts[bins.index(each["values"])] += each["counts"]
    counts[-1] += column.null_count
    return tuple(int(each) for each in counts)


def _word(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower()
