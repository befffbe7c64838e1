"""Receipts of erasures, and notes on those under way, as files that name no account.

    ERASURES/20261122T120000Z-1f0c9a2b.json   a receipt
    ERASURES/unfinished-1f0c….json            an erasure that has begun and not ended: running, or killed

An account is in them as the digest that its tombstone has in the event log: HMAC-SHA256 under the log's own key. Who
has the log can tell whether a receipt is of an account that he names; nobody can read a name out of one.
"""

import contextlib
import fcntl
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from tidegate.accounts.held import Counts, Span, Store, plain
from tidegate.features.batch.run_directory import write_whole

FORMAT = "tidegate.erasure-receipt/1"
"""Name of the format of a receipt."""
GROUND = (
    "Decision records are kept: they show what was decided, why, and that nothing was altered since (hash chain), for"
    " statements of reasons, complaints and audits under the EU Digital Services Act (Regulation (EU) 2022/2065,"
    " articles 17, 20 and 24) and for legal claims (Regulation (EU) 2016/679, article 17(3)(b) and (e))."
)
"""Why the ledger is kept. Whether it holds for an installation, and for how long, is its counsel's to say."""
_LOCK = ".lock"
_UNFINISHED = "unfinished-"


class ErasureUnderWayError(Exception):
    """Another process erases."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An erasure that has begun."""

    account_digest: str
    """64 hex digits."""
    began_at: datetime
    """When it was first asked for, UTC."""
    attempts: int
    """How often it was begun, this time included."""
    found: Counts
    """What there was to remove: of each store the most that an attempt found."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure did."""

    receipt_id: str
    """Name of the file, without its end."""
    account_digest: str
    """64 hex digits."""
    began_at: datetime
    """When it was first asked for, UTC."""
    erased_up_to: datetime
    """What happened to the account up to here is not taken in again, UTC."""
    finished_at: datetime
    """When every store was empty of it and the event log was rewritten, UTC."""
    attempts: int
    """1, unless it was interrupted."""
    removed: Counts
    """Rows and events by store; events of others stay, without the account's name."""
    kept: Span
    """Decision records."""
    ground: str = GROUND
    """Why they are kept."""

    def document(self) -> dict[str, Any]:
        """As it is written."""
        kept = {Store.DECISIONS.value: {**asdict(self.kept), "ground": self.ground}}
        told = {**asdict(self), "removed": plain(self.removed)}
        del told["ground"]
        digest_is = "HMAC-SHA256 of the account's id, under the key of the event log"
        return {"format": FORMAT, **told, "account_digest_is": digest_is, "kept": kept}


class Receipts:
    """The folder of receipts, made when it is first written to, for its owner's eyes."""

    def __init__(self, folder: Path) -> None:
        """Remembers where it lies."""
        self._folder = folder

    def path(self, receipt_id: str) -> Path:
        """The receipt's file."""
        return self._folder / f"{receipt_id}.json"

    def of(self, digest: bytes) -> list[dict[str, Any]]:
        """The account's receipts as they were written, the earliest first."""
        found = [orjson.loads(path.read_bytes()) for path in self._folder.glob("*.json") if _is_receipt(path)]
        return sorted(
            (each for each in found if each["account_digest"] == digest.hex()), key=lambda each: str(each["receipt_id"])
        )

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other erasures out for the block, not while the event log is rewritten. Raises ErasureUnderWayError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ErasureUnderWayError("another erasure is under way; try again after it") from error
            yield

    def is_unfinished(self, digest: bytes) -> bool:
        """Whether an erasure of the account has begun and not ended."""
        return self._note(digest.hex()).exists()

    def begin(self, digest: bytes, *, found: Counts, now: datetime) -> Unfinished:
        """Notes an erasure, or one more attempt at it."""
        former = self._unfinished(digest.hex())
        if former is not None:
            most = {store: max(count, former.found.get(store, 0)) for store, count in found.items()}
            note = Unfinished(former.account_digest, former.began_at, former.attempts + 1, most)
        else:
            note = Unfinished(digest.hex(), now, 1, found)
        write_whole(self._note(note.account_digest), {**asdict(note), "found": plain(note.found)})
        return note

    def finish(self, note: Unfinished, *, erased_up_to: datetime, kept: Span, now: datetime) -> Receipt:
        """Writes the receipt; the note goes after it, so that whatever ends this process leaves one of them."""
        receipt = Receipt(
            receipt_id=f"{now:%Y%m%dT%H%M%S.%fZ}-{note.account_digest[:8]}",
            account_digest=note.account_digest,
            began_at=note.began_at,
            erased_up_to=erased_up_to,
            finished_at=now,
            attempts=note.attempts,
            removed=note.found,
            kept=kept,
        )
        write_whole(self.path(receipt.receipt_id), receipt.document())
        self._note(note.account_digest).unlink(missing_ok=True)
        return receipt

    def _unfinished(self, digest: str) -> Unfinished | None:
        try:
            held: Mapping[str, Any] = orjson.loads(self._note(digest).read_bytes())
        except FileNotFoundError:
            return None
        found = {Store(store): count for store, count in held["found"].items()}
        return Unfinished(held["account_digest"], datetime.fromisoformat(held["began_at"]), held["attempts"], found)

    def _note(self, digest: str) -> Path:
        return self._folder / f"{_UNFINISHED}{digest}.json"


def _is_receipt(path: Path) -> bool:
    return not path.name.startswith((_UNFINISHED, "."))
