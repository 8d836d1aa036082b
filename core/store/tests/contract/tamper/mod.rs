//! F20: a small database is tampered with in every way, one at a time, and each is found.
//!
//! Every row of every table is deleted, every column of every row changed, every two neighbouring rows
//! of a project swapped, a copy of every row inserted. What is not audit data is listed, with the reason.

mod databases;
mod larger;
mod world;

use liucheng_engine::{
    audit::verify::{Report, VerifyOptions, verify_store},
    ports::{ANSWERS_KEPT_MICROS, Store},
};

use databases::Tampered;
use world::World;

/// A table with its columns.
struct Table {
    name: &'static str,
    /// The columns of the key.
    key: &'static [&'static str],
    /// All others that are audit data.
    rest: &'static [&'static str],
    /// How a copy of a row gets a key of its own: column and expression.
    copy: &'static [(&'static str, Copy)],
}

/// A key of its own for a copied row.
#[derive(Clone, Copy)]
enum Copy {
    /// A project that is not there.
    Project,
    /// The text, longer.
    Longer,
    /// A number beyond all others.
    Beyond,
    /// Another digest.
    Digest,
}

/// Columns that are not audit data: they say how far work has come, change without a record, and
/// nothing is decided by them that the history does not decide.
const OPERATIONAL: [(&str, &str, &str); 9] = [
    ("timer", "claim", "which node is about to fire it"),
    ("outbox", "claim", "which node is about to send it"),
    ("outbox", "attempts", "how often sending was tried"),
    ("outbox", "state", "whether it was sent"),
    ("outbox", "sent_at", "when it was sent"),
    ("outbox", "last_error", "what the mail server said"),
    ("node", "*", "processes on the database and their leases"),
    (
        "transfer",
        "*",
        "a database that is being filled; nothing opens it until the row is gone",
    ),
    (
        "_sqlx_migrations",
        "*",
        "which migrations were applied; checked when the database is opened",
    ),
];

const TABLES: [Table; 11] = [
    Table {
        name: "project",
        key: &["id"],
        rest: &[
            "code",
            "name",
            "province",
            "version",
            "stage",
            "next_due",
            "changed_by",
            "changed_at",
            "head",
            "state",
        ],
        copy: &[("id", Copy::Project), ("code", Copy::Longer)],
    },
    Table {
        name: "history",
        key: &["project", "seq"],
        rest: &["at", "actor", "payload", "prev_hash", "hash"],
        copy: &[("seq", Copy::Beyond)],
    },
    Table {
        name: "timer",
        key: &["project", "key"],
        rest: &["fire_at", "generation"],
        copy: &[("key", Copy::Longer)],
    },
    Table {
        name: "outbox",
        key: &["project", "key"],
        rest: &["seq", "ordinal", "not_before", "mail"],
        copy: &[("key", Copy::Longer)],
    },
    Table {
        name: "answer",
        key: &["project", "key"],
        rest: &["request", "response", "at"],
        copy: &[("key", Copy::Longer)],
    },
    Table {
        name: "document",
        key: &["kind", "digest"],
        rest: &["id", "version", "bytes", "position", "epoch"],
        copy: &[("digest", Copy::Digest)],
    },
    Table {
        name: "token",
        key: &["hash"],
        rest: &["actor", "roles", "at", "epoch", "revoked_at"],
        copy: &[("hash", Copy::Digest)],
    },
    Table {
        name: "journal",
        key: &["seq"],
        rest: &["at", "actor", "payload", "prev_hash", "hash"],
        copy: &[("seq", Copy::Beyond)],
    },
    Table {
        name: "unsealed",
        key: &["project"],
        rest: &[],
        copy: &[("project", Copy::Project)],
    },
    Table {
        name: "epoch",
        key: &["number"],
        rest: &[
            "sealed_at",
            "leaves",
            "root",
            "previous",
            "hash",
            "key",
            "signature",
        ],
        copy: &[("number", Copy::Beyond)],
    },
    Table {
        name: "epoch_leaf",
        key: &["project", "epoch"],
        rest: &["version", "head"],
        copy: &[("project", Copy::Project)],
    },
];

