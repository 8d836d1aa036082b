//! SQL of the SQLite store beyond what both databases share.
//!
//! Statements use `$1`-style parameters. A writing statement takes one parameter that holds all its rows
//! as arrays, because each statement costs a trip to SQLite's thread and back: a group of 64 changes is
//! written by the same few statements as a single one. The rows come in SQLite's binary form of JSON
//! ([`super::jsonb`]), which neither we have to escape nor SQLite to parse. `jsonb_each` (SQLite 3.51,
//! bundled) rather than `json_each`: it does not print each row as text only to have it parsed again for
//! every column, which is worth a fifth of the throughput.

/// Writes everything a group of changes wants, in one trip; `COMMIT` follows on its own, so that a
/// failure of the statements and a failure of the commit can be told apart. sqlx's SQLite driver
/// prepares and keeps all statements of one text; should it ever stop to, run them one by one.
///
/// Parameters: `$1` projects, `$2` new codes of known projects, `$3` history, `$4` timers to remove,
/// `$5` timers to set, `$6` timers to postpone, `$7` mails, `$8` fates of mails, `$9` answers, `$10`
/// projects that are not known to be marked as changed.
pub(crate) const WRITE_GROUP: &str = "
BEGIN IMMEDIATE;

INSERT INTO project (id, code, name, province, version, stage, next_due, changed_by, changed_at,
    head, state)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6, value ->> 7, value ->> 8, unhex(value ->> 9), value ->> 10
FROM jsonb_each($1) WHERE true
ON CONFLICT (id) DO UPDATE SET name = excluded.name, province = excluded.province,
    version = excluded.version, stage = excluded.stage, next_due = excluded.next_due,
    changed_by = excluded.changed_by, changed_at = excluded.changed_at, head = excluded.head,
    state = excluded.state;

UPDATE project SET code = j.value ->> 1
FROM jsonb_each($2) AS j WHERE project.id = unhex(j.value ->> 0);

INSERT INTO history (project, seq, at, actor, payload, prev_hash, hash)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, unhex(value ->> 5),
    unhex(value ->> 6)
FROM jsonb_each($3);

DELETE FROM timer
WHERE (project, key) IN (SELECT unhex(value ->> 0), value ->> 1 FROM jsonb_each($4));

INSERT INTO timer (project, key, fire_at, generation)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM jsonb_each($5) WHERE true
ON CONFLICT (project, key) DO UPDATE SET fire_at = excluded.fire_at,
    generation = excluded.generation;

UPDATE timer SET fire_at = j.value ->> 2
FROM jsonb_each($6) AS j
WHERE timer.project = unhex(j.value ->> 0) AND timer.key = j.value ->> 1
    AND timer.generation = j.value ->> 3;

INSERT INTO outbox (project, key, seq, ordinal, not_before, attempts, mail)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5,
    value ->> 6
FROM jsonb_each($7) WHERE true
ON CONFLICT (project, key) DO NOTHING;

UPDATE outbox SET state = j.value ->> 2, sent_at = j.value ->> 3,
    not_before = coalesce(j.value ->> 4, not_before), last_error = j.value ->> 5,
    attempts = attempts + 1
FROM jsonb_each($8) AS j
WHERE outbox.project = unhex(j.value ->> 0) AND outbox.key = j.value ->> 1
    AND outbox.state = 'pending'
    AND NOT (j.value ->> 2 = 'pending' AND outbox.attempts > 0
        AND outbox.not_before = j.value ->> 4 AND outbox.last_error = j.value ->> 5);

INSERT INTO answer (project, key, request, response, at)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM jsonb_each($9);

INSERT INTO unsealed (project) SELECT unhex(value) FROM jsonb_each($10) WHERE true
ON CONFLICT (project) DO NOTHING;
";

/// How many parameters [`WRITE_GROUP`] has.
pub(crate) const PARAMETERS: usize = 10;

/// A number in the file's head that liucheng does not use: writing it again tells whether writing works.
pub(crate) const USER_VERSION: &str = "PRAGMA user_version";

