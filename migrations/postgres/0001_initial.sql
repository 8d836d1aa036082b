-- The first schema. Rules for changing it are in migrations/README.md; types and reasons stand in the
-- SQLite migration of the same number. What differs here:
--
-- * Texts that are keys have COLLATE "C": the same order as SQLite's, and comparisons are cheap.
-- * Tables whose rows are replaced often leave room on their pages, so that a new version of a row
--   lies beside the old one and no index changes.
-- * No foreign keys: each insert would look the project up once more. What they would guarantee is
--   guaranteed by the one statement that writes: it inserts only beside the project's row that it
--   has just updated, and projects are never deleted.

CREATE TABLE project (
    id         UUID   NOT NULL PRIMARY KEY,
    code       TEXT   COLLATE "C" NOT NULL UNIQUE,
    name       TEXT   NOT NULL,
    province   TEXT   NOT NULL,
    version    BIGINT NOT NULL CHECK (version > 0),
    stage      TEXT   NOT NULL,
    next_due   TEXT,
    changed_by TEXT   NOT NULL,
    changed_at BIGINT NOT NULL,
    head       BYTEA  NOT NULL CHECK (octet_length(head) = 32),
    state      TEXT   NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Keeps us from migrating somebody else's database.
COMMENT ON TABLE project IS 'liucheng';

-- Append-only. (project, seq) also is the last line of defence against two changes of one version.
CREATE TABLE history (
    project   UUID   NOT NULL,
    seq       BIGINT NOT NULL CHECK (seq > 0),
    at        BIGINT NOT NULL,
    actor     TEXT   NOT NULL,
    payload   TEXT   NOT NULL,
    prev_hash BYTEA  NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash      BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (project, seq)
);

CREATE TABLE timer (
    project    UUID   NOT NULL,
    key        TEXT   COLLATE "C" NOT NULL,
    fire_at    BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    PRIMARY KEY (project, key)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- Also gives the order among equal instants.
CREATE INDEX timer_fire_at ON timer (fire_at, project, key);

-- (seq, ordinal): the record that planned the mail and the mail's place among those it planned.
CREATE TABLE outbox (
    project    UUID   NOT NULL,
    key        TEXT   COLLATE "C" NOT NULL,
    seq        BIGINT NOT NULL,
    ordinal    BIGINT NOT NULL,
    not_before BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    state      TEXT   NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
    sent_at    BIGINT,
    last_error TEXT   NOT NULL DEFAULT '',
    mail       TEXT   NOT NULL,
    PRIMARY KEY (project, key)
) WITH (fillfactor = 90);

CREATE INDEX outbox_due ON outbox (not_before, project, key) WHERE state = 'pending';

-- Answers to commands that carried an idempotency key.
CREATE TABLE answer (
    project  UUID   NOT NULL,
    key      TEXT   COLLATE "C" NOT NULL,
    request  TEXT   NOT NULL,
    response TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (project, key)
);

-- Content-addressed and never changed; `position` is the order of arrival.
CREATE TABLE document (
    kind     TEXT   COLLATE "C" NOT NULL,
    digest   TEXT   COLLATE "C" NOT NULL,
    id       TEXT   NOT NULL,
    version  TEXT   NOT NULL,
    bytes    BYTEA  NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (kind, digest)
);

CREATE TABLE token (
    hash  TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    actor TEXT   NOT NULL,
    roles TEXT   NOT NULL,
    at    BIGINT NOT NULL
);
