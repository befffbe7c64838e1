"""SQL of the writer, and the numbers of its locks."""

import hashlib

LOCK_WRITER = "SELECT pg_advisory_lock(%s)"
END_STALE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = %s AND usename = current_user AND pid <> pg_backend_pid() AND wait_event = 'ClientRead'"
)
"""Sessions of ours that the server still thinks alive, and that wait for us. One that is at work is left alone: it may
be committing."""
FIND_HEAD = "SELECT sequence, hash FROM tidegate_ledger.heads WHERE writer_id = %s"
FIND_KEYS = (
    "SELECT k.idempotency_key, k.fingerprint, r.record"
    " FROM unnest(%b::bytea[]) AS wanted (idempotency_key)"
    " JOIN tidegate_ledger.idempotency_keys AS k USING (idempotency_key)"
    " LEFT JOIN tidegate_ledger.records AS r ON r.day = k.day AND r.decision_id = k.decision_id"
)
FIND_IDS = (
    "SELECT r.decision_id, r.record FROM unnest(%s::date[], %s::text[]) AS wanted (day, decision_id)"
    " JOIN tidegate_ledger.records AS r USING (day, decision_id)"
)
_INSERT_RECORDS = (
    "INSERT INTO tidegate_ledger.records (day, decision_id, idempotency_key, fingerprint, decided_at_us, writer_id,"
    " sequence, previous_hash, hash, record)"
    " SELECT * FROM unnest(%b::date[], %b::text[], %b::bytea[], %b::text[], %b::bigint[], %b::text[], %b::bigint[],"
    " %b::bytea[], %b::bytea[], %b::bytea[])"
)
_INSERT_KEYS = (
    "INSERT INTO tidegate_ledger.idempotency_keys (idempotency_key, fingerprint, day, decision_id)"
    " SELECT * FROM unnest(%b::bytea[], %b::text[], %b::date[], %b::text[])"
)
_STORE_HEAD = (
    "INSERT INTO tidegate_ledger.heads AS h (writer_id, sequence, hash, first_day, last_day)"
    " VALUES (%s, %s, %b, %s, %s)"
    " ON CONFLICT (writer_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash,"
    " first_day = least(h.first_day, excluded.first_day), last_day = greatest(h.last_day, excluded.last_day),"
    " changed_at = clock_timestamp()"
)
STORE_LOST_HEAD = f"{_STORE_HEAD} WHERE h.sequence < excluded.sequence"
"""Where a chain ended whose last records are lost, so that `verify` misses them. Nothing where it is stored already."""
RECORD = f"WITH recorded AS ({_INSERT_RECORDS}) {_STORE_HEAD}"
"""Records, and the new end of their chain. One statement, which is a transaction by itself."""
RECORD_KEYED = f"WITH recorded AS ({_INSERT_RECORDS}), keyed AS ({_INSERT_KEYS}) {_STORE_HEAD}"
"""The same with idempotency keys."""
DROP_EXPIRED_KEYS = "DELETE FROM tidegate_ledger.idempotency_keys WHERE idempotency_key = ANY(%b::bytea[])"
INSERT_POLICIES = (
    "INSERT INTO tidegate_ledger.policies (digest, document)"
    " SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING"
)
PROBE = (
    "UPDATE tidegate_ledger.readiness SET probes = probes + 1,"
    " padding = (SELECT string_agg(md5(random()::text), '') FROM generate_series(1, 1024))"
    " WHERE id = (SELECT id FROM tidegate_ledger.readiness FOR UPDATE SKIP LOCKED LIMIT 1)"
)


def writer_lock(writer_id: str) -> int:
    """The advisory lock of a writer's chain: 63 bits of its id's digest."""
    return int.from_bytes(hashlib.sha256(writer_id.encode()).digest()[:8], "big") >> 1
