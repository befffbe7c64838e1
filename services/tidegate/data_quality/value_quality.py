"""Expectations on feature values, table by table: of published rows and of what was served."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc

from tidegate.data_quality.expectations import Expectations
from tidegate.data_quality.findings import Finding, Subject

_NEVER = (0.0, 0.0)


@dataclass(slots=True)
class _Column:
    """What was seen of one feature."""

    count: int = 0
    nulls: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    outside: int = 0

    def add_numbers(self, values: pa.ChunkedArray) -> None:
        found = pc.min_max(values)
        if found["min"].is_valid:
            self.low, self.high = min(self.low, found["min"].as_py()), max(self.high, found["max"].as_py())

    def add_words(self, values: pa.ChunkedArray, allowed: tuple[str, ...]) -> None:
        known = values.drop_null()
        self.outside += len(known) - (pc.sum(pc.is_in(known, pa.array(allowed, pa.string()))).as_py() or 0)


class ValueQuality:
    """Takes tables whose columns are features by their full names, and says what they came to."""

    def __init__(self, subject: Subject, expectations: Expectations) -> None:
        self._subject = subject
        self._expected = expectations
        self._columns: dict[str, _Column] = {}
        self._pairs: dict[tuple[str, str], _Column] = {}

    def add(self, values: pa.Table) -> None:
        """Takes a table in; what it has no column for is not judged."""
        for name, expected in self._expected.values.items():
            if name not in values.column_names:
                continue
            column, held = values[name], self._columns.setdefault(name, _Column())
            held.count += len(column)
            held.nulls += column.null_count
            if expected.range is not None:
                held.add_numbers(column)
            if expected.one_of is not None:
                held.add_words(column, expected.one_of)
        for smaller, larger in (pair for each in self._expected.ascending for pair in pairwise(each)):
            if {smaller, larger} <= set(values.column_names):
                above = pc.greater(values[smaller], values[larger])
                held = self._pairs.setdefault((smaller, larger), _Column())
                held.count += len(above) - above.null_count
                held.outside += pc.sum(above).as_py() or 0

    def findings(self) -> Iterator[Finding]:
        """Every expectation on what was taken in."""
        for name, held in self._columns.items():
            expected = self._expected.values[name]
            told = held.count - held.nulls
            if held.count:
                share, most = held.nulls / held.count, expected.null_share
                yield self._finding(
                    name, "null share", (share,), (0.0, most), held.count, fewest=self._expected.fewest_rows
                )
            if expected.range is not None and told:
                yield self._finding(name, "range", (held.low, held.high), expected.range, told)
            if expected.one_of is not None and told:
                yield self._finding(name, "other words", (held.outside / told,), _NEVER, told)
        for (smaller, larger), held in self._pairs.items():
            if held.count:
                check = f"above {larger.partition('__')[2]}"
                yield self._finding(smaller, check, (held.outside / held.count,), _NEVER, held.count)

    def _finding(
        self,
        about: str,
        check: str,
        observed: tuple[float, ...],
        allowed: tuple[float, float],
        count: int,
        *,
        fewest: int = 1,
    ) -> Finding:
        return Finding(self._subject, about, check, observed, allowed, count, fewest)
