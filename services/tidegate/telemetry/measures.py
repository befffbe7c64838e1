"""The ports through which the request path and the event intake count what they do, and adapters that count nothing.

One call per request or event, with the domain's own types, so that no free text can become a label. A call neither
blocks nor raises.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from tidegate.moderation.decision import DecisionRecord
from tidegate.moderation.signals import FeatureScalar
from tidegate.moderation.tracing import TraceContext

NO_HOPS: Final[Mapping[str, float]] = MappingProxyType({})
"""Where nobody took the time."""


class ModerationMetrics(Protocol):
    """Counts requests. Called by ingress once the answer to a request is ready."""

    def decided(
        self,
        record: DecisionRecord,
        *,
        duration_s: float,
        repeated: bool,
        hops_ms: Mapping[str, float] = NO_HOPS,
        failed_open: Sequence[str] = (),
        trace: TraceContext | None = None,
    ) -> None:
        """Counts a decision and everything it was made from.

        Args:
            record: As it is in the ledger.
            duration_s: From the undecoded request to the encoded answer.
            repeated: It was made before, under the same idempotency key: only the duration counts.
            hops_ms: Milliseconds by hop, the ledger's included.
            failed_open: Ids of live rules that were unknown and whose fallback is to let the content through.
            trace: The request's own span.
        """

    def refused(self, reason: str, *, code: str) -> None:
        """Counts a request that ended without a decision.

        Args:
            reason: A `Reason`, `INTERNAL` or `CANCELLED`.
            code: Name of the gRPC status that its caller got.
        """


class ValueBins(Protocol):
    """A distribution of account signals that served ones are compared with. Pure."""

    @property
    def digest(self) -> str:
        """Tells it from others; empty if there is none."""
        ...

    def labels(self, name: str) -> tuple[str, ...]:
        """Labels of a feature's bins; none if it has none.

        Args:
            name: `view__feature`.
        """
        ...

    def index(self, name: str, value: FeatureScalar | None) -> int:
        """The bin of a value of a feature that has bins; None is a value that no policy may rely on."""
        ...

    def shares(self) -> Iterable[tuple[str, str, float]]:
        """Every feature's name, label of a bin, and its share in the distribution."""
        ...


class NoBins:
    """Where there is nothing to compare with."""

    digest = ""

    def labels(self, name: str) -> tuple[str, ...]:
        """See `ValueBins`."""
        del name
        return ()

    def index(self, name: str, value: FeatureScalar | None) -> int:
        """Never asked, since no feature has bins."""
        raise LookupError(name)

    def shares(self) -> Iterable[tuple[str, str, float]]:
        """See `ValueBins`."""
        return ()


@dataclass(frozen=True, slots=True)
class EventLogFacts:
    """The event log on its disk, as of a moment."""

    size_bytes: int
    """Of its files."""
    reusable_bytes: int
    """Of these: free for what is recorded next."""
    volume_bytes: int
    """Of the volume that it lies on."""
    volume_free_bytes: int
    """Of these: free."""
    oldest: datetime | None = None
    """When the oldest event occurred that the last complete removal left; None if that is not known."""
    cleaned_at: datetime | None = None
    """When removal last went through all accounts, or began here if it never did; None where all events are kept."""


class EventMetrics(Protocol):
    """Counts account events. Called by the intake, and by whatever makes events visible."""

    def accepted(self, kind: StrEnum, appended: StrEnum, *, count: int = 1) -> None:
        """Counts events that are durable.

        Args:
            kind: An `EventKind`.
            appended: NEW or REPEATED.
            count: How many of them.
        """

    def refused(self, kind: StrEnum | None, reason: StrEnum, *, count: int = 1) -> None:
        """Counts events that were not recorded.

        Args:
            kind: An `EventKind`; None if the sender's is none of ours.
            reason: A `Refusal`.
            count: How many of them.
        """

    def visible(self, after_s: float) -> None:
        """Counts an event as visible to the next decision.

        Args:
            after_s: Seconds since it was acknowledged.
        """

    def removed(self, events: int) -> None:
        """Counts events that were removed for their age."""

    def measured(self, facts: EventLogFacts) -> None:
        """Takes what is told of the log until the next call."""


INTERNAL = "INTERNAL"
"""Reason of a request that ended by an unexpected error."""
CANCELLED = "CANCELLED"
"""Reason of a request whose caller went away before it was answered: its deadline was shorter than its budget."""


class NullModerationMetrics:
    """Counts nothing."""

    def decided(self, record: DecisionRecord, **told: object) -> None:
        """See `ModerationMetrics`."""

    def refused(self, reason: str, *, code: str) -> None:
        """See `ModerationMetrics`."""


class NullEventMetrics:
    """Counts nothing."""

    def accepted(self, kind: StrEnum, appended: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""

    def refused(self, kind: StrEnum | None, reason: StrEnum, *, count: int = 1) -> None:
        """See `EventMetrics`."""

    def visible(self, after_s: float) -> None:
        """See `EventMetrics`."""

    def removed(self, events: int) -> None:
        """See `EventMetrics`."""

    def measured(self, facts: EventLogFacts) -> None:
        """See `EventMetrics`."""
