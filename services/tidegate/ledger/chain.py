"""The hash chain: each record of a writer is bound to all that this writer recorded before.

One chain per writer (one process of one router), so that replicas never wait for each other's hash. It shows later
changes; it can't stop somebody who may rewrite the file, heads included: keep `VerifyReport.heads_digest` elsewhere.
"""

import hashlib
from dataclasses import dataclass

from tidegate.ledger.record_keys import RecordKeys

GENESIS = bytes(32)
"""What stands for the previous hash in a chain's first record."""


def link(previous_hash: bytes, *, writer_id: str, sequence: int, payload: bytes) -> bytes:
    """SHA-256 that binds `payload` to its place: 32 bytes.

    Args:
        previous_hash: Of the writer's record before, or `GENESIS`.
        writer_id: The writer.
        sequence: The record's number within the writer's chain, from 1.
        payload: The record in canonical form.
    """
    writer = writer_id.encode()
    digest = hashlib.sha256(previous_hash)
    # The writer's length and a fixed width keep two different places from giving the same bytes.
    digest.update(len(writer).to_bytes(2, "big") + writer + sequence.to_bytes(8, "big"))
    digest.update(payload)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Head:
    """Where a writer's chain ends."""

    writer_id: str
    """The writer."""
    sequence: int
    """Number of its last record; 0 if there is none."""
    hash: bytes
    """Of its last record; `GENESIS` if there is none."""

    def next(self, payload: bytes) -> "Head":
        """The head after one more record."""
        sequence = self.sequence + 1
        linked = link(self.hash, writer_id=self.writer_id, sequence=sequence, payload=payload)
        return Head(self.writer_id, sequence, linked)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record as it is stored: its place in its chain, what it is found by, and its bytes."""

    writer_id: str
    """Who wrote it."""
    sequence: int
    """Its number within the writer's chain, from 1."""
    previous_hash: bytes
    """Of the writer's record before, or `GENESIS`."""
    hash: bytes
    """Its own."""
    keys: RecordKeys
    """What it is found by, as stored beside it."""
    payload: bytes
    """The record in canonical form."""
