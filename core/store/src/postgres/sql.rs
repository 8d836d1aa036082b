//! SQL of the PostgreSQL store beyond what both databases share.

/// Now by the database's clock, in microseconds; one instant for a whole statement.
macro_rules! now {
    () => {
        "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
    };
}

/// Whether a claim (`$claim`, an SQL expression) is nobody's any more: there is none, or its node's
/// right has ended. An epoch that is not in sight belongs to a node that has just come.
macro_rules! free {
    ($claim:literal) => {
        concat!(
            "(",
            $claim,
            " IS NULL OR EXISTS (SELECT FROM node WHERE node.epoch = ",
            $claim,
            " AND node.alive_until <= ",
            now!(),
            "))"
        )
    };
}

/// Writes everything a group of changes wants: one statement, one trip, one transaction.
///
/// A project's change is written only where its row still has the version and hash the change was
/// decided on; all other rows of the change are written only beside it. Changes that were not written
/// are missing from the result, and their neighbours do not notice.
///
/// Inputs are one array for each column. `(… IN (SELECT id FROM done)) IS TRUE` rather than a join:
/// PostgreSQL then looks into a hash table and does not compare each row with each project.
///
/// Parameters: `$1`–`$14` projects, `$15`–`$21` history, `$22`–`$23` timers to remove, `$24`–`$27`
/// timers to set, `$28`–`$31` timers to postpone, `$32`–`$38` mails, `$39`–`$44` fates of mails,
/// `$45`–`$49` answers, `$50` epochs of this node.
pub(crate) const WRITE_GROUP: &str = concat!(
    "
WITH change AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::boolean[], $5::text[],
        $6::text[], $7::text[], $8::bigint[], $9::text[], $10::text[], $11::text[], $12::bigint[],
        $13::bytea[], $14::text[])
    AS c (id, expected, prev_head, new_code, code, name, province, version, stage, next_due,
        changed_by, changed_at, head, state)),
repeated AS MATERIALIZED (
    SELECT a.project FROM unnest($45::uuid[], $46::text[]) AS k (project, key)
    JOIN answer AS a ON a.project = k.project AND a.key = k.key),
taken AS MATERIALIZED (
    SELECT c.id FROM change AS c JOIN project AS p ON p.code = c.code
    WHERE c.new_code AND p.id <> c.id),
updated AS (
    UPDATE project AS p SET code = c.code, name = c.name, province = c.province,
        version = c.version, stage = c.stage, next_due = c.next_due, changed_by = c.changed_by,
        changed_at = c.changed_at, head = c.head, state = c.state
    FROM change AS c
    WHERE p.id = c.id AND p.version = c.expected AND p.head = c.prev_head
        AND c.id NOT IN (SELECT project FROM repeated) AND c.id NOT IN (SELECT id FROM taken)
    RETURNING p.id),
opened AS (
    INSERT INTO project (id, code, name, province, version, stage, next_due, changed_by,
        changed_at, head, state)
    SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at, head, state
    FROM change AS c
    WHERE c.expected = 0 AND c.id NOT IN (SELECT project FROM repeated)
    ON CONFLICT DO NOTHING
    RETURNING id),
done AS MATERIALIZED (SELECT id FROM updated UNION ALL SELECT id FROM opened),
recorded AS (
    INSERT INTO history (project, seq, at, actor, payload, prev_hash, hash)
    SELECT * FROM unnest($15::uuid[], $16::bigint[], $17::bigint[], $18::text[], $19::text[],
        $20::bytea[], $21::bytea[]) AS r (project)
    WHERE (r.project IN (SELECT id FROM done)) IS TRUE),
cleared AS (
    DELETE FROM timer AS t USING unnest($22::uuid[], $23::text[]) AS c (project, key)
    WHERE t.project = c.project AND t.key = c.key
        AND (c.project IN (SELECT id FROM done)) IS TRUE),
set_timers AS (
    INSERT INTO timer (project, key, fire_at, generation)
    SELECT * FROM unnest($24::uuid[], $25::text[], $26::bigint[], $27::bigint[]) AS s (project)
    WHERE (s.project IN (SELECT id FROM done)) IS TRUE
    ON CONFLICT (project, key) DO UPDATE SET fire_at = excluded.fire_at,
        generation = excluded.generation, claim = NULL),
