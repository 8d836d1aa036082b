//! What only the SQLite store promises: one writer, readers beside it, groups, private files.

use std::{path::PathBuf, sync::Arc, time::Duration};

use liucheng_engine::ports::{CommitError, Store};
use liucheng_store::{Options, SqliteStore, StoreError, latest_schema_version, migrate, open};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    checks::{Database, WITHOUT_EPOCHS, seal_what_older_programs_left, store_contract},
    samples::{change, id, opening, together},
};

/// A folder with one database file.
pub struct Sqlite {
    folder: tempfile::TempDir,
}

impl Sqlite {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("项目 1.db")
    }

    pub async fn store(&self, options: Options) -> Result<SqliteStore, StoreError> {
        open(self.path().to_str().unwrap(), options).await
    }

    async fn execute(&self, sql: &'static str) {
        let options = SqliteConnectOptions::new()
            .filename(self.path())
            .create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Database for Sqlite {
    async fn new() -> Option<Self> {
        Some(Sqlite::new())
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store(Options::default()).await.unwrap())
    }
}

store_contract!(Sqlite);

const NO_WAIT: Options = Options {
    lock_wait: Duration::ZERO,
    ..Options::DEFAULT
};

const READ_ONLY: Options = Options {
    read_only: true,
    ..NO_WAIT
};

#[tokio::test]
async fn an_examination_finds_what_is_wrong() {
    let database = Sqlite::new();
    let location = database.path().display().to_string();
    let level = async |code: &str| {
        let findings = liucheng_store::examine(&location).await.unwrap();
        let found = findings.into_iter().find(|finding| finding.code == code);
        found.unwrap().level
    };
    assert!(liucheng_store::examine(&location).await.is_err(), "no file");
    let store = database.store(NO_WAIT).await.unwrap();
    store.commit(opening(1)).await.unwrap();
    // Beside the server.
    for code in ["D-SCHEMA", "D-INTEGRITY", "D-DURABILITY", "D-LOG"] {
        assert_eq!(level(code).await, liucheng_store::Level::Ok, "{code}");
    }
    store.close().await;
    database
        .execute("DELETE FROM _sqlx_migrations WHERE version > 1")
        .await;
    assert_eq!(level("D-SCHEMA").await, liucheng_store::Level::Bad);
    // A page in the middle is overwritten.
    let mut bytes = std::fs::read(database.path()).unwrap();
    let page = bytes.len() / 2 / 4_096 * 4_096;
    bytes[page..page + 4_096].fill(0xA5);
    std::fs::write(database.path(), bytes).unwrap();
    assert_eq!(level("D-INTEGRITY").await, liucheng_store::Level::Bad);
}

#[tokio::test]
async fn second_writer_is_refused_with_the_pid() {
    let database = Sqlite::new();
    let first = database.store(NO_WAIT).await.unwrap();
    let refused = database.store(NO_WAIT).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-LOCKED");
    let pid = format!("process {}", std::process::id());
    assert!(refused.to_string().contains(&pid), "{refused}");
    let refused = migrate(database.path().to_str().unwrap(), NO_WAIT).await;
    assert_eq!(refused.unwrap_err().code(), "E-STORE-LOCKED");
    first.close().await;
    database.store(NO_WAIT).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_name_of_the_file_does_not_get_round_the_lock() {
    let database = Sqlite::new();
    let _first = database.store(NO_WAIT).await.unwrap();
    let other = database.folder.path().join("other.db");
    std::os::unix::fs::symlink(database.path(), &other).unwrap();
    let refused = open(other.to_str().unwrap(), NO_WAIT).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-LOCKED");
}

#[tokio::test]
async fn reader_works_beside_the_writer() {
    let database = Sqlite::new();
    let writer = database.store(NO_WAIT).await.unwrap();
    let reader = database.store(READ_ONLY).await.unwrap();
    for version in 0..3 {
        writer.commit(change(id(1), version, "li")).await.unwrap();
        let row = reader.load(id(1)).await.unwrap().unwrap();
        assert_eq!(row.version, version + 1);
    }
    let refused = reader.commit(opening(2)).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))));
    writer.close().await;
    assert!(reader.load(id(1)).await.unwrap().is_some());
}

#[tokio::test]
async fn reader_creates_and_migrates_nothing() {
    let database = Sqlite::new();
    let refused = database.store(READ_ONLY).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-OPEN");
    assert!(!database.path().exists());
    database.execute("PRAGMA user_version = 0; VACUUM").await;
    let refused = database.store(READ_ONLY).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-MIGRATIONS-BEHIND");
}

#[tokio::test]
async fn newer_schema_is_refused() {
    let database = Sqlite::new();
    database.store(NO_WAIT).await.unwrap().close().await;
    database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'later', 1, x'00', 0)",
        )
        .await;
    for options in [NO_WAIT, READ_ONLY] {
        let refused = database.store(options).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-NEWER");
        assert!(!refused.hint().is_empty());
    }
}

