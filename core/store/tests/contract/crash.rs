//! Killing the process, and filling the disk, at moments nobody chose.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use liucheng_engine::ports::{CommitError, Store};
use liucheng_store::{Options, open};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    checks::Database,
    samples::{change, id, mail, timer},
    sqlite::Sqlite,
};

const DATABASE: &str = "LIUCHENG_CRASH_DATABASE";
/// How many bytes each state has, so that the log is copied while the process lives.
const BLOAT: &str = "LIUCHENG_CRASH_BLOAT";
const COMMITTERS: u128 = 4;

/// Not a test: the process that is killed. Prints `<project> <version>` of each acknowledged change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the tests of this file"]
async fn child() {
    let Ok(location) = std::env::var(DATABASE) else {
        return;
    };
    let store = Arc::new(open(&location, Options::default()).await.unwrap());
    let committer = |number: u128| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { commit_until_refused(&*store, number).await })
    };
    for task in (0..COMMITTERS).map(committer).collect::<Vec<_>>() {
        println!("refused {}", task.await.unwrap());
    }
}

async fn commit_until_refused(store: &dyn Store, number: u128) -> CommitError {
    let row = store.load(id(number)).await.unwrap();
    let mut version = row.map_or(0, |row| row.version);
    let bloat = std::env::var(BLOAT)
        .ok()
        .and_then(|bytes| bytes.parse().ok());
    loop {
        let mut commit = change(id(number), version, "child");
        if let Some(bytes) = bloat {
            // SQLite does not write again what stays the same.
            let letter = char::from(b'a' + u8::try_from(version % 26).unwrap());
            commit.row.state = letter.to_string().repeat(bytes);
        }
        commit.set_timers = vec![timer(id(number), "t", 1, version)];
        commit.outbox = vec![mail(id(number), &version.to_string(), 1)];
        if let Err(refused) = store.commit(commit).await {
            return refused;
        }
        version += 1;
        println!("acknowledged {number} {version}");
    }
}

fn spawn(program: &mut Command, database: &Path) -> Child {
    program
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DATABASE, database)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The last acknowledged version of each project, and the refusals.
fn listen(child: &mut Child) -> ([u64; COMMITTERS as usize], Vec<String>) {
    let (mut acknowledged, mut refused) = ([0; COMMITTERS as usize], Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            // The last line may be torn.
            ["acknowledged", project, version] => {
                let project: usize = project.parse().unwrap();
                acknowledged[project] = version.parse().unwrap_or(0).max(acknowledged[project]);
            }
            ["refused", reason @ ..] => refused.push(reason.join(" ")),
            _ => {}
        }
    }
    (acknowledged, refused)
}

async fn check(database: &Sqlite, acknowledged: &[u64]) {
    let store = database.open().await;
    for (number, acknowledged) in acknowledged.iter().enumerate() {
        let project = id(number as u128);
        let version = store.load(project).await.unwrap().map_or(0, |r| r.version);
        assert!(version >= *acknowledged, "{version} < {acknowledged}");
        let history = store.history(project, 0, u32::MAX).await.unwrap();
        assert_eq!(history.len() as u64, version);
        assert_eq!(store.mail(project).await.unwrap().len() as u64, version);
        let timers = store.timers(project).await.unwrap();
        let generation = timers.first().map_or(0, |timer| timer.generation + 1);
        assert_eq!(generation, version);
    }
    drop(store);
    let options = SqliteConnectOptions::new().filename(database.path());
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
        let rows: Vec<String> = sqlx::query_scalar(pragma)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        assert!(rows.is_empty() || rows == ["ok"], "{rows:?}");
    }
}

#[tokio::test]
async fn kill_loses_nothing_acknowledged() {
    let database = Sqlite::new();
    let mut total = 0;
    for round in 0..10 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = spawn(&mut command, &database.path());
        let pid = child.id();
        // Spread over start, migration and steady work.
        tokio::time::sleep(Duration::from_millis(15 + 37 * round % 180)).await;
        child.kill().unwrap();
        let (acknowledged, _) = listen(&mut child);
        child.wait().unwrap();
        total += acknowledged.iter().sum::<u64>();
        check(&database, &acknowledged).await;
        assert!(pid > 0);
    }
    assert!(total > 0, "no child got as far as a commit");
}

/// The log is copied every few dozen changes here, so that kills meet it in the middle.
#[tokio::test]
async fn kill_while_the_log_is_copied_loses_nothing() {
    let database = Sqlite::new();
    let mut total = 0;
    for round in 0..6 {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(BLOAT, (256 << 10).to_string());
        let mut child = spawn(&mut command, &database.path());
        tokio::time::sleep(Duration::from_millis(400 + 131 * round)).await;
        child.kill().unwrap();
        let (acknowledged, _) = listen(&mut child);
        child.wait().unwrap();
        total += acknowledged.iter().sum::<u64>();
        check(&database, &acknowledged).await;
    }
    // Each round's log holds about fifty changes.
    assert!(total > 100, "{total} changes never filled a log");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn failed_write_to_disk_stops_the_writer() {
    let database = Sqlite::new();
    // Files may not grow beyond 1,200 blocks, and the process is told rather than killed.
    let mut command = Command::new("bash");
    command.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap());
    let mut child = spawn(&mut command, &database.path());
    let (acknowledged, refused) = listen(&mut child);
    child.wait().unwrap();
    assert_eq!(refused.len() as u128, COMMITTERS, "{refused:?}");
    assert!(acknowledged.iter().sum::<u64>() > 20, "{acknowledged:?}");
    let stopped = |reason: &String| reason.contains("stopped after a failed commit");
    assert!(refused.iter().all(stopped), "{refused:?}");
    check(&database, &acknowledged).await;
}
