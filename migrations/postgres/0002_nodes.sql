-- Several processes (nodes) on one database; see core/store/src/postgres/node.rs for how they share
-- the work.

-- A node's right to do timers and mails ends at `alive_until`, by the database's clock, and an epoch
-- that has ended never lives again. Rows are kept: an epoch is never given twice.
CREATE TABLE node (
    epoch       BIGINT NOT NULL PRIMARY KEY,
    name        TEXT   NOT NULL,
    started_at  BIGINT NOT NULL,
    alive_until BIGINT NOT NULL
);

-- The epoch of the node that does the row.
ALTER TABLE timer ADD COLUMN claim BIGINT;
ALTER TABLE outbox ADD COLUMN claim BIGINT;
