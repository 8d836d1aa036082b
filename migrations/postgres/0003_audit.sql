-- Sealed epochs; what each table is for stands in the SQLite migration of the same number.

-- Rows come and go: each is inserted with a project's change and deleted when it is sealed.
CREATE TABLE unsealed (
    project UUID NOT NULL PRIMARY KEY
) WITH (autovacuum_vacuum_scale_factor = 0.05);

INSERT INTO unsealed (project) SELECT id FROM project;

CREATE TABLE epoch (
    number    BIGINT NOT NULL PRIMARY KEY CHECK (number > 0),
    sealed_at BIGINT NOT NULL,
    leaves    BIGINT NOT NULL CHECK (leaves > 0),
    root      TEXT   NOT NULL,
    previous  TEXT   NOT NULL,
    hash      TEXT   NOT NULL,
    key       TEXT   NOT NULL,
    signature TEXT   NOT NULL
);

CREATE TABLE epoch_leaf (
    project UUID   NOT NULL,
    epoch   BIGINT NOT NULL CHECK (epoch > 0),
    version BIGINT NOT NULL CHECK (version > 0),
    head    BYTEA  NOT NULL CHECK (octet_length(head) = 32),
    PRIMARY KEY (project, epoch)
);

CREATE INDEX epoch_leaf_epoch ON epoch_leaf (epoch, project);

ALTER TABLE document ADD COLUMN epoch BIGINT;
ALTER TABLE token ADD COLUMN epoch BIGINT;

CREATE INDEX document_unsealed ON document (kind, digest) WHERE epoch IS NULL;
CREATE INDEX token_unsealed ON token (hash) WHERE epoch IS NULL;
