"""The port to a ledger as those read it who look back: verify, replay, reports. Synchronous: none is in a request."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from tidegate.ledger.chain import Entry, Head


class LedgerArchive(Protocol):
    """Reads a whole ledger with flat memory."""

    def count(self, *, since: datetime | None = None) -> int:
        """How many records there are, decided at `since` or later."""
        ...

    def payloads(self, *, since: datetime | None = None) -> Iterator[bytes]:
        """Records in canonical form, in the order of recording. Holds back no writer, however long it takes."""
        ...

    def entries(self) -> Iterator[Entry]:
        """All records by writer, then by sequence, as of the first one read."""
        ...

    def heads(self) -> Iterator[Head]:
        """The stored end of every chain, by writer, as of the same moment as `entries` when read within it."""
        ...

    def policies(self) -> Iterator[tuple[str, str]]:
        """Kept policy documents: digest and canonical JSON."""
        ...

    def policy_document(self, digest: str) -> str | None:
        """One kept policy document."""
        ...
