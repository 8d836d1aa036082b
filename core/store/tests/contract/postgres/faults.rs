//! A server that goes away in the middle: what was acknowledged is there, and nothing is there twice.

use std::{sync::Arc, time::Duration};

use liucheng_engine::ports::{CommitError, Instant, MailOutcome, Store};
use liucheng_store::{Options, PostgresStore, connect};

use super::{Postgres, database, proxy::Proxy};
use crate::{
    samples::{answer, change, id, mail, opening, timer, together},
    server::{self, Server},
};

const COMMITTERS: u128 = 8;

/// Commits, one version after the other, until told to stop; all must be acknowledged.
fn load(
    store: &Arc<PostgresStore>,
    number: u128,
    stop: tokio::sync::watch::Receiver<bool>,
) -> tokio::task::JoinHandle<u64> {
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let mut version = 0;
        while !*stop.borrow() {
            let mut commit = change(id(number), version, "li");
            commit.set_timers = vec![timer(id(number), "t", 1, version)];
            commit.outbox = vec![mail(id(number), &version.to_string(), 1)];
            commit.answer = Some(answer(&version.to_string(), "r"));
            store.commit(commit).await.unwrap();
            version += 1;
        }
        version
    })
}

async fn check(store: &dyn Store, number: u128, acknowledged: u64) {
    let row = store.load(id(number)).await.unwrap();
    assert_eq!(row.map_or(0, |row| row.version), acknowledged);
    let history = store.history(id(number), 0, u32::MAX).await.unwrap();
    assert_eq!(history.len() as u64, acknowledged);
    let mails = store.mail(id(number)).await.unwrap();
    assert_eq!(mails.len() as u64, acknowledged);
    let timers = store.timers(id(number)).await.unwrap();
    let generation = timers.first().map_or(0, |timer| timer.generation + 1);
    assert_eq!(generation, acknowledged);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terminated_backends_lose_and_repeat_nothing() {
    let database = database!();
    let store = Arc::new(database.node(Options::DEFAULT).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let tasks: Vec<_> = (0..COMMITTERS)
        .map(|number| load(&store, number, stopped.clone()))
        .collect();
    for _ in 0..25 {
        tokio::time::sleep(Duration::from_millis(40)).await;
        database
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await;
        // Readers do not notice.
        store.load(id(0)).await.unwrap();
    }
    stop.send(true).unwrap();
    let mut total = 0;
    for (number, task) in (0..COMMITTERS).zip(tasks) {
        let acknowledged = task.await.unwrap();
        check(&*store, number, acknowledged).await;
        total += acknowledged;
    }
    assert!(total > 100, "{total}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_that_crashes_and_returns_is_found_again() {
    let Some(mut server) = server::available(Server::start()) else {
        return;
    };
    let database = Postgres {
        url: server.database().await,
    };
    let store = Arc::new(database.node(Options::DEFAULT).await);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let tasks: Vec<_> = (0..COMMITTERS)
        .map(|number| load(&store, number, stopped.clone()))
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server = tokio::task::spawn_blocking(|| {
            server.control("restart");
            server
        })
        .await
        .unwrap();
        store.load(id(0)).await.unwrap();
        store.due_timers(Instant(0), 1).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    stop.send(true).unwrap();
    for (number, task) in (0..COMMITTERS).zip(tasks) {
        check(&*store, number, task.await.unwrap()).await;
    }
    // Away for good: refused after a while, and nothing hangs.
    server.control("stop");
    let started = std::time::Instant::now();
    let refused = store.commit(opening(1_000)).await.unwrap_err();
    assert!(matches!(refused, CommitError::Unavailable(_)), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(15));
    let refused = store.commit(opening(1_000)).await.unwrap_err();
    assert!(matches!(refused, CommitError::Unavailable(_)), "{refused}");
    server.control("start");
    store.commit(opening(1_000)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_lost_on_the_way_is_found_in_the_database() {
    let database = database!();
    let Some((base, port)) = database.url.split_once("127.0.0.1:") else {
        return;
    };
    let (port, rest) = port.split_once('/').unwrap();
    let proxy = Proxy::to(port.parse().unwrap()).await;
    let url = format!("{base}127.0.0.1:{}/{rest}", proxy.port);
    let store = connect(&url, Options::DEFAULT).await.unwrap();
    store.commit(opening(0)).await.unwrap();
    for version in 1..20 {
        proxy.arm();
        // The server has committed when it answers, and nobody hears it.
        let keyed = |version: u64| {
            let mut commit = change(id(0), version, "li");
            commit.answer = Some(answer(&version.to_string(), "r"));
            commit.outbox = vec![mail(id(0), &version.to_string(), 1)];
            commit
        };
        let new = opening(100 + u128::from(version));
        let results = together(&store, vec![keyed(version), new]).await;
        assert_eq!(results, [Ok(()), Ok(())]);
        assert!(!proxy.is_armed());
        let row = store.load(id(0)).await.unwrap().unwrap();
        assert_eq!(row.version, version + 1);
        // Somebody else's command with the same key still hears that it was carried out.
        let repeated = store.commit(keyed(version)).await;
        assert!(matches!(repeated, Err(CommitError::Repeated(_))));
        // A stale one is refused as ever, although its refusal got lost.
        let mut stale = change(id(0), version, "wang");
        stale.record.hash = "ef".repeat(32);
        stale.row.head.clone_from(&stale.record.hash);
        proxy.arm();
        let refused = store.commit(stale).await;
        assert!(matches!(refused, Err(CommitError::Conflict { .. })));
    }
    assert_eq!(store.mail(id(0)).await.unwrap().len(), 19);
    // A mail's fate counts once.
    proxy.arm();
    let not_before = Instant(50);
    let error = "450".to_owned();
    let retry = MailOutcome::Retry { not_before, error };
    store.finish_mail(id(0), "1", retry).await.unwrap();
    let mails = store.mail(id(0)).await.unwrap();
    assert_eq!(mails[0].row.attempts, 1);
}

#[tokio::test]
async fn one_locked_project_does_not_hold_up_the_others_for_ever() {
    let database = database!();
    let store: Arc<dyn Store> = Arc::new(database.node(Options::DEFAULT).await);
    store.commit(opening(1)).await.unwrap();
    // Somebody who left a transaction open.
    let mut lock = database.connection().await;
    sqlx::raw_sql("BEGIN; SELECT * FROM project FOR UPDATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let mut commits: Vec<_> = (10..20).map(opening).collect();
    commits.push(change(id(1), 1, "li"));
    let mut results = together(&store, commits).await;
    let locked = results.pop().unwrap();
    assert!(matches!(locked, Err(CommitError::Unavailable(_))));
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    drop(lock);
    store.commit(change(id(1), 1, "li")).await.unwrap();
}
