-- What was done to access tokens, as a chain of records of its own: each token row follows from it; see
-- docs/audit.md. It stands for the installation, so no project is its key.

CREATE TABLE journal (
    seq       INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    prev_hash TEXT    NOT NULL,
    hash      TEXT    NOT NULL
) STRICT;

-- A token that was revoked stays, because epochs speak of it.
ALTER TABLE token ADD COLUMN revoked_at INTEGER;

-- The first record is the same everywhere: nothing was there before it. Where there are tokens already,
-- the program writes it, together with what it found.
INSERT INTO journal (seq, at, actor, payload, prev_hash, hash)
SELECT 1, 0, 'system', '{"seq":1,"at":0,"actor":"system","act":"began"}',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '84dbc724a917cb383d3da97d721b96acf608e2f3f272f6794119de6b0a930c24'
WHERE NOT EXISTS (SELECT 1 FROM token);