async fn report(store: &dyn Store, options: &VerifyOptions) -> Report {
    verify_store(store, options.clone(), &mut |_| {})
        .await
        .unwrap()
}

/// Asserts that something was done and is found; returns what was found.
async fn found(database: &impl Tampered, world: &World, statement: &str) -> Option<Report> {
    // What the database itself refuses is no danger.
    let changed = database.execute(statement).await?;
    assert!(changed > 0, "changed nothing: {statement}");
    let report = report(database.store(), &world.options).await;
    assert!(!report.is_good(), "not found: {statement}");
    assert!(report.first.is_some());
    Some(report)
}

/// The row of a table that has these values.
fn condition(columns: &[&str], values: &[String]) -> String {
    let equal = columns.iter().zip(values);
    let equal: Vec<_> = equal
        .map(|(column, value)| format!("{column} = {value}"))
        .collect();
    equal.join(" AND ")
}

async fn rows(database: &impl Tampered, table: &Table) -> Vec<Vec<String>> {
    let columns = [table.key, table.rest].concat();
    let order = table.key.join(", ");
    database
        .literals(&columns, &format!("FROM {} ORDER BY {order}", table.name))
        .await
}

/// The record that a history row's key names.
fn seq(table: &Table, row: &[String]) -> Option<u64> {
    (table.name == "history").then(|| row[1].trim_matches('\'').parse().unwrap())
}

/// Of a history row, the very record is named first.
fn names_the_record(table: &Table, row: &[String], report: Option<&Report>, what: &str) {
    if let (Some(seq), Some(report)) = (seq(table, row), report) {
        let first = report.first.as_ref().unwrap();
        assert_eq!(first.seq, Some(seq), "{what}: {first}");
        let project = first.project.unwrap().0;
        let id = row[0].to_lowercase().replace('-', "");
        assert!(
            id.contains(&project.simple().to_string()),
            "{what}: {first}"
        );
    }
}

/// Every row deleted, every column changed, neighbours swapped, a copy inserted.
async fn exhaustive(database: &impl Tampered) {
    let world = world::build(database.writer().await).await;
    database.save(&TABLES.map(|table| table.name)).await;
    let untouched = report(database.store(), &world.options).await;
    assert!(untouched.is_good(), "{untouched:#?}");
    assert_eq!(
        (
            untouched.counts.projects,
            untouched.unsealed,
            untouched.signed
        ),
        (2, 1, 3)
    );
    let (mut tried, mut over) = (0, 0);
    for table in &TABLES {
        let rows = rows(database, table).await;
        assert!(
            !rows.is_empty(),
            "{} has no rows to tamper with",
            table.name
        );
        for (number, row) in rows.iter().enumerate() {
            let this = condition(table.key, row);
            let mut statements = vec![
                ("delete", format!("DELETE FROM {} WHERE {this}", table.name)),
                ("copy", copy(table, row)),
            ];
            let columns = table.key.iter().chain(table.rest).zip(row);
            statements.extend(columns.map(|(column, old)| {
                let new = database.another(table.name, column, old);
                let change = format!("UPDATE {} SET {column} = {new} WHERE {this}", table.name);
                ("change", change)
            }));
            if let Some(next) = rows.get(number + 1) {
                statements.extend(swap(table, row, next).map(|swap| ("swap", swap)));
            }
            for (what, statement) in statements {
                if what == "delete" && is_over(table, row, &world) {
                    over += 1;
                    assert!(database.execute(&statement).await.is_some_and(|n| n > 0));
                    let report = report(database.store(), &world.options).await;
                    assert!(report.is_good(), "{statement}: {report:#?}");
                    database.restore(table.name).await;
                    continue;
                }
                let report = found(database, &world, &statement).await;
                tried += usize::from(report.is_some());
                // A copy comes after the last record, whichever row it is a copy of.
                if what != "copy" {
                    names_the_record(table, row, report.as_ref(), &statement);
                }
                database.restore(table.name).await;
            }
        }
    }
    let restored = report(database.store(), &world.options).await;
    assert_eq!(restored, untouched);
    println!("{tried} ways");
    assert!(tried > 500, "{tried} ways only");
    assert!(over > 4, "{over} answers only that are over");
    larger::larger_ones(database, &world).await;
}

