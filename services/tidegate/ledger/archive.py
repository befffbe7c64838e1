"""The port to a ledger as those read it who look back: verify, replay, reports. Synchronous: none is in a request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from tidegate.ledger.chain import Entry, Head
from tidegate.ledger.retention_anchors import Anchor, Removal
from tidegate.ledger.retention_port import DayRemover


class LedgerUnreadableError(Exception):
    """The ledger can't be read. The message is for people, and holds no secret."""


class NoLedgerError(LedgerUnreadableError):
    """There is none yet."""


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """How much a ledger holds."""

    records: int
    """Decisions."""
    writers: int
    """Hash chains, one per process that wrote."""
    policies: int
    """Kept policy documents."""
    size_bytes: int
    """Of the file, without what waits in the write-ahead log; of tables and indexes on PostgreSQL."""
    first: datetime | None
    """When the earliest decision was made, UTC; None if there is none."""
    last: datetime | None
    """When the latest decision was made, UTC; None if there is none."""


class LedgerArchive(Protocol):
    """Reads a whole ledger with flat memory."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything read within the block is as of one moment, whatever is written meanwhile."""
        ...

    def count(self, *, since: datetime | None = None) -> int:
        """How many records there are, decided at `since` or later."""
        ...

    def payloads(self, *, since: datetime | None = None) -> Iterator[bytes]:
        """Records in canonical form, in the order of recording; of decision, where many hosts record.

        Holds back no writer, however long it takes.
        """
        ...

    def entries(self) -> Iterator[Entry]:
        """All records by writer, then by sequence, as of the first one read."""
        ...

    def heads(self) -> Iterator[Head]:
        """The stored end of every chain, by writer, as of the same moment as `entries` when read within it."""
        ...

    def anchors(self) -> Iterator[Anchor]:
        """Where chains go on behind what retention removed, by writer, then by sequence; as of the same moment."""
        ...

    def removals(self, *, since: date | None = None) -> Sequence[Removal]:
        """What retention removed, by day, then by time; of `since` or later, in UTC."""
        ...

    def policies(self) -> Iterator[tuple[str, str]]:
        """Kept policy documents: digest and canonical JSON."""
        ...

    def policy_document(self, digest: str) -> str | None:
        """One kept policy document."""
        ...

    def statistics(self) -> LedgerStatistics:
        """How much it holds."""
        ...

    def days(self) -> Sequence[tuple[date, int]]:
        """UTC days on which decisions were made, in order, with the number of their records."""
        ...

    def count_of(self, day: date, *, up_to: Mapping[str, int]) -> int:
        """How many records there are that were decided on that day, by these writers.

        Args:
            day: In UTC.
            up_to: By writer, the last sequence that counts.
        """
        ...

    def entries_of(self, day: date, *, after: Mapping[str, int]) -> Iterator[Entry]:
        """Records decided on that day, by writer, then by sequence.

        Args:
            day: In UTC.
            after: By writer, the sequence up to which records are left out.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records that follow each other, and the place behind the last of them."""

    cursor: str
    """Under which name the place is to be noted."""
    place: str
    """To note once the records are taken up."""
    payloads: Sequence[bytes]
    """Records in canonical form, in the order of recording. Empty where retention has removed all of them."""
    removed: int = 0
    """Records between the place before and this one that retention removed: nobody can take them up any more."""


class LedgerFollower(Protocol):
    """Reads what was recorded since. For one thread at a time; errors of any kind leave it to be closed."""

    def unread(self, *, limit: int) -> Sequence[Stretch]:
        """About `limit` records that were not taken up yet; nothing where there is no ledger."""
        ...

    def taken_up(self, stretch: Stretch) -> None:
        """Goes on behind it."""
        ...

    def close(self) -> None:
        """Closes what is open. The next read opens it again, and goes on from the noted places."""
        ...


class LedgerPlace(Protocol):
    """Where a ledger is. As text: for people, without secrets."""

    def opened(self) -> AbstractContextManager[LedgerArchive]:
        """The ledger, to look back.

        Whatever goes wrong within the block with reading it is raised as LedgerUnreadableError, or as NoLedgerError.
        """
        ...

    def follower(self, noted: Callable[[str], str]) -> LedgerFollower:
        """Follows it.

        Args:
            noted: The place that was noted last under a name; empty if none was.
        """
        ...

    def remover(self) -> AbstractContextManager[DayRemover]:
        """Removes days from it, alone.

        Raises LedgerUnreadableError as `opened` does, and if somebody else removes days at the moment.
        """
        ...

    def migrate(self, *, warned: Callable[[str], None] | None = None) -> None:
        """Makes the ledger if there is none, and brings its tables to this version. Raises LedgerUnreadableError.

        Args:
            warned: Told, before anything is changed, which releases can't use it afterwards; None logs it. Told first
                if connections to it are not verified.
        """
        ...
