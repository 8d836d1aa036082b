-- Several processes (nodes) on one database: only on PostgreSQL. An SQLite file has one writing
-- process, which needs no claims; table and columns are here so that both databases are the same.

CREATE TABLE node (
    epoch       INTEGER NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    alive_until INTEGER NOT NULL
) STRICT;

ALTER TABLE timer ADD COLUMN claim INTEGER;
ALTER TABLE outbox ADD COLUMN claim INTEGER;
