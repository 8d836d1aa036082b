//! One schema on both databases, and programs and databases of different age.

use liucheng_engine::ports::CommitError;
use liucheng_store::{Options, latest_schema_version, migrate};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use super::{Postgres, database};
use crate::{
    checks::{Database, WITHOUT_EPOCHS, seal_what_older_programs_left},
    samples::{id, opening},
    sqlite::Sqlite,
};

const READ_ONLY: Options = Options {
    read_only: true,
    ..Options::DEFAULT
};

/// Table, column, type, whether it may be absent, and its place in the primary key or 0.
type Column = (String, String, String, bool, i64);

const SQLITE_COLUMNS: &str = "
SELECT t.name, c.name, c.type, c.\"notnull\" = 0, c.pk
FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> '_sqlx_migrations'
ORDER BY 1, 2";

const POSTGRES_COLUMNS: &str = "
SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'YES',
    coalesce(k.ordinal_position, 0)::bigint
FROM information_schema.columns AS c
LEFT JOIN information_schema.table_constraints AS t
    ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        AND t.constraint_type = 'PRIMARY KEY'
LEFT JOIN information_schema.key_column_usage AS k
    ON k.constraint_name = t.constraint_name AND k.table_schema = t.table_schema
        AND k.table_name = c.table_name AND k.column_name = c.column_name
WHERE c.table_schema = current_schema() AND c.table_name <> '_sqlx_migrations'
ORDER BY c.table_name COLLATE \"C\", c.column_name COLLATE \"C\"";

/// PostgreSQL's name of a column's type, as migrations/README.md has it.
fn mapped(table: &str, column: &str, sqlite: &str) -> String {
    let is_id = matches!((table, column), ("project", "id") | (_, "project"));
    match sqlite {
        "BLOB" if is_id => "uuid",
        "BLOB" => "bytea",
        "INTEGER" => "bigint",
        "TEXT" => "text",
        other => panic!("{table}.{column} has the type {other}"),
    }
    .to_owned()
}

#[tokio::test]
async fn both_databases_have_the_same_schema() {
    let database = database!();
    database.node(Options::DEFAULT).await.close().await;
    let sqlite = Sqlite::new();
    drop(sqlite.open().await);
    let options = SqliteConnectOptions::new().filename(sqlite.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let ours: Vec<Column> = sqlx::query_as(SQLITE_COLUMNS)
        .fetch_all(&mut connection)
        .await
        .unwrap();
    let theirs: Vec<Column> = sqlx::query_as(POSTGRES_COLUMNS)
        .fetch_all(&mut database.connection().await)
        .await
        .unwrap();
    let map = |(table, column, kind, nullable, key): Column| {
        let kind = mapped(&table, &column, &kind);
        (table, column, kind, nullable, key)
    };
    let ours: Vec<_> = ours.into_iter().map(map).collect();
    assert!(ours.len() > 40, "{ours:?}");
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn hot_tables_have_keys_that_start_with_the_project() {
    let database = database!();
    database.node(Options::DEFAULT).await.close().await;
    let columns: Vec<Column> = sqlx::query_as(POSTGRES_COLUMNS)
        .fetch_all(&mut database.connection().await)
        .await
        .unwrap();
    let first = |table: &str| {
        let mut keys = columns.iter().filter(|c| c.0 == table && c.4 == 1);
        keys.next().map(|c| c.1.as_str())
    };
    for table in [
        "history",
        "timer",
        "outbox",
        "answer",
        "unsealed",
        "epoch_leaf",
    ] {
        assert_eq!(first(table), Some("project"), "{table}");
    }
    assert_eq!(first("project"), Some("id"));
}

#[tokio::test]
async fn migrating_says_from_where_to_where() {
    let database = database!();
    let latest = latest_schema_version();
    let refused = database.store(READ_ONLY).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-MIGRATIONS-BEHIND");
    let done = migrate(&database.url, Options::DEFAULT).await.unwrap();
    assert_eq!((done.from, done.to), (0, latest));
    let done = migrate(&database.url, Options::DEFAULT).await.unwrap();
    assert_eq!((done.from, done.to), (latest, latest));
    let reader = database.store(READ_ONLY).await.unwrap();
    assert_eq!(reader.schema_version().await.unwrap(), latest);
    let refused = liucheng_engine::ports::Store::commit(&reader, opening(1)).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))));
}

#[tokio::test]
async fn nodes_may_start_together() {
    let database = database!();
    let open = || database.node(Options::DEFAULT);
    let (a, b, c) = tokio::join!(open(), open(), open());
    let mut epochs = [a.epoch(), b.epoch(), c.epoch()];
    epochs.sort_unstable();
    assert_eq!(epochs, [Some(1), Some(2), Some(3)]);
}

#[tokio::test]
async fn newer_schema_is_refused_and_a_running_node_goes_on() {
    let database = database!();
    let running = database.open().await;
    running.commit(opening(1)).await.unwrap();
    // What a newer node does when it starts: it only adds.
    database
        .execute(
            "ALTER TABLE project ADD COLUMN later TEXT;
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', true, '\\x00', 0)",
        )
        .await;
    running.commit(opening(2)).await.unwrap();
    assert!(running.load(id(2)).await.unwrap().is_some());
    for options in [Options::DEFAULT, READ_ONLY] {
        let refused = database.store(options).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-NEWER");
        assert!(!refused.hint().is_empty());
    }
}

#[tokio::test]
async fn foreign_database_is_left_alone() {
    let database = database!();
    database
        .execute("CREATE TABLE project (id INTEGER); CREATE TABLE photos (id INTEGER)")
        .await;
    for options in [Options::DEFAULT, READ_ONLY] {
        let refused = database.store(options).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-FOREIGN");
    }
}

#[tokio::test]
async fn unreachable_servers_are_named_without_the_password() {
    let database = Postgres {
        url: "postgres://li:geheim@127.0.0.1:1/nowhere".to_owned(),
    };
    let refused = database.store(Options::DEFAULT).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-CONNECT");
    let text = refused.to_string();
    assert!(text.contains("postgres://li@127.0.0.1:1/nowhere"), "{text}");
    assert!(!text.contains("geheim"), "{text}");
    let database = Postgres {
        url: "postgres://li:geheim@host:port/x".to_owned(),
    };
    let refused = database.store(Options::DEFAULT).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-LOCATION");
    assert!(!refused.to_string().contains("geheim"), "{refused}");
}

#[tokio::test]
async fn what_older_programs_left_is_sealed() {
    let database = database!();
    let store = database.open().await;
    for number in [1, 2] {
        store.commit(opening(number)).await.unwrap();
    }
    store.close().await;
    database.execute(WITHOUT_EPOCHS).await;
    let store = database.open().await;
    let unmark = async || database.execute("DELETE FROM unsealed").await;
    seal_what_older_programs_left(&*store, unmark).await;
}
