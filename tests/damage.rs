//! Databases that are damaged, through the real binary: what is said, and how it ends.

use std::path::Path;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::{
    copy::on_postgres,
    support::{Said, run},
};

/// Whatever is asked, the database is said to be damaged and a backup to be the way out.
fn says_damaged(said: &Said, what: &str) {
    assert_eq!(said.code, 1, "{what}: {}{}", said.out, said.err);
    for word in ["error[E-STORE-DAMAGED]", "is damaged", "restore"] {
        assert!(said.err.contains(word), "{what}: {word}: {}", said.err);
    }
    assert!(!said.err.contains("try again"), "{what}: {}", said.err);
}

fn new_database(place: &[&str]) {
    let create = ["project", "create", "--code", "D-1", "--name", "损坏"];
    let said = run(&[place, &create].concat());
    assert_eq!(said.code, 0, "{}", said.err);
}

/// A busy machine may leave the log for the next one to copy: the last connection to close does it.
fn copy_log(file: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = file.to_str().unwrap();
        let mut connection = SqliteConnection::connect(url).await.unwrap();
        let copy = "PRAGMA wal_checkpoint(TRUNCATE)";
        sqlx::raw_sql(copy).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn drop_table(database: &str, table: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        if database.starts_with("postgres") {
            let drop = AssertSqlSafe(format!("DROP TABLE {table} CASCADE"));
            let mut connection = PgConnection::connect(database).await.unwrap();
            sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
        } else {
            let drop = AssertSqlSafe(format!("PRAGMA foreign_keys = OFF; DROP TABLE {table}"));
            let mut connection = SqliteConnection::connect(database).await.unwrap();
            sqlx::raw_sql(drop).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        }
    });
}

#[test]
fn a_database_that_a_newer_program_wrote_to_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let place = ["--data", folder.path().to_str().unwrap()];
    new_database(&place);
    let file = folder.path().join("liucheng.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
        let newer = "INSERT INTO document (kind, digest, id, version, bytes, position) \
            VALUES ('format', hex(zeroblob(32)), 'records', '99', CAST('{\"records\":99}' AS BLOB), 99999)";
        sqlx::raw_sql(newer).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    for command in [
        &["project", "list"][..],
        &["project", "create", "--code", "D-2", "--name", "新"],
        &["verify"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let said = run(&[&place, command].concat());
        assert_eq!(said.code, 69, "{command:?}: {}{}", said.out, said.err);
        for word in [
            "error[E-STORE-NEWER]",
            "form 99",
            "install the newer version",
        ] {
            assert!(said.err.contains(word), "{command:?}: {word}: {}", said.err);
        }
    }
}

/// What people ask of a database, reading and writing.
fn commands(folder: &Path) -> Vec<Vec<String>> {
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (bundle, backup) = (file("x.jsonl"), file("x.db"));
    [
        &["project", "list"][..],
        &["project", "history", "D-1"],
        &["project", "create", "--code", "D-2", "--name", "n"],
        &["verify"],
        &["audit", "head"],
        &["audit", "export", "--to", &bundle],
        &["backup", "--to", &backup],
        &["migrate"],
        &["token", "create", "--name", "li"],
    ]
    .iter()
    .map(|command| command.iter().map(|&word| word.to_owned()).collect())
    .collect()
}

#[test]
fn a_lost_table_is_damage_and_is_named() {
    for table in ["timer", "project", "_sqlx_migrations"] {
        // PostgreSQL keeps its mark on `project`.
        let server = (table == "project").then(on_postgres).flatten();
        for url in [None].into_iter().chain(server.map(Some)) {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            let file = data.join("liucheng.db").to_str().unwrap().to_owned();
            let database = url.unwrap_or(file);
            let place = ["--data", data.to_str().unwrap(), "--database", &database];
            new_database(&place);
            drop_table(&database, table);
            for command in commands(folder.path()) {
                let command: Vec<&str> = command.iter().map(String::as_str).collect();
                let said = run(&[&place[..], &command].concat());
                says_damaged(&said, &format!("{table}: {command:?}"));
                assert!(said.err.contains(table), "{}", said.err);
            }
            let target = folder.path().join("copy.db");
            let copy = ["database", "copy", &database, target.to_str().unwrap()];
            let said = run(&copy);
            says_damaged(&said, "copy");
            assert!(said.err.contains("source: "), "{}", said.err);
            let said = run(&[&place[..], &["doctor"]].concat());
            assert_eq!(said.code, 1, "{}", said.out);
            assert!(said.out.contains("bad  D-DATABASE"), "{}", said.out);
            assert!(said.out.contains("E-STORE-DAMAGED"), "{}", said.out);
        }
    }
}

#[test]
fn overwritten_bytes_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let place = ["--data", data.to_str().unwrap()];
    new_database(&place);
    let file = data.join("liucheng.db");
    copy_log(&file);
    let whole = std::fs::read(&file).unwrap();
    let length = whole.len();
    let overwritten: [(&str, std::ops::Range<usize>); 3] = [
        ("the header", 0..100),
        ("the schema", 100..4_096),
        ("all but the schema", 4_096..length),
    ];
    for (what, bytes) in overwritten {
        let mut damaged = whole.clone();
        damaged[bytes].fill(0xEE);
        std::fs::write(&file, damaged).unwrap();
        for command in commands(folder.path()) {
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            let said = run(&[&place[..], &command].concat());
            says_damaged(&said, &format!("{what}: {command:?}"));
        }
        let said = run(&[&place[..], &["doctor"]].concat());
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.out.contains("damaged"), "{what}: {}", said.out);
    }
    // A file of something else.
    std::fs::write(&file, "facts = 1\n".repeat(1_000)).unwrap();
    let said = run(&[&place[..], &["project", "list"]].concat());
    says_damaged(&said, "a text");
    assert!(said.err.contains("file is not a database"), "{}", said.err);
}