/// Makes a group durable.
pub(crate) const COMMIT: &str = "COMMIT";

/// What a group has to know before it is decided, in one trip: the heads of projects (`$1`), the
/// answers to idempotency keys (`$2`) and the owners of codes (`$3`), told apart by the first column.
///
/// `CROSS JOIN` keeps SQLite from turning the join round and scanning the table.
pub(crate) const LOOK_UP: &str = "
SELECT 'head', p.id, p.code, p.changed_by, lower(hex(p.head)), p.version, p.changed_at
FROM jsonb_each($1) AS j CROSS JOIN project AS p ON p.id = unhex(j.value)
UNION ALL
SELECT 'answer', a.project, a.key, a.request, a.response, 0, a.at
FROM jsonb_each($2) AS j CROSS JOIN answer AS a
    ON a.project = unhex(j.value ->> 0) AND a.key = j.value ->> 1
UNION ALL
SELECT 'code', p.id, p.code, '', '', 0, 0
FROM jsonb_each($3) AS j CROSS JOIN project AS p ON p.code = j.value";

/// The state row of a project.
pub(crate) const LOAD: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    lower(hex(head)), state
FROM project WHERE id = $1";

/// The state rows of projects whose ids, in hex, are the elements of `$1`.
pub(crate) const LOAD_ALL: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    lower(hex(head)), state
FROM project WHERE id IN (SELECT unhex(value) FROM json_each($1))";

/// The first projects by code.
pub(crate) const LIST_FIRST: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    lower(hex(head)), state
FROM project ORDER BY code LIMIT $1";

/// The projects after a code.
pub(crate) const LIST_AFTER: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    lower(hex(head)), state
FROM project WHERE code > $2 ORDER BY code LIMIT $1";

/// A page of a project's history.
pub(crate) const HISTORY: &str = "
SELECT seq, at, actor, payload, lower(hex(prev_hash)), lower(hex(hash))
FROM history WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// Timers that are due.
pub(crate) const DUE_TIMERS: &str = "
SELECT project, key, fire_at, generation FROM timer
WHERE fire_at <= $1 ORDER BY fire_at, project, key LIMIT $2";

/// Mails that are due.
pub(crate) const DUE_MAIL: &str = "
SELECT project, key, not_before, attempts, mail FROM outbox
WHERE state = 'pending' AND not_before <= $1 ORDER BY not_before, project, key LIMIT $2";

/// The next instant at which something is due.
pub(crate) const NEXT_WAKE: &str = "
SELECT min(at) FROM (
    SELECT min(fire_at) AS at FROM timer
    UNION ALL
    SELECT min(not_before) FROM outbox WHERE state = 'pending') AS due";

/// Whether migrations were ever applied, and whether there is any other table.
pub(crate) const INSPECT: &str = "
SELECT (SELECT count(*) FROM sqlite_schema WHERE name = '_sqlx_migrations'),
    (SELECT count(*) FROM sqlite_schema
        WHERE type = 'table' AND name <> '_sqlx_migrations' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'),
    (SELECT application_id FROM pragma_application_id)";

/// Which tables there are.
pub(crate) const TABLE_NAMES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table'";

/// All of them, for the check in `sharding`.
#[cfg(test)]
pub(crate) const ALL: &[(&str, &str)] = &[
    ("WRITE_GROUP", WRITE_GROUP),
    ("USER_VERSION", USER_VERSION),
    ("COMMIT", COMMIT),
    ("LOOK_UP", LOOK_UP),
    ("LOAD", LOAD),
    ("LOAD_ALL", LOAD_ALL),
    ("LIST_FIRST", LIST_FIRST),
    ("LIST_AFTER", LIST_AFTER),
    ("HISTORY", HISTORY),
    ("DUE_TIMERS", DUE_TIMERS),
    ("DUE_MAIL", DUE_MAIL),
    ("NEXT_WAKE", NEXT_WAKE),
    ("INSPECT", INSPECT),
    ("TABLE_NAMES", TABLE_NAMES),
];
