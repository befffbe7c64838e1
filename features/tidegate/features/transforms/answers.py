"""What transforms give back: values of a view's features per question, and when the first of them changes by itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from tidegate.features.history import EVENT_TIMESTAMP, history_schema
from tidegate.features.refs import JOIN_KEY, VALID_UNTIL, View
from tidegate.features.transforms.instants import NEVER, Bools, Floats, Ints
from tidegate.features.transforms.questions import Questions
from tidegate.features.transforms.seen import Seen


class Answers:
    """Collects the values of one view, a feature at a time."""

    def __init__(self, at: Ints) -> None:
        """Starts empty.

        Args:
            at: The questions' instants.
        """
        self._columns: dict[str, Any] = {}
        self._changes = np.full(at.size, NEVER)

    def put(self, name: str, values: Any, *, missing: Bools | None = None) -> None:
        """Adds a feature: a numpy or Arrow array with one value per question, null where it is missing."""
        self._columns[name] = values if isinstance(values, pa.Array) else pa.array(values, mask=missing)

    def put_counts(self, seen: Seen, windows: Mapping[str, int]) -> None:
        """Adds how many of these pairs lie in each window.

        Args:
            seen: The pairs counted.
            windows: Length in microseconds, by feature.
        """
        for name, window_us in sorted(windows.items(), key=_length, reverse=True):
            seen = seen.within(window_us)
            self.put(name, seen.count())
            self.change(seen.leaves(window_us))

    def put_share(self, name: str, part: Ints | Floats, whole: Ints | Floats) -> None:
        """Adds part ÷ whole, null where the whole is 0."""
        none = whole == 0
        self.put(name, part / np.where(none, 1, whole), missing=none)

    def change(self, instants: Ints) -> None:
        """Says per question when a value changes if nothing happens; the earliest counts."""
        np.minimum(self._changes, instants, out=self._changes)

    def table(self, view: View, asked: Questions, answered: Bools) -> pa.Table:
        """The view's rows in `history_schema(view)`, one per question that is answered."""
        schema = history_schema(view)
        columns = {JOIN_KEY: asked.names, EVENT_TIMESTAMP: pa.array(asked.at), **self._columns}
        if VALID_UNTIL not in columns:
            columns[VALID_UNTIL] = pa.array(self._changes, mask=self._changes == NEVER)
        arrays = [columns[field.name].cast(field.type) for field in schema]
        table = pa.Table.from_arrays(arrays, schema=schema)
        return table if answered.all() else table.filter(pa.array(answered))


def _length(window: tuple[str, int]) -> int:
    return window[1]