/// Pages that only some commands need: those that do not are as good as ever.
#[test]
fn a_broken_page_is_damage_for_those_who_read_or_write_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let place = ["--data", data.to_str().unwrap()];
    new_database(&place);
    let file = data.join("liucheng.db");
    let database = file.to_str().unwrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let root: i64 = runtime.block_on(async {
        let mut connection = SqliteConnection::connect(&database).await.unwrap();
        let query = "SELECT rootpage FROM sqlite_schema WHERE name = 'project'";
        let root = sqlx::query_scalar(query).fetch_one(&mut connection).await;
        connection.close().await.unwrap();
        root.unwrap()
    });
    let mut bytes = std::fs::read(&file).unwrap();
    let page = (root as usize - 1) * 4_096;
    bytes[page..page + 4_096].fill(0xEE);
    std::fs::write(&file, bytes).unwrap();
    for command in [
        &["project", "list"][..],
        &["project", "fire", "D-1", "finish-survey"],
        &["project", "create", "--code", "D-2", "--name", "n"],
        &["audit", "seal"],
    ] {
        let said = run(&[&place[..], command].concat());
        says_damaged(&said, &format!("{command:?}"));
    }
    // A check tells what it could not read, and goes on.
    let said = run(&[&place[..], &["verify"]].concat());
    assert_eq!(said.code, 1, "{}", said.err);
    assert!(said.out.contains("A-UNREADABLE"), "{}", said.out);
    assert!(said.out.contains("malformed"), "{}", said.out);
    let said = run(&[&place[..], &["audit", "head"]].concat());
    assert_eq!(said.code, 3, "{}", said.err);
    let said = run(&[&place[..], &["doctor"]].concat());
    assert!(said.out.contains("bad  D-INTEGRITY"), "{}", said.out);
    assert!(!said.out.contains("***"), "{}", said.out);
}
