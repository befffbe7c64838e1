"""What transforms give back: values of a view's features per question, and when the first of them changes by itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tidegate.features.history import EVENT_TIMESTAMP
from tidegate.features.refs import JOIN_KEY, VALID_UNTIL
from tidegate.features.transforms.instants import NEVER, Bools, Floats, Ints
from tidegate.features.transforms.questions import Questions
from tidegate.features.transforms.seen import Seen

_INSTANT = pa.timestamp("us", tz="UTC")


class Answers:
    """Collects the values of one view, a feature at a time.

    Numbers become Arrow columns all at once: a call for each would be half of the time that one account takes.
    """

    def __init__(self, at: Ints) -> None:
        """Starts empty.

        Args:
            at: The questions' instants.
        """
        self._at = at
        self._counts: dict[str, Ints] = {}
        self._numbers: dict[str, Floats] = {}
        self._missing: dict[str, Bools] = {}
        self._columns: dict[str, Any] = {}
        self._changes = np.full(at.size, NEVER)
        self._zeros = np.zeros_like(at)
        self._none_missing = np.zeros(at.size, dtype=np.bool_)

    def put(self, name: str, column: Any) -> None:
        """Adds a feature as an Arrow array of the type that it is stored in."""
        self._columns[name] = column

    def put_count(self, name: str, counts: Ints) -> None:
        """Adds a feature of whole numbers, none missing."""
        self._counts[name] = counts

    def put_counts(self, seen: Seen, windows: Mapping[str, int]) -> None:
        """Adds how many of these pairs lie in each window.

        Args:
            seen: The pairs counted.
            windows: Length in microseconds, by feature, the shortest first.
        """
        if not seen.age.size:
            self._counts.update(dict.fromkeys(windows, self._zeros))
            return
        asked = self._at.size
        lengths = np.array([*windows.values(), NEVER])
        shortest = lengths.searchsorted(seen.age, side="right")  # the first window that the pair lies in
        counts = np.bincount(shortest * asked + seen.question, minlength=lengths.size * asked)
        self._counts.update(zip(windows, counts.reshape(-1, asked).cumsum(axis=0), strict=False))
        leaving = shortest < len(windows)
        question = seen.question[leaving]
        stays = lengths[shortest[leaving]] - seen.age[leaving]
        np.minimum.at(self._changes, question, self._at[question] + stays)

    def put_number(self, name: str, values: Floats, *, missing: Bools | None = None) -> None:
        """Adds a feature of real numbers."""
        self._numbers[name] = values
        self._missing[name] = self._none_missing if missing is None else missing

    def put_share(self, name: str, part: Ints, whole: Ints) -> None:
        """Adds part ÷ whole, missing where the whole is 0."""
        none = whole == 0
        self.put_number(name, part / np.where(none, 1, whole), missing=none)

    def change(self, instants: Ints) -> None:
        """Says per question when a value changes if nothing happens; the earliest counts."""
        np.minimum(self._changes, instants, out=self._changes)

    def table(self, schema: pa.Schema, asked: Questions, answered: Bools) -> pa.Table:
        """The view's rows in its `history_schema`, one per question that is answered."""
        columns = {JOIN_KEY: asked.names, EVENT_TIMESTAMP: pa.array(self._at).view(_INSTANT), **self._columns}
        columns.update(self._together(self._counts, None))
        columns.update(self._together(self._numbers, list(self._missing.values())))
        if VALID_UNTIL not in columns:
            columns[VALID_UNTIL] = pa.array(self._changes, mask=self._changes == NEVER)
        table = pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)
        return table if answered.all() else table.filter(pa.array(answered))

    def _together(self, values: Mapping[str, Ints] | Mapping[str, Floats], missing: list[Bools] | None) -> Any:
        if not values:
            return {}
        column = pa.array(np.concatenate(list(values.values())), mask=np.concatenate(missing) if missing else None)
        return slices(column, list(values), self._at.size)


def slices(column: Any, names: list[str], length: int) -> Mapping[str, Any]:
    """One Arrow array cut into columns of a length, by name."""
    return {name: column.slice(place * length, length) for place, name in enumerate(names)}