postponed AS (
    UPDATE timer AS t SET fire_at = s.fire_at, claim = NULL
    FROM unnest($28::uuid[], $29::text[], $30::bigint[], $31::bigint[])
        AS s (project, key, fire_at, generation)
    WHERE t.project = s.project AND t.key = s.key AND t.generation = s.generation
        AND (t.claim = ANY ($50::bigint[]) OR ",
    free!("t.claim"),
    ")),
planned AS (
    INSERT INTO outbox (project, key, seq, ordinal, not_before, attempts, mail)
    SELECT * FROM unnest($32::uuid[], $33::text[], $34::bigint[], $35::bigint[], $36::bigint[],
        $37::bigint[], $38::text[]) AS m (project)
    WHERE (m.project IN (SELECT id FROM done)) IS TRUE
    ON CONFLICT (project, key) DO NOTHING),
finished AS (
    UPDATE outbox AS o SET state = f.state, sent_at = f.sent_at,
        not_before = coalesce(f.not_before, o.not_before), last_error = f.error,
        attempts = o.attempts + 1, claim = NULL
    FROM unnest($39::uuid[], $40::text[], $41::text[], $42::bigint[], $43::bigint[], $44::text[])
        AS f (project, key, state, sent_at, not_before, error)
    WHERE o.project = f.project AND o.key = f.key
        -- Not word for word the predicate of the index of waiting mails: the plan, made once for all
        -- groups, would read all that wait rather than the few that are named.
        AND CASE o.state WHEN 'pending' THEN true ELSE false END
        AND (o.claim = ANY ($50::bigint[]) OR ",
    free!("o.claim"),
    ")
        AND NOT (f.state = 'pending' AND o.attempts > 0 AND o.not_before = f.not_before
            AND o.last_error = f.error)),
answered AS (
    INSERT INTO answer (project, key, request, response, at)
    SELECT * FROM unnest($45::uuid[], $46::text[], $47::text[], $48::text[], $49::bigint[])
        AS a (project)
    WHERE (a.project IN (SELECT id FROM done)) IS TRUE),
marked AS (
    -- From the rows that are locked: whoever seals locks them first, so that a mark is either written
    -- after the one before was taken away, or taken away after its change was read.
    INSERT INTO unsealed (project) SELECT id FROM done
    ON CONFLICT DO NOTHING)
SELECT id FROM done"
);

/// Tells other nodes on the channel `$1` that `$2` set something that is due at `$3`: they may have to
/// get up earlier than they meant to. Nobody sleeps for more than a minute, so that what is due later
/// needs no hint.
pub(crate) const HINT: &str = concat!(
    "SELECT pg_notify($1, $2) WHERE $3 <= ",
    now!(),
    " + 60000000"
);

/// What a group has to know before it is decided: the heads of projects (`$1`), the answers to
/// idempotency keys (`$2`, `$3`), the owners of codes (`$4`) and records whose fate is unknown
/// (`$5`, `$6`), told apart by the first column.
pub(crate) const LOOK_UP: &str = "
SELECT 'head', p.id, p.code, p.changed_by, encode(p.head, 'hex'), p.version, p.changed_at
FROM unnest($1::uuid[]) AS j (id) JOIN project AS p ON p.id = j.id
UNION ALL
SELECT 'answer', a.project, a.key, a.request, a.response, 0, a.at
FROM unnest($2::uuid[], $3::text[]) AS j (project, key)
JOIN answer AS a ON a.project = j.project AND a.key = j.key
UNION ALL
SELECT 'code', p.id, p.code, '', '', 0, 0
FROM unnest($4::text[]) AS j (code) JOIN project AS p ON p.code = j.code
UNION ALL
SELECT 'record', h.project, '', '', encode(h.hash, 'hex'), h.seq, h.at
FROM unnest($5::uuid[], $6::bigint[]) AS j (project, seq)
JOIN history AS h ON h.project = j.project AND h.seq = j.seq";

/// The state row of a project.
pub(crate) const LOAD: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    encode(head, 'hex'), state
FROM project WHERE id = $1";

/// The state rows of projects.
pub(crate) const LOAD_ALL: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    encode(head, 'hex'), state
FROM project WHERE id = ANY ($1::uuid[])";

/// The first projects by code.
pub(crate) const LIST_FIRST: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    encode(head, 'hex'), state
FROM project ORDER BY code LIMIT $1";

/// The projects after a code.
pub(crate) const LIST_AFTER: &str = "
SELECT id, code, name, province, version, stage, next_due, changed_by, changed_at,
    encode(head, 'hex'), state
FROM project WHERE code > $2 ORDER BY code LIMIT $1";

/// A page of a project's history.
pub(crate) const HISTORY: &str = "
SELECT seq, at, actor, payload, encode(prev_hash, 'hex'), encode(hash, 'hex')
FROM history WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3";

/// Timers that are due, for a reader.
pub(crate) const DUE_TIMERS: &str = "
SELECT project, key, fire_at, generation FROM timer
WHERE fire_at <= $1 ORDER BY fire_at, project, key LIMIT $2";

/// Mails that are due, for a reader.
pub(crate) const DUE_MAIL: &str = "
SELECT project, key, not_before, attempts, mail FROM outbox
WHERE state = 'pending' AND not_before <= $1 ORDER BY not_before, project, key LIMIT $2";

/// Timers that are due and that no other node does; they become the node's (`$3`), if it is alive.
pub(crate) const CLAIM_TIMERS: &str = concat!(
    "
WITH due AS MATERIALIZED (
    SELECT t.project, t.key FROM timer AS t
    WHERE t.fire_at <= $1 AND (t.claim = $3 OR ",
    free!("t.claim"),
    ")
        AND (SELECT count(*) FROM node WHERE epoch = $3 AND alive_until > ",
    now!(),
    ") = 1
    ORDER BY t.fire_at, t.project, t.key LIMIT $2 FOR NO KEY UPDATE OF t SKIP LOCKED),
claimed AS (
    UPDATE timer AS t SET claim = $3 FROM due
    WHERE t.project = due.project AND t.key = due.key
    RETURNING t.project, t.key, t.fire_at, t.generation)
SELECT * FROM claimed ORDER BY fire_at, project, key"
);

/// Mails that are due and that no other node sends; they become the node's (`$3`), if it is alive.
pub(crate) const CLAIM_MAIL: &str = concat!(
    "
WITH due AS MATERIALIZED (
    SELECT o.project, o.key FROM outbox AS o
    WHERE o.state = 'pending' AND o.not_before <= $1 AND (o.claim = $3 OR ",
    free!("o.claim"),
    ")
        AND (SELECT count(*) FROM node WHERE epoch = $3 AND alive_until > ",
    now!(),
    ") = 1
    ORDER BY o.not_before, o.project, o.key LIMIT $2 FOR NO KEY UPDATE OF o SKIP LOCKED),
claimed AS (
    UPDATE outbox AS o SET claim = $3 FROM due
    WHERE o.project = due.project AND o.key = due.key
    RETURNING o.project, o.key, o.not_before, o.attempts, o.mail)
SELECT * FROM claimed ORDER BY not_before, project, key"
);

/// Whether a mail is still the node's (`$3`) to send, and for `$4` microseconds to come.
pub(crate) const HOLDS_MAIL: &str = concat!(
    "
SELECT count(*) FROM outbox AS o JOIN node AS n ON n.epoch = o.claim
WHERE o.project = $1 AND o.key = $2 AND o.state = 'pending' AND o.claim = $3
    AND n.alive_until > ",
    now!(),
    " + $4"
);

/// Takes a megabyte of room and gives it back: fails where the disk is full. One statement, so that a
/// failure leaves nothing behind.
pub(crate) const TRY_ROOM: &str = "
DO $$ BEGIN
    CREATE TEMPORARY TABLE liucheng_room AS SELECT n FROM generate_series(1, 30000) AS n;
    DROP TABLE liucheng_room;
END $$";

/// The next instant at which something is due that no other node (than `$1`) does, and, if another
/// node does something that is due earlier, how long its right holds at least.
///
/// What others do is due already, so it stands first in its queue if what is free lies in the future.
pub(crate) const NEXT_WAKE: &str = concat!(
    "
WITH next AS MATERIALIZED (
    SELECT min(at) AS at FROM (
        (SELECT t.fire_at AS at FROM timer AS t WHERE t.claim = $1 OR ",
    free!("t.claim"),
    " ORDER BY t.fire_at LIMIT 1)
        UNION ALL
        (SELECT o.not_before FROM outbox AS o WHERE o.state = 'pending' AND (o.claim = $1 OR ",
    free!("o.claim"),
    ") ORDER BY o.not_before LIMIT 1)) AS free),
others AS MATERIALIZED (
    SELECT min(alive_until) - ",
    now!(),
    " AS rest FROM node WHERE epoch <> $1 AND alive_until > ",
    now!(),
    ")
SELECT next.at, CASE
    WHEN others.rest IS NULL THEN NULL
    WHEN EXISTS (SELECT FROM (SELECT claim FROM timer ORDER BY fire_at LIMIT 1) AS first
        WHERE first.claim <> $1)
        OR EXISTS (SELECT FROM (SELECT claim FROM outbox WHERE state = 'pending'
            ORDER BY not_before LIMIT 1) AS first WHERE first.claim <> $1)
    THEN others.rest END
FROM next, others"
);

/// Begins an epoch of a node (`$1` its name) that lasts `$2` microseconds; `$3` says whether earlier
/// epochs of that name end.
pub(crate) const BEGIN_EPOCH: &str = concat!(
    "
WITH ended AS (
    UPDATE node SET alive_until = 0 WHERE $3 AND name = $1 AND alive_until > 0)
INSERT INTO node (epoch, name, started_at, alive_until)
SELECT coalesce(max(epoch), 0) + 1, $1, ",
    now!(),
    ", ",
    now!(),
    " + $2 FROM node
ON CONFLICT (epoch) DO NOTHING
RETURNING epoch, started_at"
);

/// Lets an epoch (`$1`) last for `$2` microseconds from now, unless it has ended.
pub(crate) const RENEW_EPOCH: &str = concat!(
    "
UPDATE node SET alive_until = ",
    now!(),
    " + $2 WHERE epoch = $1 AND alive_until > ",
    now!(),
    "
RETURNING epoch, alive_until - $2"
);

/// Locks a node's name (`$1`) for the session, unless another session has it.
pub(crate) const LOCK_NAME: &str =
    "SELECT pg_try_advisory_lock(hashtextextended('node ' || $1, 1279477832))";

/// Whether an epoch of a node's name (`$1`) after `$2` has not ended.
pub(crate) const NAME_LIVES: &str = concat!(
    "SELECT EXISTS (SELECT FROM node WHERE name = $1 AND epoch > $2 AND alive_until > ",
    now!(),
    ")"
);

/// Ends an epoch: what it claims is free at once.
pub(crate) const END_EPOCH: &str = "UPDATE node SET alive_until = 0 WHERE epoch = $1";

/// Whether migrations were ever applied, whether there is any other table, and whether it is ours.
pub(crate) const INSPECT: &str = "
SELECT (SELECT count(*) FROM pg_tables
        WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'),
    (SELECT count(*) FROM pg_tables
        WHERE schemaname = current_schema() AND tablename <> '_sqlx_migrations'),
    (SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND c.relname = 'project'
            AND obj_description(c.oid, 'pg_class') = 'liucheng')";

/// Which tables there are.
pub(crate) const TABLE_NAMES: &str =
    "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";

/// Whether the migrations that a database has are ours: `$1` the checksum of the first.
pub(crate) const IS_OURS: &str =
    "SELECT count(*) FROM _sqlx_migrations WHERE version = 1 AND checksum = $1";

/// All of them, for the check in `sharding`.
#[cfg(test)]
pub(crate) const ALL: &[(&str, &str)] = &[
    ("WRITE_GROUP", WRITE_GROUP),
    ("HINT", HINT),
    ("LOOK_UP", LOOK_UP),
    ("LOAD", LOAD),
    ("LOAD_ALL", LOAD_ALL),
    ("LIST_FIRST", LIST_FIRST),
    ("LIST_AFTER", LIST_AFTER),
    ("HISTORY", HISTORY),
    ("DUE_TIMERS", DUE_TIMERS),
    ("DUE_MAIL", DUE_MAIL),
    ("CLAIM_TIMERS", CLAIM_TIMERS),
    ("CLAIM_MAIL", CLAIM_MAIL),
    ("HOLDS_MAIL", HOLDS_MAIL),
    ("TRY_ROOM", TRY_ROOM),
    ("NEXT_WAKE", NEXT_WAKE),
    ("BEGIN_EPOCH", BEGIN_EPOCH),
    ("RENEW_EPOCH", RENEW_EPOCH),
    ("LOCK_NAME", LOCK_NAME),
    ("NAME_LIVES", NAME_LIVES),
    ("END_EPOCH", END_EPOCH),
    ("INSPECT", INSPECT),
    ("TABLE_NAMES", TABLE_NAMES),
    ("IS_OURS", IS_OURS),
];
