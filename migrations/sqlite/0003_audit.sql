-- Sealed epochs: what was changed since the last one goes into a Merkle tree whose root is chained to
-- the epoch before; see docs/audit.md for what is hashed and how.

-- Projects that were changed since they were last sealed; written beside the project's row.
CREATE TABLE unsealed (
    project BLOB NOT NULL PRIMARY KEY CHECK (length(project) = 16)
) STRICT, WITHOUT ROWID;

-- Projects from before the first epoch are sealed with it.
INSERT INTO unsealed (project) SELECT id FROM project;

-- Numbered without gaps from 1. `key` and `signature` are empty where nobody signs.
CREATE TABLE epoch (
    number    INTEGER NOT NULL PRIMARY KEY CHECK (number > 0),
    sealed_at INTEGER NOT NULL,
    leaves    INTEGER NOT NULL CHECK (leaves > 0),
    root      TEXT    NOT NULL,
    previous  TEXT    NOT NULL,
    hash      TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    signature TEXT    NOT NULL
) STRICT;

-- A project's version and head when it was sealed. The project of sixteen zero bytes stands for the
-- documents and tokens: `version` is how many the epoch seals, `head` is the digest over them.
CREATE TABLE epoch_leaf (
    project BLOB    NOT NULL CHECK (length(project) = 16),
    epoch   INTEGER NOT NULL CHECK (epoch > 0),
    version INTEGER NOT NULL CHECK (version > 0),
    head    BLOB    NOT NULL CHECK (length(head) = 32),
    PRIMARY KEY (project, epoch)
) STRICT, WITHOUT ROWID;

CREATE INDEX epoch_leaf_epoch ON epoch_leaf (epoch, project);

-- The epoch that sealed the row; absent until then.
ALTER TABLE document ADD COLUMN epoch INTEGER;
ALTER TABLE token ADD COLUMN epoch INTEGER;

CREATE INDEX document_unsealed ON document (kind, digest) WHERE epoch IS NULL;
CREATE INDEX token_unsealed ON token (hash) WHERE epoch IS NULL;
