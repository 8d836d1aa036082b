-- See the SQLite migration of the same number.

CREATE TABLE transfer (
    source     TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    run        TEXT   NOT NULL,
    started_at BIGINT NOT NULL
);
