"""Which accounts are asked about, and as of when."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tidegate.features.transforms.columns import EventColumnsError, columns
from tidegate.features.transforms.instants import EARLIEST_US, LATEST_US, Ints

ASKED_SCHEMA = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("at_us", pa.int64(), nullable=False),
        pa.field("known_at_us", pa.int64(), nullable=False),
    ]
)
"""Questions: the signals of an account as of an instant, from events recorded by another. `known_at_us` may be left
out: then every event counts, whenever it was recorded. Microseconds since 1970 UTC."""

_TIMELESS_SCHEMA = pa.schema([ASKED_SCHEMA.field("account_id"), ASKED_SCHEMA.field("at_us")])


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions in the order asked; one element per question in every array."""

    names: Any
    """Arrow array of the account ids, per question."""
    accounts: Any
    """Arrow array of the different account ids."""
    account: Ints
    """Index in `accounts`."""
    at: Ints
    """Microseconds since 1970 UTC."""
    known_at: Ints | None
    """Microseconds since 1970 UTC; None: all that is known by now."""

    def part(self, start: int, stop: int) -> "Questions":
        """Questions from `start` up to before `stop`."""
        return Questions(
            self.names[start:stop],
            self.accounts,
            self.account[start:stop],
            self.at[start:stop],
            None if self.known_at is None else self.known_at[start:stop],
        )

    def parts(self, lengths: Ints, *, at_most: int) -> Iterator["Questions"]:
        """Runs of questions that read about so many events together, in order.

        Args:
            lengths: Events that each question reads.
            at_most: What a run may read, unless it is a single question.
        """
        upto = np.cumsum(lengths)
        start = 0
        while start < upto.size:
            read_before = upto[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(upto, read_before + at_most, side="right")))
            yield self if (start, stop) == (0, upto.size) else self.part(start, stop)
            start = stop


def questions(asked: pa.Table) -> Questions:
    """Reads the questions.

    Raises:
        EventColumnsError: A column is not as in the schema, or an instant lies outside the years 1 to 9999.
    """
    timeless = "known_at_us" not in asked.column_names
    told = columns(asked, _TIMELESS_SCHEMA if timeless else ASKED_SCHEMA)
    names, at = told["account_id"], told["at_us"].to_numpy()
    if at.size and (at.min() < EARLIEST_US or at.max() > LATEST_US):
        raise EventColumnsError("at_us", f"must lie in {EARLIEST_US} to {LATEST_US}, the years 1 to 9999")
    encoded = names.dictionary_encode()
    account = encoded.indices.to_numpy().astype(np.int64)
    return Questions(names, encoded.dictionary, account, at, None if timeless else told["known_at_us"].to_numpy())
