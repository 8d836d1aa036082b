-- See the SQLite migration of the same number.

CREATE TABLE journal (
    seq       BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    payload   TEXT   NOT NULL,
    prev_hash TEXT   NOT NULL,
    hash      TEXT   NOT NULL
);

ALTER TABLE token ADD COLUMN revoked_at BIGINT;

INSERT INTO journal (seq, at, actor, payload, prev_hash, hash)
SELECT 1, 0, 'system', '{"seq":1,"at":0,"actor":"system","act":"began"}',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '84dbc724a917cb383d3da97d721b96acf608e2f3f272f6794119de6b0a930c24'
WHERE NOT EXISTS (SELECT 1 FROM token);