/// Whether a row is an answer whose time is over: it may be gone.
fn is_over(table: &Table, row: &[String], world: &World) -> bool {
    let at = || row[4].trim_matches('\'').parse::<i64>().unwrap();
    table.name == "answer" && at() + ANSWERS_KEPT_MICROS <= world.options.now.0
}

/// Inserts a copy of a row under a key of its own.
fn copy(table: &Table, row: &[String]) -> String {
    let columns = [table.key, table.rest].concat();
    let values = columns.iter().zip(row).map(|(column, value)| {
        let own = table.copy.iter().find(|(name, _)| name == column);
        match own {
            None => value.clone(),
            Some((_, Copy::Project)) => databases::project(value),
            Some((_, Copy::Longer)) => format!("{value} || 'x'"),
            Some((_, Copy::Beyond)) => "999".to_owned(),
            Some((_, Copy::Digest)) => format!("'{}'", "cd".repeat(32)),
        }
    });
    let (mut names, mut values) = (columns.join(", "), values.collect::<Vec<_>>().join(", "));
    if table.name == "outbox" {
        names += ", attempts";
        values += ", 0";
    }
    format!("INSERT INTO {} ({names}) VALUES ({values})", table.name)
}

/// Gives two rows each other's values; `None` if that changes nothing.
fn swap(table: &Table, one: &[String], other: &[String]) -> Option<String> {
    let keys = table.key.len();
    if one[keys..] == other[keys..] {
        return None;
    }
    let (first, second) = (condition(table.key, one), condition(table.key, other));
    // From the saved copies, where both still have their own.
    let saved = |column: &str, row: &str| {
        format!("(SELECT {column} FROM saved.{} WHERE {row})", table.name)
    };
    let cases = table.rest.iter().map(|column| {
        let (one, other) = (saved(column, &first), saved(column, &second));
        format!("{column} = CASE WHEN {first} THEN {other} ELSE {one} END")
    });
    let cases = cases.collect::<Vec<_>>().join(", ");
    Some(format!(
        "UPDATE {} SET {cases} WHERE ({first}) OR ({second})",
        table.name
    ))
}

/// Every table and column is either tampered with or said not to be audit data.
async fn nothing_is_left_out(database: &impl Tampered) {
    drop(database.writer().await);
    for (table, column) in database.columns().await {
        let tampered = TABLES.iter().any(|t| {
            let columns = [t.key, t.rest].concat();
            t.name == table && columns.contains(&column.as_str())
        });
        let operational = OPERATIONAL
            .iter()
            .any(|(t, c, reason)| *t == table && (*c == "*" || *c == column) && !reason.is_empty());
        assert!(
            tampered != operational,
            "{table}.{column} is neither, or both"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tampering_with_sqlite_is_found() {
    let database = databases::Sqlite::new().await;
    nothing_is_left_out(&database).await;
    exhaustive(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tampering_with_postgres_is_found() {
    let Some(database) = databases::Postgres::new().await else {
        return;
    };
    nothing_is_left_out(&database).await;
    exhaustive(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_beside_changes_on_sqlite_raises_no_alarm() {
    let database = databases::Sqlite::new().await;
    world::check_while_changing(database.writer().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_beside_changes_on_postgres_raises_no_alarm() {
    let Some(database) = databases::Postgres::new().await else {
        return;
    };
    world::check_while_changing(database.writer().await).await;
}
