//! Statements that both databases understand.

/// Keeps a document.
pub(crate) const PUT_DOCUMENT: &str = "
INSERT INTO document (kind, digest, id, version, bytes, position)
SELECT $1, $2, $3, $4, $5, coalesce(max(position), 0) + 1 FROM document WHERE kind = $1
ON CONFLICT (kind, digest) DO NOTHING";

/// Keeps a token.
pub(crate) const PUT_TOKEN: &str = "
INSERT INTO token (hash, actor, roles, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (hash) DO NOTHING";

/// The project of a code.
pub(crate) const FIND_CODE: &str = "SELECT id FROM project WHERE code = $1";

/// The answer to an idempotency key.
pub(crate) const ANSWER: &str = "
SELECT key, request, response, at FROM answer WHERE project = $1 AND key = $2";

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

/// All documents of a kind.
pub(crate) const DOCUMENTS: &str = "
SELECT kind, digest, id, version, bytes FROM document WHERE kind = $1 ORDER BY position DESC, digest";

/// A token.
pub(crate) const TOKEN: &str = "SELECT hash, actor, roles, at FROM token WHERE hash = $1";

/// The number of tokens.
pub(crate) const TOKEN_COUNT: &str = "SELECT count(*) FROM token";

/// What waits to be done: mails that wait and the earliest of them, mails given up, the earliest timer.
/// Counts end at `$1`; each is a look into an index, whose predicate has to be repeated word for word.
pub(crate) const BACKLOG: &str = "
SELECT (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'pending' LIMIT $1) AS p),
    (SELECT min(not_before) FROM outbox WHERE state = 'pending'),
    (SELECT count(*) FROM (SELECT 1 FROM outbox WHERE state = 'dead' LIMIT $1) AS d),
    (SELECT min(fire_at) FROM timer)";

/// The newest migration that was applied.
pub(crate) const SCHEMA_VERSION: &str =
    "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success";
