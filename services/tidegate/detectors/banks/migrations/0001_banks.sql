-- The first version of the hash banks in PostgreSQL. Released migrations never change.

CREATE SCHEMA tidegate_banks;

CREATE TABLE tidegate_banks.migrations (
    version integer PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- Who changes anything holds this row until COMMIT: changes have an order, and so have numbers, which readers ask by.
-- Numbers are counted here and not by sequences: those are given out of that order.
CREATE TABLE tidegate_banks.state (
    id integer PRIMARY KEY CHECK (id = 1),
    store uuid NOT NULL,
    changes bigint NOT NULL,
    last_bank bigint NOT NULL,
    last_entry bigint NOT NULL,
    last_removal bigint NOT NULL
) WITH (fillfactor = 50);

-- Every change, under a mark that its maker chose: whether a COMMIT without an answer took place, and whether what a
-- reader has seen is still part of this store. A standby that took over, or a backup, may lack it under the same number.
CREATE TABLE tidegate_banks.changes (
    number bigint PRIMARY KEY,
    mark uuid NOT NULL UNIQUE,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE tidegate_banks.banks (
    number bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL UNIQUE,
    kind text NOT NULL,
    threshold_bits integer NOT NULL,
    enabled boolean NOT NULL,
    description text NOT NULL,
    created_at_us bigint NOT NULL,
    entries bigint NOT NULL CHECK (entries >= 0),
    hashes bigint NOT NULL CHECK (hashes >= 0)
);

CREATE TABLE tidegate_banks.entries (
    number bigint PRIMARY KEY,
    bank bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    hashes bytea NOT NULL CHECK (length(hashes) > 0 AND length(hashes) % 32 = 0),
    UNIQUE (bank, id)
);
CREATE INDEX entries_by_bank ON tidegate_banks.entries (bank, number);
-- Hashes are random bits: no attempt to compress them, and none to move them elsewhere (768 bytes at most).
ALTER TABLE tidegate_banks.entries ALTER COLUMN hashes SET STORAGE PLAIN;

CREATE TABLE tidegate_banks.removals (
    number bigint PRIMARY KEY,
    entry bigint NOT NULL
);

INSERT INTO tidegate_banks.state VALUES (1, gen_random_uuid(), 1, 1, 0, 0);
INSERT INTO tidegate_banks.changes (number, mark) VALUES (1, gen_random_uuid());
INSERT INTO tidegate_banks.banks VALUES (
    1, 'known_violations', 'MATCH', 31, true, 'Pictures that were found to violate policy before.',
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, 0, 0
);
