"""The span store's tables: a SQLite file that the receiver writes and `tidegate trace` reads."""

SCHEMA_VERSION = 1
"""In `PRAGMA user_version`."""

CREATE = """
CREATE TABLE IF NOT EXISTS traces (
    trace_id    TEXT PRIMARY KEY,  -- 32 hex digits
    received_ns INTEGER NOT NULL,  -- when its latest span arrived, since the Unix epoch
    spans       INTEGER NOT NULL,  -- stored
    left_out    INTEGER NOT NULL   -- not stored, because the trace had too many
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS traces_by_time ON traces (received_ns);
CREATE TABLE IF NOT EXISTS spans (
    trace_id       TEXT NOT NULL,
    span_id        TEXT NOT NULL,
    parent_span_id TEXT NOT NULL,
    service        TEXT NOT NULL,
    name           TEXT NOT NULL,
    role           TEXT NOT NULL,
    start_ns       INTEGER NOT NULL,
    end_ns         INTEGER NOT NULL,
    status         TEXT NOT NULL,
    attributes     TEXT NOT NULL,  -- JSON object
    links          TEXT NOT NULL,  -- JSON array of [trace id, span id]
    moments        TEXT NOT NULL,  -- JSON array of [name, ns]
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
"""
