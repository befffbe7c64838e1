"""Records of a ledger as rows of Parquet: what people ask for as columns, and the whole record beside it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pyarrow as pa

from tidegate.ledger.chain import Entry, link

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = pa.dictionary(pa.int32(), pa.string())

SCHEMA = pa.schema(
    [
        pa.field("writer_id", _NAMES, nullable=False),
        pa.field("sequence", pa.int64(), nullable=False),
        pa.field("previous_hash", pa.binary(32), nullable=False),
        pa.field("hash", pa.binary(32), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("idempotency_key", pa.string()),
        pa.field("fingerprint", pa.string(), nullable=False),
        pa.field("decided_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("content_id", pa.string()),
        pa.field("surface", _NAMES),
        pa.field("market", _NAMES),
        pa.field("language", _NAMES),
        pa.field("action", _NAMES),
        pa.field("completeness", _NAMES),
        pa.field("policy_id", _NAMES),
        pa.field("policy_version", pa.int64()),
        pa.field("policy_digest", _NAMES),
        pa.field("rules", pa.list_(pa.string())),
        pa.field("record", pa.binary(), nullable=False),
    ],
    metadata={"tidegate.ledger_export": "1"},
)
"""One row a record. `record` is its canonical JSON, byte for byte: with the hashes beside it, it can be verified."""


def rows(entries: Sequence[Entry]) -> tuple[pa.Table, list[Entry]]:
    """The records in their order, and apart from them those that are not as they were written, or can't be read."""
    pairs = [(entry, _row(entry)) for entry in entries]
    table = pa.Table.from_pylist([row for _, row in pairs if row is not None], schema=SCHEMA)
    return table, [entry for entry, row in pairs if row is None]


def _row(entry: Entry) -> dict[str, Any] | None:
    keys = entry.keys
    linked = link(entry.previous_hash, writer_id=entry.writer_id, sequence=entry.sequence, payload=entry.payload)
    if linked != entry.hash or (within := _within(entry.payload)) is None:
        return None
    return {
        "writer_id": entry.writer_id,
        "sequence": entry.sequence,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
        "decision_id": keys.decision_id,
        "idempotency_key": keys.idempotency_key or None,
        "fingerprint": keys.fingerprint,
        "decided_at": _EPOCH + timedelta(microseconds=keys.decided_at_us),
        "record": entry.payload,
        **within,
    }


def _within(payload: bytes) -> dict[str, Any] | None:
    try:
        record = orjson.loads(payload)
        inputs, policy = record["inputs"], record["policy"]
        return {
            "account_id": record["account_id"],
            "content_id": record["content_id"],
            "surface": inputs["surface"],
            "market": inputs["market"],
            "language": inputs["language"],
            "action": record["action"],
            "completeness": record["completeness"],
            "policy_id": policy["id"],
            "policy_version": policy["version"],
            "policy_digest": policy["digest"],
            "rules": [violation["rule"] for violation in record["violations"]],
        }
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
