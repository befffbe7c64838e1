-- What retention removed, and where each chain goes on behind it. Released migrations never change.

CREATE TABLE tidegate_ledger.removals (
    removal bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day date NOT NULL,
    removed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    keep_days integer NOT NULL,
    exported_to text,
    command text NOT NULL
);

CREATE INDEX removals_by_day ON tidegate_ledger.removals (day);

-- An anchor stands for records of one writer that followed each other. It is stored in the transaction that removes them.
CREATE TABLE tidegate_ledger.anchors (
    writer_id text COLLATE "C" NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL CHECK (last_sequence >= first_sequence),
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    removal bigint NOT NULL REFERENCES tidegate_ledger.removals,
    PRIMARY KEY (writer_id, first_sequence)
);

CREATE INDEX anchors_by_removal ON tidegate_ledger.anchors (removal);

-- Keys of a day that was removed are deleted after it, some at a time.
CREATE INDEX idempotency_keys_by_day ON tidegate_ledger.idempotency_keys (day);

-- As before, but where the day has no table, no other day's is locked to find out.
CREATE OR REPLACE FUNCTION tidegate_ledger.refuse_while_recorded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'tidegate_ledger'::regnamespace
        AND relname = 'records_' || to_char(OLD.day, 'YYYYMMDD')
    ) THEN
        IF EXISTS (SELECT FROM tidegate_ledger.records WHERE day = OLD.day AND decision_id = OLD.decision_id) THEN
            RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN OLD;
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON tidegate_ledger.removals
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.removals
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON tidegate_ledger.anchors
    FOR EACH ROW EXECUTE FUNCTION tidegate_ledger.refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON tidegate_ledger.anchors
    FOR EACH STATEMENT EXECUTE FUNCTION tidegate_ledger.refuse();
