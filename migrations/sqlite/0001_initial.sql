-- The first schema. Rules for changing it are in migrations/README.md.
--
-- Every table a command touches has a primary key that starts with the project, so that a project's
-- rows lie together and the tables can be partitioned by project on PostgreSQL.
--
-- project ids   16 bytes (uuid on PostgreSQL): half of the text form, in every row and every index
-- hashes        32 bytes where every change writes one; lower-case hex text where they are rare
-- instants      INTEGER (BIGINT), microseconds since 1970-01-01T00:00:00Z
-- civil dates   TEXT, YYYY-MM-DD
-- money         INTEGER (BIGINT) fen; so far only inside `project.state`

PRAGMA application_id = 1279477832; -- 'LCHH'; keeps us from migrating somebody else's database

CREATE TABLE project (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    code       TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    province   TEXT    NOT NULL,
    version    INTEGER NOT NULL CHECK (version > 0),
    stage      TEXT    NOT NULL,
    next_due   TEXT,
    changed_by TEXT    NOT NULL,
    changed_at INTEGER NOT NULL,
    head       BLOB    NOT NULL CHECK (length(head) = 32),
    state      TEXT    NOT NULL
) STRICT;

-- Append-only. (project, seq) also is the last line of defence against two changes of one version.
CREATE TABLE history (
    project   BLOB    NOT NULL REFERENCES project (id),
    seq       INTEGER NOT NULL CHECK (seq > 0),
    at        INTEGER NOT NULL,
    actor     TEXT    NOT NULL,
    payload   TEXT    NOT NULL,
    prev_hash BLOB    NOT NULL CHECK (length(prev_hash) = 32),
    hash      BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (project, seq)
) STRICT;

-- Small rows that are replaced often: one b-tree, not a table and its key beside it.
CREATE TABLE timer (
    project    BLOB    NOT NULL REFERENCES project (id),
    key        TEXT    NOT NULL,
    fire_at    INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;

-- The key's columns follow by themselves, so this index also gives the order among equal instants.
CREATE INDEX timer_fire_at ON timer (fire_at);

-- (seq, ordinal): the record that planned the mail and the mail's place among those it planned.
CREATE TABLE outbox (
    project    BLOB    NOT NULL REFERENCES project (id),
    key        TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    state      TEXT    NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent', 'dead')),
    sent_at    INTEGER,
    last_error TEXT    NOT NULL DEFAULT '',
    mail       TEXT    NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

CREATE INDEX outbox_due ON outbox (not_before, project, key) WHERE state = 'pending';

-- Answers to commands that carried an idempotency key.
CREATE TABLE answer (
    project  BLOB    NOT NULL REFERENCES project (id),
    key      TEXT    NOT NULL,
    request  TEXT    NOT NULL,
    response TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (project, key)
) STRICT;

-- Content-addressed and never changed; `position` is the order of arrival.
CREATE TABLE document (
    kind     TEXT    NOT NULL,
    digest   TEXT    NOT NULL,
    id       TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    bytes    BLOB    NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (kind, digest)
) STRICT;

CREATE TABLE token (
    hash  TEXT    NOT NULL PRIMARY KEY,
    actor TEXT    NOT NULL,
    roles TEXT    NOT NULL,
    at    INTEGER NOT NULL
) STRICT;
