//! Statements that both databases understand.

/// Keeps a document; one that has the digest of its bytes gets them again where they were damaged.
pub(crate) const PUT_DOCUMENT: &str = "
INSERT INTO document (kind, digest, id, version, bytes, position)
SELECT $1, $2, $3, $4, $5, coalesce(max(position), 0) + 1 FROM document WHERE kind = $1
ON CONFLICT (kind, digest) DO UPDATE SET id = excluded.id, version = excluded.version, bytes = excluded.bytes
WHERE document.kind IN ('package', 'component') AND document.bytes <> excluded.bytes";

/// Keeps a token.
pub(crate) const PUT_TOKEN: &str = "
INSERT INTO token (hash, actor, roles, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (hash) DO NOTHING";

/// Revokes the good token of a hash (`$2`) at an instant (`$1`).
pub(crate) const REVOKE_TOKEN: &str = "
UPDATE token SET revoked_at = $1 WHERE hash = $2 AND revoked_at IS NULL
RETURNING hash, actor, roles, at";

/// The last record of the journal.
pub(crate) const JOURNAL_END: &str = "
SELECT seq, at, actor, payload, prev_hash, hash FROM journal ORDER BY seq DESC LIMIT 1";

/// A page of the journal.
pub(crate) const JOURNAL_PAGE: &str = "
SELECT seq, at, actor, payload, prev_hash, hash FROM journal WHERE seq > $1 ORDER BY seq LIMIT $2";

/// Adds a record to the journal.
pub(crate) const ADD_JOURNAL: &str = "
INSERT INTO journal (seq, at, actor, payload, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6)";

/// The last record of a chain that an epoch has sealed; for the journal, which has few leaves.
pub(crate) const LAST_SEALED: &str =
    "SELECT coalesce(max(version), 0) FROM epoch_leaf WHERE project = $1";

/// Tokens that were there before the journal.
pub(crate) const ALL_TOKENS: &str = "SELECT hash, actor, roles, at FROM token ORDER BY at, hash";

/// The project of a code.
pub(crate) const FIND_CODE: &str = "SELECT id FROM project WHERE code = $1";

/// The answer to an idempotency key.
pub(crate) const ANSWER: &str = "
SELECT key, request, response, at FROM answer WHERE project = $1 AND key = $2";

/// A page of answers.
pub(crate) const ANSWER_PLACES: &str = "
SELECT project, key, at FROM answer WHERE (project, key) > ($1, $2) ORDER BY project, key LIMIT $3";

/// Removes an answer that was given at an instant (`$3`).
pub(crate) const REMOVE_ANSWER: &str =
    "DELETE FROM answer WHERE project = $1 AND key = $2 AND at = $3";

/// All timers of a project.
pub(crate) const TIMERS: &str = "
SELECT project, key, fire_at, generation FROM timer WHERE project = $1 ORDER BY key";

/// All mails of a project.
pub(crate) const MAIL: &str = "
SELECT project, key, not_before, attempts, mail, state, sent_at, last_error FROM outbox
WHERE project = $1 ORDER BY seq, ordinal";

/// A document.
pub(crate) const DOCUMENT: &str = "
SELECT kind, digest, id, version, bytes FROM document WHERE kind = $1 AND digest = $2";

/// Whether there is a document.
pub(crate) const HOLDS_DOCUMENT: &str = "SELECT 1 FROM document WHERE kind = $1 AND digest = $2";

/// All documents of a kind.
pub(crate) const DOCUMENTS: &str = "
SELECT kind, digest, id, version, bytes FROM document WHERE kind = $1 ORDER BY position DESC, digest";

/// A token that is good.
pub(crate) const TOKEN: &str =
    "SELECT hash, actor, roles, at FROM token WHERE hash = $1 AND revoked_at IS NULL";

/// The number of tokens.
pub(crate) const TOKEN_COUNT: &str = "SELECT count(*) FROM token";

/// What waits to be done: mails that wait and the earliest of them, mails given up, the earliest timer.
/// Counts end at `$1`; each is a look into an index, whose predicate has to be repeated word for word.
pub(crate) const BACKLOG: &str = "
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'pending' LIMIT $1) AS p),
    (SELECT min(not_before) FROM outbox WHERE state = 'pending'),
    (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'dead' LIMIT $1) AS d),
    (SELECT min(fire_at) FROM timer)";
/// How many projects were changed since they were last sealed, counted up to a limit.
pub(crate) const UNSEALED: &str =
    "SELECT count(*) FROM (SELECT project FROM unsealed LIMIT $1) AS marks";

/// Whether a project was changed since it was last sealed.
pub(crate) const IS_UNSEALED: &str = "SELECT count(*) FROM unsealed WHERE project = $1";

/// Marks projects that were changed since they were last sealed and are not marked.
pub(crate) const MARK_UNMARKED: &str = "
INSERT INTO unsealed (project)
SELECT p.id FROM project AS p WHERE p.version > coalesce((
    SELECT l.version FROM epoch_leaf AS l WHERE l.project = p.id ORDER BY l.epoch DESC LIMIT 1), 0)
