"""Walks every hash chain and says whether anything was altered, taken out or cut off since it was recorded.

Finds: a changed record, a changed column beside it, a record taken out, added or moved, a chain's tail cut off (its
stored head tells), a changed policy document. Can't find: a file whose author recomputed everything, heads included;
`heads_digest`, noted elsewhere, shows that. What retention removed it walks over by the anchors that were left, and
counts apart: `removals` says which days, when and under which rule, to compare with what was meant to be removed.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter

from tidegate.ledger.archive import LedgerArchive
from tidegate.ledger.chain import GENESIS, Entry, Head
from tidegate.ledger.record_format import RecordFormatError, decode
from tidegate.ledger.record_keys import RecordKeys
from tidegate.ledger.retention_anchors import Anchor, Removal, by_writer


class BreakKind(StrEnum):
    """What is wrong at a broken place."""

    GAP = "GAP"
    """Records before this one are missing."""
    WRONG_PREVIOUS = "WRONG_PREVIOUS"
    """It does not follow the record before it."""
    ALTERED = "ALTERED"
    """Its bytes are not those that were hashed."""
    COLUMNS = "COLUMNS"
    """It is filed under keys that are not its own."""
    UNREADABLE = "UNREADABLE"
    """It is whole, but no record of a known format."""
    TRUNCATED = "TRUNCATED"
    """The chain ends before its stored head."""
    WRONG_HEAD = "WRONG_HEAD"
    """The chain does not end in its stored head, or has none."""
    WRONG_ANCHOR = "WRONG_ANCHOR"
    """What retention left in place of removed records does not fit the chain."""
    POLICY_ALTERED = "POLICY_ALTERED"
    """A policy document does not have its digest."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first broken place of one chain."""

    kind: BreakKind
    """What is wrong."""
    writer_id: str = ""
    """The chain; empty for a policy."""
    sequence: int = 0
    """Place in the chain."""
    decision_id: str = ""
    """As filed; empty where there is no record."""
    detail: str = ""
    """For people."""


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a walk over a ledger found."""

    records: int
    """Walked."""
    writers: int
    """Chains, stored heads without a record included."""
    policies: int
    """Policy documents checked."""
    breaks: tuple[Break, ...]
    """The first broken place of each chain, and each altered policy."""
    heads_digest: str
    """SHA-256 over all stored heads, 64 hex digits: note it elsewhere to show a rewritten ledger."""
    removed: int = 0
    """Records that retention removed and whose anchors fit. Not among `records`."""
    removals: tuple[Removal, ...] = ()
    """What retention says that it removed: by day, then by time."""

    @property
    def intact(self) -> bool:
        """True if nothing is broken."""
        return not self.breaks


def verify(archive: LedgerArchive, *, progress: Callable[[int], None] = lambda _: None) -> VerifyReport:
    """Checks everything. Read within the archive's snapshot, if others write.

    Args:
        archive: The ledger.
        progress: Called with the number of records walked since the call before.
    """
    heads = {head.writer_id: head for head in archive.heads()}
    digest = hashlib.sha256()
    for head in heads.values():
        digest.update(f"{head.writer_id} {head.sequence} {head.hash.hex()}\n".encode())

    anchors = by_writer(archive.anchors())
    unseen, records, removed, breaks = dict(heads), 0, 0, list[Break]()

    def ended(walk: _Walk) -> None:
        nonlocal records, removed
        found = walk.ended(unseen.pop(walk.end.writer_id, None))
        records, removed = records + walk.records, removed + walk.removed
        if found is not None:
            breaks.append(found)

    for writer_id, entries in groupby(archive.entries(), key=attrgetter("writer_id")):
        walk = _Walk(writer_id, anchors.pop(writer_id, ()))
        for entry in entries:
            walk.step(entry)
            progress(1)
        ended(walk)
    for writer_id in sorted({*unseen, *anchors}):
        ended(_Walk(writer_id, anchors.get(writer_id, ())))

    policies = list(_checked_policies(archive))
    breaks += [broken for broken in policies if broken is not None]
    writers = len(heads) + sum(1 for broken in breaks if broken.writer_id and broken.writer_id not in heads)
    return VerifyReport(
        records,
        writers,
        len(policies),
        tuple(breaks),
        digest.hexdigest(),
        removed=removed,
        removals=tuple(archive.removals()),
    )


class _Walk:
    """One chain, record by record, and over what retention removed of it."""

    def __init__(self, writer_id: str, anchors: Iterable[Anchor]) -> None:
        self.end = Head(writer_id, 0, GENESIS)
        self.records = 0
        self.removed = 0
        self.found: Break | None = None
        self._anchors = list(anchors)[::-1]

    def step(self, entry: Entry) -> None:
        self._go_over(up_to=entry.sequence)
        self.records += 1
        if self.found is None:
            wrong = fault_of(entry, self.end)
            if wrong is not None:
                kind, detail = wrong
                self.found = Break(kind, entry.writer_id, entry.sequence, entry.keys.decision_id, detail)
        self.end = Head(entry.writer_id, entry.sequence, entry.hash)

    def ended(self, stored: Head | None) -> Break | None:
        """The first broken place of all."""
        self._go_over(up_to=None)
        return self.found or _compare_head(self.end, stored)

    def _go_over(self, *, up_to: int | None) -> None:
        while self._anchors and (up_to is None or self._anchors[-1].first_sequence <= up_to):
            anchor = self._anchors.pop()
            wrong = _misfit_of(anchor, self.end)
            if wrong is None or wrong[0] is BreakKind.GAP:
                self.removed += anchor.records
            if wrong is not None and self.found is None:
                kind, detail = wrong
                self.found = Break(kind, anchor.writer_id, anchor.first_sequence, detail=detail)
            self.end = Head(anchor.writer_id, anchor.last_sequence, anchor.hash)


def _misfit_of(anchor: Anchor, before: Head) -> tuple[BreakKind, str] | None:
    told = f"{anchor.records} records from this one on that retention removed"
    if anchor.first_sequence > before.sequence + 1:
        return BreakKind.GAP, f"the record before {told} is number {before.sequence}"
    if anchor.first_sequence <= before.sequence:
        return BreakKind.WRONG_ANCHOR, f"{told} are in part still there, or were removed twice"
    if anchor.previous_hash != before.hash:
        return BreakKind.WRONG_ANCHOR, f"{told} do not follow the record before them"
    return None


def fault_of(entry: Entry, before: Head) -> tuple[BreakKind, str] | None:
    """What is wrong with a record that should come after `before`, and why; None if nothing is."""
    if entry.sequence != before.sequence + 1:
        return BreakKind.GAP, f"the record before it is number {before.sequence}"
    if entry.previous_hash != before.hash:
        return BreakKind.WRONG_PREVIOUS, "its previous hash is not the hash of the record before it"
    if entry.hash != before.next(entry.payload).hash:
        return BreakKind.ALTERED, "its hash is not the hash of its bytes"
    try:
        keys = RecordKeys.of(decode(entry.payload))
    except RecordFormatError as cause:
        return BreakKind.UNREADABLE, str(cause)
    if keys != entry.keys:
        return BreakKind.COLUMNS, "it is filed under other keys than those in the record"
    return None


def _compare_head(end: Head, stored: Head | None) -> Break | None:
    if stored == end:
        return None
    if stored is None:
        return Break(BreakKind.WRONG_HEAD, end.writer_id, end.sequence, detail="the chain has no stored head")
    if stored.sequence > end.sequence:
        if end.sequence == 0:
            return Break(BreakKind.TRUNCATED, end.writer_id, 1, detail="all its records are gone")
        cut = stored.sequence - end.sequence
        return Break(BreakKind.TRUNCATED, end.writer_id, end.sequence + 1, detail=f"the last {cut} records are gone")
    return Break(BreakKind.WRONG_HEAD, end.writer_id, end.sequence, detail="the chain does not end in its stored head")


def _checked_policies(archive: LedgerArchive) -> Iterator[Break | None]:
    for digest, document in archive.policies():
        altered = hashlib.sha256(document.encode()).hexdigest() != digest
        yield Break(BreakKind.POLICY_ALTERED, detail=f"policy {digest}") if altered else None
