"""The ports through which stages, admission and the ledger's writer tell what they have on their hands.

Beside them adapters that tell nobody. A call neither blocks nor raises; what is watched is read when metrics are sent.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol


class StageMetrics(Protocol):
    """One stage's queue and batches, as the router sees them. Called by its batcher."""

    def batched(self, size: int, *, duration_s: float, failed: bool) -> None:
        """Counts a batch that the stage has answered, or failed to.

        Args:
            size: Requests in it.
            duration_s: Of the call.
            failed: The call raised.
        """

    def watch(self, *, waiting: Callable[[], int], under_way: Callable[[], int]) -> None:
        """From now on tells how many requests wait and how many batches are under way."""


class AdmissionMetrics(Protocol):
    """A router's places. Called by admission."""

    def shed(self, cause: StrEnum, *, calls: int = 1) -> None:
        """Counts calls that were told to come back."""

    def watch(
        self,
        *,
        under_way: Callable[[], int],
        waiting: Callable[[], Mapping[str, int]],
        places: int,
        limit: Callable[[], int],
    ) -> None:
        """From now on tells how many requests are worked on, and how many wait by kind of call.

        `places` is the most that may ever be worked on at a time, `limit` the most at the moment.
        """


class LedgerFailure(StrEnum):
    """Why a record is not durable."""

    COMMIT = "COMMIT"
    """The store failed."""
    TIMEOUT = "TIMEOUT"
    """It took too long; the record may still become durable."""
    REFUSED = "REFUSED"
    """Too many wait, or the writer is closing."""
    LOST = "LOST"
    """It was acknowledged, and the database that took over does not have it."""


class LedgerMetrics(Protocol):
    """What a ledger's writer does. Called on its thread and on its callers'."""

    def committed(self, records: int, *, duration_s: float) -> None:
        """Counts a transaction that is durable."""

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        """Counts records that are not."""

    def watch(self, waiting: Callable[[], int]) -> None:
        """From now on tells how many records wait."""


class NullStageMetrics:
    """Tells nobody."""

    def batched(self, size: int, *, duration_s: float, failed: bool) -> None:
        """See `StageMetrics`."""

    def watch(self, *, waiting: Callable[[], int], under_way: Callable[[], int]) -> None:
        """See `StageMetrics`."""


class NullAdmissionMetrics:
    """Tells nobody."""

    def shed(self, cause: StrEnum, *, calls: int = 1) -> None:
        """See `AdmissionMetrics`."""

    def watch(
        self,
        *,
        under_way: Callable[[], int],
        waiting: Callable[[], Mapping[str, int]],
        places: int,
        limit: Callable[[], int],
    ) -> None:
        """See `AdmissionMetrics`."""


class NullLedgerMetrics:
    """Tells nobody."""

    def committed(self, records: int, *, duration_s: float) -> None:
        """See `LedgerMetrics`."""

    def failed(self, cause: LedgerFailure, *, records: int = 1) -> None:
        """See `LedgerMetrics`."""

    def watch(self, waiting: Callable[[], int]) -> None:
        """See `LedgerMetrics`."""
