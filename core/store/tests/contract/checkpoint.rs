//! The write-ahead log stays short: under load, beside readers, and after one that stayed too long.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::ports::{CommitError, Store};
use liucheng_store::{Options, SqliteStore};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    samples::{change, id},
    sqlite::Sqlite,
};

const MIB: u64 = 1 << 20;
/// What the log is cut to when it begins anew.
const LOG: u64 = 12 * MIB;
const COMMITTERS: u128 = 4;

fn log_bytes(database: &Sqlite) -> u64 {
    let mut log = database.path().into_os_string();
    log.push("-wal");
    std::fs::metadata(Path::new(&log)).map_or(0, |log| log.len())
}

/// Writes changes of a quarter of a megabyte until told to stop; how many, and the longest wait.
fn write(
    store: &Arc<SqliteStore>,
    number: u128,
    stop: watch::Receiver<bool>,
) -> JoinHandle<(u64, Duration)> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let (mut version, mut longest) = (0, Duration::ZERO);
        while !*stop.borrow() {
            let started = Instant::now();
            write_one(&store, number, version).await.unwrap();
            longest = longest.max(started.elapsed());
            version += 1;
        }
        (version, longest)
    })
}

async fn write_one(store: &SqliteStore, number: u128, version: u64) -> Result<(), CommitError> {
    let mut commit = change(id(number), version, "li");
    // SQLite does not write again what stays the same.
    let letter = char::from(b'a' + u8::try_from(version % 26).unwrap());
    commit.row.state = letter.to_string().repeat(256 << 10);
    store.commit(commit).await
}

/// Waits until something is so, at most a minute.
async fn until(so: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < end, "not in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_short_under_load_beside_readers() {
    let database = Sqlite::new();
    let store = Arc::new(database.store(Options::DEFAULT).await.unwrap());
    let (stop, stopped) = watch::channel(false);
    let writers: Vec<_> = (0..COMMITTERS)
        .map(|number| write(&store, number, stopped.clone()))
        .collect();
    let reader = {
        let (store, stopped) = (Arc::clone(&store), stopped.clone());
        tokio::spawn(async move {
            while !*stopped.borrow() {
                store.history(id(0), 0, 1_000).await.unwrap();
                store.load(id(1)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    // Two hundred changes fill the log four times.
    let mut longest = 0;
    while store.stats().commits < 200 {
        longest = longest.max(log_bytes(&database));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stop.send(true).unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    reader.await.unwrap();
    assert!(longest > LOG, "the load never filled the log: {longest}");
    assert!(longest < 4 * LOG, "{} MiB", longest / MIB);
    let figures = store.figures();
    assert!(figures.checkpoints.unwrap() >= 2, "{figures:?}");
    assert!(figures.log_bytes.unwrap() > 0);
    store.close().await;
    // The last one who leaves takes the log along.
    assert_eq!(log_bytes(&database), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stays_holds_up_nobody() {
    let database = Sqlite::new();
    let store = Arc::new(database.store(Options::DEFAULT).await.unwrap());
    write_one(&store, 9, 0).await.unwrap();
    let options = SqliteConnectOptions::new()
        .filename(database.path())
        .read_only(true);
    let mut reader = SqliteConnection::connect_with(&options).await.unwrap();
    let mut snapshot = reader.begin().await.unwrap();
    let count = "SELECT count(*) FROM history";
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *snapshot)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    let (stop, stopped) = watch::channel(false);
    let writers: Vec<_> = (0..COMMITTERS)
        .map(|number| write(&store, number, stopped.clone()))
        .collect();
    until(async || log_bytes(&database) > 3 * LOG).await;
    // The reader still sees what it saw.
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *snapshot)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    drop(snapshot);
    reader.close().await.unwrap();
    until(async || log_bytes(&database) <= LOG + MIB).await;
    stop.send(true).unwrap();
    for writer in writers {
        let (_, longest) = writer.await.unwrap();
        assert!(longest < Duration::from_secs(5), "{longest:?}");
    }
    store.close().await;
}

#[tokio::test]
async fn an_idle_log_is_copied() {
    let database = Sqlite::new();
    let store = database.store(Options::DEFAULT).await.unwrap();
    for version in 0..4 {
        write_one(&store, 0, version).await.unwrap();
    }
    let before = std::fs::metadata(database.path()).unwrap().len();
    assert!(log_bytes(&database) > before, "nothing was copied yet");
    until(async || std::fs::metadata(database.path()).unwrap().len() > before).await;
    until(async || store.figures().checkpoints.unwrap() >= 1).await;
}
