//! Two nodes, one database: each timer and each mail once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use liucheng_engine::ports::{CommitError, Instant, MailOutcome, MailState, Store};
use liucheng_store::{Options, PostgresStore};
use tokio::sync::Notify;

use super::{Postgres, database};
use crate::{
    checks::{Database, seal_while_changing},
    samples::{change, id, mail, opening, timer, together},
};

const PROJECTS: u128 = 300;
const DUE: Instant = Instant(100);

/// Projects with a timer and a mail each.
async fn fill(store: Arc<dyn Store>) {
    let planned = |number| {
        let mut commit = opening(number);
        commit.set_timers = vec![timer(id(number), "t", 10, 1)];
        commit.outbox = vec![mail(id(number), "m", 10)];
        commit
    };
    let results = together(&store, (0..PROJECTS).map(planned).collect()).await;
    assert!(results.iter().all(Result::is_ok));
}

/// Fires what is due until nothing is left; returns how many changes were refused.
async fn fire(store: Arc<PostgresStore>) -> (u32, u32) {
    let (mut fired, mut refused) = (0, 0);
    loop {
        let due = store.due_timers(DUE, 16).await.unwrap();
        if due.is_empty() {
            return (fired, refused);
        }
        for timer in due {
            let row = store.load(timer.project).await.unwrap().unwrap();
            let mut commit = change(timer.project, row.version, "system");
            commit.clear_timers = vec![timer.key];
            match store.commit(commit).await {
                Ok(()) => fired += 1,
                Err(CommitError::Conflict { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
}

async fn pair(database: &Postgres) -> [Arc<PostgresStore>; 2] {
    let (a, b) = tokio::join!(
        database.node(Options::DEFAULT),
        database.node(Options::DEFAULT)
    );
    [Arc::new(a), Arc::new(b)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_fire_each_timer_once() {
    let database = database!();
    let [a, b] = pair(&database).await;
    fill(a.clone()).await;
    let (a, b) = tokio::join!(tokio::spawn(fire(a.clone())), tokio::spawn(fire(b)));
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!((u128::from(a.0 + b.0), a.1 + b.1), (PROJECTS, 0));
    assert!(a.0 > 0 && b.0 > 0, "{a:?} {b:?}");
    let store = database.node(Options::DEFAULT).await;
    for number in 0..PROJECTS {
        let row = store.load(id(number)).await.unwrap().unwrap();
        assert_eq!(row.version, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_send_each_mail_once() {
    let database = database!();
    let [a, b] = pair(&database).await;
    fill(a.clone()).await;
    let sent: Arc<Mutex<BTreeMap<_, u32>>> = Arc::default();
    let send = |store: Arc<PostgresStore>| {
        let sent = Arc::clone(&sent);
        tokio::spawn(async move {
            loop {
                let due = store.due_mail(DUE, 8).await.unwrap();
                if due.is_empty() {
                    return;
                }
                for row in due {
                    assert!(store.holds_mail(row.project, &row.key).await.unwrap());
                    *sent.lock().unwrap().entry(row.project).or_default() += 1;
                    let outcome = MailOutcome::Sent(Instant(11));
                    store
                        .finish_mail(row.project, &row.key, outcome)
                        .await
                        .unwrap();
                }
            }
        })
    };
    let (one, two) = (send(a.clone()), send(b));
    one.await.unwrap();
    two.await.unwrap();
    let sent = sent.lock().unwrap().clone();
    assert_eq!(sent.len() as u128, PROJECTS);
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
    assert_eq!(a.mail(id(7)).await.unwrap()[0].state, MailState::Sent);
}

#[tokio::test]
async fn claims_are_kept_from_others_and_given_again_to_the_holder() {
    let database = database!();
    let [a, b] = pair(&database).await;
    fill(a.clone()).await;
    let first = a.due_timers(DUE, 10).await.unwrap();
    assert_eq!(a.due_timers(DUE, 10).await.unwrap(), first);
    let others = b.due_timers(DUE, 999).await.unwrap();
    assert_eq!(others.len() as u128, PROJECTS - 10);
    assert!(others.iter().all(|timer| !first.contains(timer)));
    // A node with nothing to do sleeps as long as the other's right holds, and does not spin.
    b.due_mail(DUE, 999).await.unwrap();
    let wake = a.next_wake().await.unwrap();
    assert_eq!(wake, Some(Instant(10)), "its own");
    for timer in first {
        let mut commit = change(timer.project, 1, "system");
        commit.clear_timers = vec![timer.key];
        a.commit(commit).await.unwrap();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_micros()).unwrap();
    let wake = a.next_wake().await.unwrap().unwrap().0 - now;
    assert!((10_000_000..=20_000_000).contains(&wake), "{wake}");
    // An orderly end frees everything at once.
    b.close().await;
    assert_eq!(a.next_wake().await.unwrap(), Some(Instant(10)));
    let left = a.due_timers(DUE, 999).await.unwrap();
    assert_eq!(left.len() as u128, PROJECTS - 10);
}

#[tokio::test]
async fn paused_node_that_wakes_up_changes_nothing() {
    let database = database!();
    let [paused, other] = pair(&database).await;
    fill(paused.clone()).await;
    let timers = paused.due_timers(DUE, 999).await.unwrap();
    let mails = paused.due_mail(DUE, 999).await.unwrap();
    let key = mails[0].key.clone();
    assert!(paused.holds_mail(id(0), &key).await.unwrap());
    assert!(other.due_timers(DUE, 999).await.unwrap().is_empty());
    assert!(other.due_mail(DUE, 999).await.unwrap().is_empty());
    let late = change(id(0), 1, "late");
    // As if the node had stood still for longer than its lease.
    let epoch = paused.epoch().unwrap();
    database
        .execute("UPDATE node SET alive_until = 0 WHERE epoch = (SELECT max(claim) FROM timer)")
        .await;
    assert!(!paused.holds_mail(id(0), &key).await.unwrap());
    assert_eq!(other.due_timers(DUE, 999).await.unwrap(), timers);
    assert_eq!(other.due_mail(DUE, 999).await.unwrap(), mails);
    let mut commit = change(id(0), 1, "other");
    commit.set_timers = vec![timer(id(0), "t", 50, 2)];
    other.commit(commit).await.unwrap();
    // The timer's effect, the timer itself, and the mail's fate.
    let refused = paused.commit(late).await.unwrap_err();
    assert!(matches!(refused, CommitError::Conflict { found: 2, .. }));
    let far = timer(id(1), "t", 999, 1);
    paused.postpone_timer(far).await.unwrap();
    assert_eq!(paused.timers(id(1)).await.unwrap()[0].at, Instant(10));
    let dead = MailOutcome::Dead {
        error: "late".to_owned(),
    };
    paused.finish_mail(id(0), &key, dead).await.unwrap();
    let fate = paused.mail(id(0)).await.unwrap().remove(0);
    assert_eq!((fate.state, fate.row.attempts), (MailState::Pending, 0));
    let sent = MailOutcome::Sent(Instant(12));
    other.finish_mail(id(0), &key, sent).await.unwrap();
    let fate = paused.mail(id(0)).await.unwrap().remove(0);
    assert_eq!(fate.state, MailState::Sent);
    assert_eq!(paused.epoch(), Some(epoch), "nobody has told it yet");
}

#[tokio::test]
async fn node_that_lost_its_epoch_begins_another() {
    let database = database!();
    let options = Options {
        lease: Duration::from_millis(400),
        ..Options::DEFAULT
    };
    let store = database.node(options).await;
    store.commit(opening(1)).await.unwrap();
    let mut commit = change(id(1), 1, "li");
    commit.set_timers = vec![timer(id(1), "t", 10, 1)];
    store.commit(commit).await.unwrap();
    let before = store.epoch();
    database.execute("UPDATE node SET alive_until = 0").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(store.epoch() > before);
    assert_eq!(store.due_timers(DUE, 9).await.unwrap().len(), 1);
}

/// Several tasks of one process notice at once that it stood still: only one of them begins again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_is_alone_is_not_taken_by_itself() {
    let database = database!();
    let options = Options {
        node: Some("office 4".to_owned()),
        lease: Duration::from_millis(100),
        ..Options::DEFAULT
    };
    let store = Arc::new(database.node(options).await);
    store.commit(opening(1)).await.unwrap();
    for _ in 0..20 {
        let before = store.epoch();
        database.execute("UPDATE node SET alive_until = 0").await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let task = |_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.due_timers(DUE, 9).await.map(drop) })
        };
        for asked in (0..8).map(task).collect::<Vec<_>>() {
            asked.await.unwrap().unwrap();
        }
        assert!(store.epoch() > before);
        assert_eq!(store.health().taken, None);
    }
}

/// As after a failover to a standby: the database answers questions and takes no changes.
#[tokio::test]
async fn a_database_that_takes_no_changes_is_told() {
    let database = database!();
    let options = Options {
        lease: Duration::from_millis(400),
        ..Options::DEFAULT
    };
    let store = database.node(options).await;
    store.commit(opening(1)).await.unwrap();
    assert_eq!(store.health().unwritable, None);
    let read_only =
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
            current_database()); END $$;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(read_only).await;
    // The first one meets a connection that is gone, and who knows what went before that.
    store.commit(change(id(1), 1, "li")).await.unwrap_err();
    let refused = store.commit(change(id(1), 1, "li")).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("read-only"), "{said}");
    assert!(!said.contains("not known"), "nothing was written: {said}");
    assert_eq!(store.load(id(1)).await.unwrap().unwrap().version, 1);
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while store.health().unwritable.is_none() {
        assert!(tokio::time::Instant::now() < until, "nobody noticed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let opened = liucheng_store::postgres::open(&database.url, Options::DEFAULT).await;
    assert_eq!(opened.map(drop).unwrap_err().code(), "E-STORE-UNWRITABLE");
    let writable = "BEGIN READ WRITE; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET default_transaction_read_only',
            current_database()); END $$; COMMIT;
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.execute(writable).await;
    store.commit(change(id(1), 1, "li")).await.unwrap();
    while store.health().unwritable.is_some() {
        assert!(tokio::time::Instant::now() < until, "it goes on by itself");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn named_node_takes_over_from_its_predecessor() {
    let database = database!();
    let options = Options {
        node: Some("office 1".to_owned()),
        ..Options::DEFAULT
    };
    let store = Arc::new(database.node(options.clone()).await);
    fill(store.clone()).await;
    assert!(!store.due_mail(DUE, 999).await.unwrap().is_empty());
    // Without an orderly end, as after kill -9: the server ends the sessions of the process.
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    database.execute(ended).await;
    let next = database.node(options).await;
    assert_eq!(
        next.due_mail(DUE, 999).await.unwrap().len() as u128,
        PROJECTS
    );
    assert!(!store.holds_mail(id(0), "m").await.unwrap());
}

#[tokio::test]
async fn a_second_node_of_a_name_is_refused() {
    let database = database!();
    let options = Options {
        node: Some("office 2".to_owned()),
        lease: Duration::from_secs(4),
        ..Options::DEFAULT
    };
    let first = database.node(options.clone()).await;
    let epoch = first.epoch();
    let again = || liucheng_store::postgres::open(&database.url, options.clone());
    let refused = again().await.map(drop).unwrap_err();
    assert_eq!(refused.code(), "E-NODE-TAKEN");
    assert!(refused.to_string().contains("office 2"), "{refused}");
    // Two that start together while nobody has the name: one of them.
    first.due_timers(DUE, 9).await.unwrap();
    assert_eq!((first.epoch(), first.health().taken), (epoch, None));
    first.close().await;
    let (a, b) = tokio::join!(again(), again());
    assert_eq!(u8::from(a.is_ok()) + u8::from(b.is_ok()), 1);
    let second = a.or(b).unwrap();
    // Another name is another node's, and none is nobody's.
    let other = Options {
        node: Some("office 3".to_owned()),
        ..options.clone()
    };
    database.node(other).await.close().await;
    second.close().await;
}

/// A process that stood still for longer than its lease, with its session open: nobody runs its tasks
/// while another one of its name comes.
#[test]
fn a_node_whose_name_was_taken_gets_no_more_work() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (ours, theirs) = (runtime(), runtime());
    let Some(database) = ours.block_on(Postgres::new()) else {
        return;
    };
    let options = Options {
        node: Some("office 4".to_owned()),
        lease: Duration::from_secs(1),
        ..Options::DEFAULT
    };
    let first = ours.block_on(async {
        let first = Arc::new(database.node(options.clone()).await);
        fill(first.clone()).await;
        assert!(!first.due_timers(DUE, 1).await.unwrap().is_empty());
        first
    });
    let next = theirs.block_on(async {
        let next = database.node(options).await;
        assert!(!next.due_timers(DUE, 1).await.unwrap().is_empty());
        next
    });
    let epoch = next.epoch();
    assert!(epoch > first.epoch());
    let refused = ours.block_on(async {
        let refused = first.due_timers(DUE, 9).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        refused
    });
    assert!(refused.is_err());
    let taken = first.health().taken.unwrap();
    assert!(taken.reason.contains("office 4"), "{taken:?}");
    // It does not come back, and its successor goes on.
    theirs.block_on(async {
        assert!(!next.due_mail(DUE, 1).await.unwrap().is_empty());
        assert_eq!((next.epoch(), next.health().taken), (epoch, None));
        next.close().await;
    });
    ours.block_on(first.close());
}

#[tokio::test]
async fn something_due_soon_wakes_the_other_node() {
    let database = database!();
    let wake = Arc::new(Notify::new());
    let options = Options {
        wake: Some(Arc::clone(&wake)),
        ..Options::DEFAULT
    };
    let _sleeper = database.node(options).await;
    let other = database.node(Options::DEFAULT).await;
    // Listening begins with a look.
    let woken = || tokio::time::timeout(Duration::from_secs(4), wake.notified());
    woken().await.unwrap();
    let mut commit = opening(1);
    commit.set_timers = vec![timer(id(1), "t", i64::MAX, 1)];
    other.commit(commit).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(300), wake.notified());
    assert!(quiet.await.is_err(), "nothing is due");
    let mut commit = change(id(1), 1, "li");
    commit.set_timers = vec![timer(id(1), "t", 10, 2)];
    other.commit(commit).await.unwrap();
    woken().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_share_a_project_without_losing_a_change() {
    let database = database!();
    let [a, b] = pair(&database).await;
    a.commit(opening(1)).await.unwrap();
    let officer = |n: usize| {
        let store = if n.is_multiple_of(2) {
            a.clone()
        } else {
            b.clone()
        };
        tokio::spawn(async move {
            let (mut version, mut done, name) = (1, 0, format!("officer {n}"));
            while done < 20 {
                match store.commit(change(id(1), version, &name)).await {
                    Ok(()) => (version, done) = (version + 1, done + 1),
                    Err(CommitError::Conflict { found, .. }) => version = found,
                    Err(other) => panic!("{other}"),
                }
            }
        })
    };
    for task in (0..6).map(officer).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let history = a.history(id(1), 0, 999).await.unwrap();
    assert_eq!(history.len(), 121);
    for pair in history.windows(2) {
        assert_eq!(pair[0].hash, pair[1].prev_hash);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_change_and_seal_together_lose_nothing() {
    let database = database!();
    let stores = [
        Database::open(&database).await,
        Database::open(&database).await,
    ];
    seal_while_changing(&stores).await;
}
