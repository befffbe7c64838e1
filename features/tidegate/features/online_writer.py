"""The port to the online store as those write it who compute signals. All methods block."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from tidegate.features.feature import View


class OnlineStoreUnavailableError(Exception):
    """The online store could not be written. Rows of the failed call may be there; writing again is safe."""


class OnlineWriter(Protocol):
    """Writes rows of signals. A row is replaced as a whole; one that is older than what is stored changes nothing."""

    def write(self, view: View, rows: pa.Table, *, progress: Callable[[int], None] | None = None) -> None:
        """Writes rows in `history.history_schema(view)`; `event_timestamp` is the row's event time.

        Args:
            view: Whose rows they are.
            rows: One or none per account.
            progress: Receives the number of rows written so far.

        Raises:
            OnlineStoreUnavailableError: The store did not take them.
        """
        ...

    def write_views(self, rows: Mapping[View, pa.Table]) -> None:
        """Writes rows of several views: `write`, with fewer trips for accounts that have rows in more than one.

        Args:
            rows: Per view one or none per account; in the same order of accounts, if it is to be quick.

        Raises:
            OnlineStoreUnavailableError: The store did not take all of them.
        """
        ...

    def delete(self, account_ids: Sequence[str]) -> int:
        """Deletes everything stored on these accounts, in all views; returns how many were there."""
        ...

    def close(self) -> None:
        """Releases connections."""
        ...