ON CONFLICT (project) DO NOTHING";

/// The newest epoch.
pub(crate) const LAST_EPOCH: &str = "
SELECT number, sealed_at, leaves, root, previous, hash, key, signature FROM epoch
ORDER BY number DESC LIMIT 1";

/// A page of epochs.
pub(crate) const EPOCHS: &str = "
SELECT number, sealed_at, leaves, root, previous, hash, key, signature FROM epoch
WHERE number > $1 ORDER BY number LIMIT $2";

/// Adds an epoch.
pub(crate) const ADD_EPOCH: &str = "
INSERT INTO epoch (number, sealed_at, leaves, root, previous, hash, key, signature)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

/// All mails of a project, verbatim.
pub(crate) const KEPT_MAIL: &str = "
SELECT key, seq, ordinal, not_before, attempts, state, mail FROM outbox
WHERE project = $1 ORDER BY seq, ordinal, key";

/// All answers of a project.
pub(crate) const ANSWERS: &str = "
SELECT key, request, response, at FROM answer WHERE project = $1 ORDER BY key";

/// A page of documents.
pub(crate) const KEPT_DOCUMENTS: &str = "
SELECT kind, digest, id, version, position, epoch, bytes FROM document
WHERE (kind, digest) > ($1, $2) ORDER BY kind, digest LIMIT $3";

/// A page of tokens.
pub(crate) const KEPT_TOKENS: &str = "
SELECT hash, actor, roles, at, epoch, revoked_at FROM token WHERE hash > $1 ORDER BY hash LIMIT $2";

/// Documents that no epoch has sealed.
pub(crate) const UNSEALED_DOCUMENTS: &str = "
SELECT kind, digest, id, version, position, epoch, bytes FROM document
WHERE epoch IS NULL ORDER BY kind, digest LIMIT $1";

/// Tokens that no epoch has sealed.
pub(crate) const UNSEALED_TOKENS: &str = "
SELECT hash, actor, roles, at, epoch, revoked_at FROM token
WHERE epoch IS NULL ORDER BY hash LIMIT $1";

/// Notes the epoch (`$1`) that sealed a document.
pub(crate) const SEAL_DOCUMENT: &str =
    "UPDATE document SET epoch = $1 WHERE kind = $2 AND digest = $3 AND epoch IS NULL";

/// Notes the epoch (`$1`) that sealed a token.
pub(crate) const SEAL_TOKEN: &str = "UPDATE token SET epoch = $1 WHERE hash = $2 AND epoch IS NULL";

/// The newest migration that was applied.
pub(crate) const SCHEMA_VERSION: &str =
    "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";

/// All of them, for the check in `sharding`.
#[cfg(test)]
pub(crate) const ALL: &[(&str, &str)] = &[
    ("PUT_DOCUMENT", PUT_DOCUMENT),
    ("PUT_TOKEN", PUT_TOKEN),
    ("REVOKE_TOKEN", REVOKE_TOKEN),
    ("JOURNAL_END", JOURNAL_END),
    ("JOURNAL_PAGE", JOURNAL_PAGE),
    ("ADD_JOURNAL", ADD_JOURNAL),
    ("LAST_SEALED", LAST_SEALED),
    ("ALL_TOKENS", ALL_TOKENS),
    ("FIND_CODE", FIND_CODE),
    ("ANSWER", ANSWER),
    ("ANSWER_PLACES", ANSWER_PLACES),
    ("REMOVE_ANSWER", REMOVE_ANSWER),
    ("TIMERS", TIMERS),
    ("MAIL", MAIL),
    ("DOCUMENT", DOCUMENT),
    ("DOCUMENTS", DOCUMENTS),
    ("HOLDS_DOCUMENT", HOLDS_DOCUMENT),
    ("TOKEN", TOKEN),
    ("TOKEN_COUNT", TOKEN_COUNT),
    ("BACKLOG", BACKLOG),
    ("UNSEALED", UNSEALED),
    ("IS_UNSEALED", IS_UNSEALED),
    ("MARK_UNMARKED", MARK_UNMARKED),
    ("LAST_EPOCH", LAST_EPOCH),
    ("EPOCHS", EPOCHS),
    ("ADD_EPOCH", ADD_EPOCH),
    ("KEPT_MAIL", KEPT_MAIL),
    ("ANSWERS", ANSWERS),
    ("KEPT_DOCUMENTS", KEPT_DOCUMENTS),
    ("KEPT_TOKENS", KEPT_TOKENS),
    ("UNSEALED_DOCUMENTS", UNSEALED_DOCUMENTS),
    ("UNSEALED_TOKENS", UNSEALED_TOKENS),
    ("SEAL_DOCUMENT", SEAL_DOCUMENT),
    ("SEAL_TOKEN", SEAL_TOKEN),
    ("SCHEMA_VERSION", SCHEMA_VERSION),
];