#[tokio::test]
async fn foreign_database_is_left_alone() {
    let database = Sqlite::new();
    database.execute("CREATE TABLE photos (id INTEGER)").await;
    for options in [NO_WAIT, READ_ONLY] {
        let refused = database.store(options).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-FOREIGN");
    }
}

#[tokio::test]
async fn odd_locations_are_refused() {
    for location in ["", ":memory:", "sqlite::memory:", "mysql://host/db", "/"] {
        let refused = open(location, NO_WAIT).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-LOCATION", "{location}");
    }
    let refused = open("/nonexistent/folder/x.db", NO_WAIT).await;
    assert_eq!(refused.unwrap_err().code(), "E-STORE-OPEN");
}

#[tokio::test]
async fn migrating_says_from_where_to_where() {
    let database = Sqlite::new();
    let location = format!("sqlite://{}", database.path().display());
    let latest = latest_schema_version();
    let done = migrate(&location, NO_WAIT).await.unwrap();
    assert_eq!((done.from, done.to), (0, latest));
    let done = migrate(&location, NO_WAIT).await.unwrap();
    assert_eq!((done.from, done.to), (latest, latest));
    let reader = open(&location, READ_ONLY).await.unwrap();
    assert_eq!(reader.schema_version().await.unwrap(), latest);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let database = Sqlite::new();
    let store = database.store(NO_WAIT).await.unwrap();
    store.commit(opening(1)).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(database.folder.path()).unwrap().collect();
    assert!(files.len() >= 3, "database, log and lock");
    for file in files {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_commits_share_transactions() {
    let database = Sqlite::new();
    let store = Arc::new(database.store(NO_WAIT).await.unwrap());
    let shared: Arc<dyn Store> = store.clone();
    let results = together(&shared, (0..1_000).map(opening).collect()).await;
    assert!(results.iter().all(Result::is_ok));
    let stats = store.stats();
    assert_eq!((stats.commits, stats.operations), (1_000, 1_000));
    assert!(stats.transactions <= 150, "{stats:?}");
}

#[tokio::test]
async fn refused_commits_cost_no_transaction() {
    let database = Sqlite::new();
    let store = database.store(NO_WAIT).await.unwrap();
    store.commit(opening(1)).await.unwrap();
    let before = store.stats().transactions;
    store.commit(opening(1)).await.unwrap_err();
    assert_eq!(store.stats().transactions, before);
    assert_eq!(store.stats().operations, 2);
}

#[tokio::test]
async fn closed_store_refuses_and_queued_changes_are_kept() {
    let database = Sqlite::new();
    let store = database.store(NO_WAIT).await.unwrap();
    let (written, ()) = tokio::join!(store.commit(opening(1)), store.close());
    written.unwrap();
    let refused = store.commit(opening(2)).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))));
    assert!(store.load(id(1)).await.is_err());
    let again = database.store(NO_WAIT).await.unwrap();
    assert!(again.load(id(1)).await.unwrap().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_acknowledged_into_a_file_that_was_removed() {
    for replaced in [false, true] {
        let database = Sqlite::new();
        let store = database.store(NO_WAIT).await.unwrap();
        store.commit(opening(1)).await.unwrap();
        std::fs::remove_file(database.path()).unwrap();
        if replaced {
            std::fs::write(database.path(), "").unwrap();
        }
        let refused = store.commit(opening(2)).await.unwrap_err();
        assert!(matches!(refused, CommitError::Unavailable(_)), "{refused}");
        let stopped = store.health().stopped.unwrap();
        assert!(stopped.reason.contains("restore a backup"), "{stopped:?}");
    }
}

#[tokio::test]
async fn a_change_behind_the_writers_back_is_noticed() {
    let database = Sqlite::new();
    let store = database.store(NO_WAIT).await.unwrap();
    store.commit(opening(1)).await.unwrap();
    // What somebody might do with the sqlite3 program while the server runs.
    database
        .execute(
            "INSERT INTO history SELECT project, 2, at, 'intruder', payload, prev_hash, hash
             FROM history; UPDATE project SET version = 2, changed_by = 'intruder'",
        )
        .await;
    let refused = store.commit(change(id(1), 1, "li")).await;
    assert!(
        matches!(refused, Err(CommitError::Unavailable(_))),
        "{refused:?}"
    );
    // The writer has forgotten what it believed.
    let refused = store.commit(change(id(1), 1, "li")).await.unwrap_err();
    let CommitError::Conflict {
        found, changed_by, ..
    } = refused
    else {
        panic!("{refused}");
    };
    assert_eq!((found, changed_by.as_str()), (2, "intruder"));
    store.commit(opening(2)).await.unwrap();
}

#[tokio::test]
async fn what_older_programs_left_is_sealed() {
    let database = Sqlite::new();
    let store = database.store(NO_WAIT).await.unwrap();
    for number in [1, 2] {
        store.commit(opening(number)).await.unwrap();
    }
    store.close().await;
    database.execute(WITHOUT_EPOCHS).await;
    let store = database.open().await;
    let unmark = async || database.execute("DELETE FROM unsealed").await;
    seal_what_older_programs_left(&*store, unmark).await;
}
