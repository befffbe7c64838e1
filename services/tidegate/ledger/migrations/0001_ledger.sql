-- The first version of the PostgreSQL ledger. Released migrations never change.

CREATE SCHEMA tidegate_ledger;

CREATE TABLE tidegate_ledger.migrations (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- One partition a day, the UTC day of the decision. The hash covers `record`; the other columns are what it is found by.
-- A unique index of a partitioned table must hold its partition key: an id is unique within its day.
CREATE TABLE tidegate_ledger.records (
    day date NOT NULL,
    decision_id text COLLATE "C" NOT NULL,
    idempotency_key bytea,
    fingerprint text NOT NULL,
    decided_at_us bigint NOT NULL,
    writer_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (decision_id, day),
    UNIQUE (writer_id, sequence, day),
    CONSTRAINT records_day CHECK (decided_at_us - (day - DATE '1970-01-01')::bigint * 86400000000 BETWEEN 0 AND 86399999999)
) PARTITION BY RANGE (day);

CREATE INDEX records_by_time ON tidegate_ledger.records (decided_at_us);

-- Keys are unique over all days, so they have a table of their own. They are bytes: a key may hold a zero character.
CREATE TABLE tidegate_ledger.idempotency_keys (
    idempotency_key bytea PRIMARY KEY,
    fingerprint text NOT NULL,
    day date NOT NULL,
    decision_id text COLLATE "C" NOT NULL
);

-- Where each writer's chain ends, and the days that it has records of. Updated at every commit: room for that in place.
CREATE TABLE tidegate_ledger.heads (
    writer_id text COLLATE "C" PRIMARY KEY,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);

CREATE TABLE tidegate_ledger.policies (
    digest text COLLATE "C" PRIMARY KEY,
    document text NOT NULL
);

-- Probes write here, each in a row that nobody else holds.
CREATE TABLE tidegate_ledger.readiness (
    id integer PRIMARY KEY,
    probes bigint NOT NULL DEFAULT 0,
    padding text
);
ALTER TABLE tidegate_ledger.readiness ALTER COLUMN padding SET STORAGE EXTERNAL;
INSERT INTO tidegate_ledger.readiness (id) SELECT generate_series(1, 64);

CREATE FUNCTION tidegate_ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION tidegate_ledger.refuse_backward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.sequence <= OLD.sequence OR NEW.writer_id <> OLD.writer_id THEN
        RAISE EXCEPTION 'a chain only grows' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A key goes with its record: once the record's partition was dropped, the key may be used again.
CREATE FUNCTION tidegate_ledger.refuse_while_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM tidegate_ledger.records WHERE day = OLD.day AND decision_id = OLD.decision_id) THEN
        RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON tidegate_ledger.records
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.records
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON tidegate_ledger.policies
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.policies
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_backward BEFORE UPDATE ON tidegate_ledger.heads
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse_backward();
CREATE TRIGGER refuse_delete BEFORE DELETE ON tidegate_ledger.heads
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.heads
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE ON tidegate_ledger.idempotency_keys
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_delete BEFORE DELETE ON tidegate_ledger.idempotency_keys
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse_while_recorded();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.idempotency_keys
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
