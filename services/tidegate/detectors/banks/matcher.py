"""The detector `image_match`: is this picture one that is known already?

Stands in the image stage, beside the detectors that look at what a picture shows. A bank is a label: 1.0 if the picture
is in it, 0.0 if not, and no label at all for a bank that does not exist, which a policy then does not know.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tidegate.detectors.banks.bank import BankKind, StoredBank
from tidegate.detectors.banks.columns import EntryColumns
from tidegate.detectors.banks.errors import BanksUnavailable
from tidegate.detectors.banks.index import Found, HashIndex
from tidegate.detectors.banks.pdq import pdq
from tidegate.detectors.banks.port import Changes, HashBanks, Revision
from tidegate.moderation.detection import BankMatch, DetectorScores, DetectorStatus

_log = logging.getLogger(__name__)

DETECTOR: Final = "image_match"
VERSION: Final = "1"

MATCHES_PER_BANK: Final = 3
"""Most matches told of one bank, the nearest ones: what a person who looks at a decision reads."""

_MATCH: Final = 1.0
_NO_MATCH: Final = 0.0
_HIGHEST_SEVERITY: Final = 7
_POLL_S: Final = 0.5
"""How often the store is asked for changes: every process sees one within a second."""


_TOLD_S: Final = 2.0
"""From this age on what was read is called stale in the log: a slow answer now and then is no news."""


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """Everything that a search needs, as of one revision."""

    revision: Revision
    banks: tuple[StoredBank, ...]
    index: HashIndex


class BankMatcher:
    """Searches all enabled banks for pictures. Holds their hashes in memory, about 150 bytes for one."""

    def __init__(
        self,
        banks: HashBanks,
        *,
        poll_s: float = _POLL_S,
        patience_s: float | None = None,
        max_age_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Takes the store; reads nothing yet.

        Args:
            banks: The store.
            poll_s: How long it is not asked again.
            patience_s: How long an answer waits for the store, but for its first read; None as long as that takes.
            max_age_s: How old what was read may be while the store does not answer. 0 fails at once.
            clock: Monotonic seconds.
        """
        self._banks = banks
        self._poll_s = poll_s
        self._patience_s = patience_s
        self._max_age_s = max_age_s
        self._clock = clock
        self._view: _View | None = None
        self._read_at = clock()
        self._unreachable = False
        self._told = ""
        self._fresh_until = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def refresh_if_changed(self) -> None:
        """Reads what changed in the store, at most every `poll_s`. Call it before `answer`.

        While the store is known not to answer, and what was read is not too old, it is asked in the background and
        nobody waits. Never raises for an outage: `answer` tells of it.
        """
        if self._clock() < self._fresh_until:
            return
        reading = self._begun()
        if self._unreachable and self._usable():
            return
        first = self._view is None and not self._unreachable  # which takes seconds, and there is nothing to go on with
        await asyncio.wait([reading], timeout=None if first else self._patience_s)
        if reading.done():
            reading.result()
        else:
            self._lost()

    async def refresh(self) -> None:
        """Reads what changed in the store, now. Raises BanksUnavailable."""
        if self._reading is not None:  # it may have looked before what is asked for was made
            await asyncio.wait([self._reading])
        await asyncio.shield(self._begun())
        if self._unreachable:
            raise BanksUnavailable

    async def ready(self) -> bool:
        """Whether the store is read and `answer` will not fail."""
        await self.refresh_if_changed()
        return self._usable()

    def answer(self, pixels: NDArray[np.uint8]) -> DetectorScores:
        """The detector's answer on a picture of [height, width, 3], RGB. Milliseconds of CPU: call it in a thread.

        FAILED while the store can't be read and what was read is too old: that nothing is known of a picture would be
        a guess.
        """
        try:
            view = self._current()
        except BanksUnavailable:
            return DetectorScores(DETECTOR, VERSION, DetectorStatus.FAILED)
        matches = _matches(view, pixels)
        taken_back = any(match.allowed for match in matches)
        hit = set() if taken_back else {match.bank for match in matches}
        labels = [stored.bank.id for stored in view.banks if stored.bank.enabled and stored.bank.kind is BankKind.MATCH]
        return DetectorScores(
            DETECTOR,
            VERSION,
            DetectorStatus.OK,
            scores={label: _MATCH if label in hit else _NO_MATCH for label in labels},
            severities={label: _HIGHEST_SEVERITY if label in hit else 0 for label in labels},
            matches=matches,
        )

    def match(self, pixels: NDArray[np.uint8]) -> tuple[BankMatch, ...]:
        """Known pictures that this one equals, nearest first; of negative banks as well.

        Empty for a picture with too little to see (PDQ quality below 50). Raises BanksUnavailable.
        """
        return _matches(self._current(), pixels)

    def nearest(self, hash_: bytes, *, within_bits: int, limit: int) -> tuple[tuple[StoredBank, BankMatch], ...]:
        """Entries of enabled banks near a hash, nearest first: for trying out a threshold.

        Args:
            hash_: A PDQ hash.
            within_bits: The largest distance; a bank's own threshold where that is larger.
            limit: Most entries of one bank.

        Raises:
            BanksUnavailable: The store can't be read.
        """
        return _near(self._current(), hash_, within_bits=within_bits, limit=limit)

    def _begun(self) -> asyncio.Task[None]:
        """The one look at the store that is under way. It goes on when whoever waits for it has run out of time."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        seen, began_at = None if self._view is None else self._view.revision, self._clock()
        try:
            changes = await asyncio.to_thread(self._banks.changes_since, seen)
            if changes is not None:
                self._view = await asyncio.to_thread(_advanced, self._view, changes)
                _log.info("banks.loaded", extra={"changes": changes.revision.changes, "complete": changes.complete})
        except BanksUnavailable:
            self._lost()
        except BaseException:
            self._lost()
            raise
        else:
            self._found(began_at)
        finally:
            self._fresh_until = self._clock() + self._poll_s

    def _found(self, at: float) -> None:
        if self._told:
            _log.warning("banks.readable_again", extra={"after_s": round(at - self._read_at, 1)})
        self._read_at, self._unreachable, self._told = at, False, ""

    def _lost(self) -> None:
        """Says so when it begins to matter, and when what was read has become too old."""
        self._unreachable = True
        age_s = self._clock() - self._read_at
        if self._view is None:
            event = "banks.never_read"
        elif not self._usable():
            event = "banks.too_old"
        else:
            event = "banks.stale" if age_s >= _TOLD_S else self._told
        if event != self._told:
            self._told = event
            ages = {} if self._view is None else {"age_s": round(age_s, 1), "max_age_s": self._max_age_s}
            _log.log(logging.WARNING if event == "banks.stale" else logging.ERROR, event, extra=ages)

    def _usable(self) -> bool:
        """Whether an answer may be given of what was read."""
        if self._view is None:
            return False
        return not self._unreachable or self._clock() - self._read_at < self._max_age_s

    def _current(self) -> _View:
        view = self._view
        if view is None or not self._usable():
            raise BanksUnavailable
        return view


def _advanced(view: _View | None, changes: Changes) -> _View:
    empty = HashIndex(EntryColumns.of([]))
    index = empty if view is None or changes.complete else view.index
    banks = [stored.number for stored in changes.banks]
    return _View(
        changes.revision,
        changes.banks,
        index.changed(added=changes.added, removed=changes.removed, banks=banks),
    )


def _matches(view: _View, pixels: NDArray[np.uint8]) -> tuple[BankMatch, ...]:
    seen = pdq(pixels)
    if seen.featureless:
        return ()
    return tuple(match for _, match in _near(view, seen.hash, within_bits=0, limit=MATCHES_PER_BANK))


def _near(view: _View, hash_: bytes, *, within_bits: int, limit: int) -> tuple[tuple[StoredBank, BankMatch], ...]:
    enabled = [stored for stored in view.banks if stored.bank.enabled]
    limits = {stored.number: max(stored.bank.threshold_bits, within_bits) for stored in enabled}
    if not limits:
        return ()
    found = view.index.search(hash_, within_bits=max(limits.values()))
    near = [
        (stored, BankMatch(stored.bank.id, entry, distance, allowed=stored.bank.kind is BankKind.ALLOW))
        for stored in enabled
        for entry, distance in _nearest_entries(view.index, found, stored.number, limits[stored.number], limit)
    ]
    return tuple(sorted(near, key=lambda each: (each[1].distance, each[1].bank, each[1].entry)))


def _nearest_entries(index: HashIndex, found: Found, bank: int, within_bits: int, limit: int) -> list[tuple[str, int]]:
    """A bank's entries within the distance, each once with the nearest of its hashes; the older first where equal."""
    mine = np.flatnonzero((found.banks == bank) & (found.distances <= within_bits))
    order = mine[np.lexsort((found.entries[mine], found.distances[mine]))]
    _, firsts = np.unique(found.entries[order], return_index=True)
    nearest = order[np.sort(firsts)[:limit]]
    return [(str(index.columns.ids[found.entries[at]]), int(found.distances[at])) for at in nearest]
