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

-- Removes a day: one statement, and so a transaction without a pause in which the server would wait for its client with all
-- days locked. What is behind `seen_sequences` came after the day was looked at: then nothing is removed.
CREATE FUNCTION tidegate_ledger.remove_day(
    of_day date, for_keep_days integer, for_export text, by_command text,
    writers text[], first_sequences bigint[], last_sequences bigint[], previous_hashes bytea[], hashes bytea[],
    seen_writers text[], seen_sequences bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day_table text := 'records_' || to_char(of_day, 'YYYYMMDD');
    made bigint;
    came boolean;
BEGIN
    IF cardinality(writers) > 0 THEN
        INSERT INTO tidegate_ledger.removals (day, keep_days, exported_to, command)
            VALUES (of_day, for_keep_days, for_export, by_command) RETURNING removal INTO made;
        INSERT INTO tidegate_ledger.anchors (writer_id, first_sequence, last_sequence, previous_hash, hash, removal)
            SELECT anchor.*, made FROM unnest(writers, first_sequences, last_sequences, previous_hashes, hashes) AS anchor;
    END IF;
    -- All days before the one, as everybody else does.
    LOCK TABLE ONLY tidegate_ledger.records IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM tidegate_ledger.heads AS h'
        ' LEFT JOIN unnest($1, $2) AS seen (writer_id, sequence) ON seen.writer_id = h.writer_id'
        ' WHERE h.sequence > coalesce(seen.sequence, 0) AND $3 BETWEEN h.first_day AND h.last_day AND EXISTS ('
        'SELECT FROM tidegate_ledger.%I AS r'
        ' WHERE r.writer_id = h.writer_id AND r.sequence > coalesce(seen.sequence, 0)))', day_table
    ) INTO came USING seen_writers, seen_sequences, of_day;
    IF came THEN
        RAISE EXCEPTION 'records came to the day' USING ERRCODE = 'serialization_failure';
    END IF;
    EXECUTE format('DROP TABLE tidegate_ledger.%I', day_table);
END $$;
