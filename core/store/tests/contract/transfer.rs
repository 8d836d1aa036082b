//! Copies and snapshots: complete, resumable, beside a working server, in every direction.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use liucheng_engine::ports::{
    AuditStore, CommitError, Document, Instant, MailOutcome, MailState, ProjectId, Seal, Store,
    TokenAct, TokenChange, TokenRow,
};
use liucheng_store::{
    Options, StoreError, connect,
    transfer::{Order, Progress, Summary, contents, copy, snapshot},
};
use tokio::sync::Notify;

use crate::{
    samples::{answer, change, id, mail, opening, timer, together},
    server,
};

/// More than two transactions of a copy.
const PROJECTS: u128 = 700;

const DIRECTIONS: [(Kind, Kind); 4] = [
    (Kind::Sqlite, Kind::Sqlite),
    (Kind::Sqlite, Kind::Postgres),
    (Kind::Postgres, Kind::Sqlite),
    (Kind::Postgres, Kind::Postgres),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// Places for databases; the files are removed at the end.
struct Places {
    folder: tempfile::TempDir,
    count: AtomicU64,
}

impl Places {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            count: AtomicU64::new(0),
        }
    }

    /// A new place; `None` without a server.
    async fn place(&self, kind: Kind) -> Option<String> {
        match kind {
            Kind::Sqlite => {
                let number = self.count.fetch_add(1, Ordering::Relaxed);
                let path = self.folder.path().join(format!("{number}.db"));
                Some(format!("sqlite://{}", path.display()))
            }
            Kind::Postgres => Some(server::shared()?.database().await),
        }
    }
}

async fn open(location: &str) -> Arc<dyn Store> {
    connect(location, Options::DEFAULT).await.unwrap()
}

async fn read(location: &str) -> Result<Arc<dyn Store>, StoreError> {
    let options = Options {
        read_only: true,
        ..Options::DEFAULT
    };
    connect(location, options).await
}

async fn move_all(source: &str, target: &str) -> Result<Summary, StoreError> {
    let order = Order {
        source,
        called: None,
        target,
        prepare: false,
    };
    copy(order, &|_| {}).await
}

/// Seals what has changed.
async fn seal(store: &dyn Store) {
    let seal = Seal {
        at: Instant(7),
        signer: None,
        unmarked: false,
    };
    assert!(AuditStore::seal(store, seal).await.unwrap().is_some());
}

/// Everything a database can hold, with awkward texts.
async fn fill(store: &Arc<dyn Store>) {
    let openings = (1..=PROJECTS).map(|number| {
        let mut commit = opening(number);
        commit.set_timers = vec![timer(commit.row.id, "提醒", i64::MAX, 1)];
        commit.outbox = vec![mail(commit.row.id, "m", 10), mail(commit.row.id, "n", 20)];
        commit.answer = Some(answer("键\"\\", "{\"版本\":1}"));
        commit
    });
    let results = together(store, openings.collect()).await;
    assert!(results.iter().all(Result::is_ok));
    for version in 1..4 {
        let mut commit = change(id(5), version, "li");
        commit.row.next_due = None;
        store.commit(commit).await.unwrap();
    }
    let sent = MailOutcome::Sent(Instant(12));
    store.finish_mail(id(7), "m", sent).await.unwrap();
    let dead = MailOutcome::Dead {
        error: "550 没有这个用户".to_owned(),
    };
    store.finish_mail(id(8), "m", dead).await.unwrap();
    for version in 0_u8..3 {
        let document = Document {
            kind: "definition".to_owned(),
            digest: format!("{version:064x}"),
            id: "社工站".to_owned(),
            version: version.to_string(),
            bytes: vec![0, 255, version],
        };
        store.put_document(document).await.unwrap();
    }
    let token = TokenRow {
        hash: "ab".repeat(32),
        actor: "李".to_owned(),
        roles: "*".to_owned(),
        at: Instant(3),
    };
    store.put_token(token.clone()).await.unwrap();
    let revoked = TokenAct {
        by: "李".to_owned(),
        at: Instant(4),
        change: TokenChange::Revoked("cd".repeat(32)),
    };
    let hash = "cd".repeat(32);
    store.put_token(TokenRow { hash, ..token }).await.unwrap();
    store.change_token(revoked).await.unwrap();
    seal(&**store).await;
    store.commit(change(id(5), 4, "li")).await.unwrap();
}

async fn filled(location: &str) {
    let store = open(location).await;
    fill(&store).await;
    store.close().await;
}

/// Through the port: the first and last projects, and some between. The copy itself compares all rows.
async fn same(ours: &dyn Store, theirs: &dyn Store) {
    let seen = |number: &u128| *number < 12 || number.is_multiple_of(29) || PROJECTS - number < 3;
    for number in (1..=PROJECTS).filter(seen) {
        let project = id(number);
        let left = ours.load(project).await.unwrap();
        assert_eq!(left, theirs.load(project).await.unwrap());
        let left = ours.history(project, 0, 99).await.unwrap();
        assert_eq!(left, theirs.history(project, 0, 99).await.unwrap());
        let left = ours.timers(project).await.unwrap();
        assert_eq!(left, theirs.timers(project).await.unwrap());
        let left = ours.mail(project).await.unwrap();
        assert_eq!(left, theirs.mail(project).await.unwrap());
        let left = ours.answer(project, "键\"\\").await.unwrap();
        assert_eq!(left, theirs.answer(project, "键\"\\").await.unwrap());
    }
    let left = ours.last_epoch().await.unwrap();
    assert!(left.is_some() && left == theirs.last_epoch().await.unwrap());
    let left = ours.documents("definition").await.unwrap();
    assert_eq!(left, theirs.documents("definition").await.unwrap());
    let left = ours.journal(0, 9).await.unwrap();
    assert!(left.len() == 4 && left == theirs.journal(0, 9).await.unwrap());
    let left = ours.kept_tokens(None, 9).await.unwrap();
    assert_eq!(left, theirs.kept_tokens(None, 9).await.unwrap());
    let hash = "ab".repeat(32);
    let left = ours.token(&hash).await.unwrap();
    assert_eq!(left, theirs.token(&hash).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_the_same_in_every_direction() {
    let places = Places::new();
    let mut digests = Vec::new();
    for (from, to) in DIRECTIONS {
        let (Some(source), Some(target)) = (places.place(from).await, places.place(to).await)
        else {
            continue;
        };
        filled(&source).await;
        let summary = move_all(&source, &target).await.unwrap();
        assert_eq!((summary.copied, summary.unchanged), (PROJECTS as u64, 0));
        assert_eq!(summary.contents.projects, PROJECTS as u64);
        assert_eq!(summary.contents.records, PROJECTS as u64 + 4);
        assert_eq!(summary.contents.epoch.as_ref().unwrap().number, 1);
        assert_eq!(summary.contents, contents(&source).await.unwrap());
        let (ours, theirs) = (read(&source).await.unwrap(), read(&target).await.unwrap());
        same(&*ours, &*theirs).await;
        // What was due stays due, and work goes on.
        let store = open(&target).await;
        assert_eq!(store.next_wake().await.unwrap(), Some(Instant(10)));
        store.commit(change(id(5), 5, "li")).await.unwrap();
        let again = CommitError::Repeated(answer("键\"\\", "{\"版本\":1}"));
        let mut repeated = change(id(6), 1, "li");
        repeated.answer = Some(answer("键\"\\", "{}"));
        assert_eq!(store.commit(repeated).await, Err(again));
        store.close().await;
        digests.push(summary.tables);
    }
    // The same rows have the same digests, whichever database they lie in.
    assert!(
        digests.windows(2).all(|pair| pair[0] == pair[1]),
        "{digests:?}"
    );
}

#[tokio::test]
async fn a_prepared_copy_waits_for_the_rest() {
    let places = Places::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(target) = places.place(kind).await else {
            continue;
        };
        let source = places.place(Kind::Sqlite).await.unwrap();
        filled(&source).await;
        let order = Order {
            source: &source,
            called: None,
            target: &target,
            prepare: true,
        };
        let prepared = copy(order, &|_| {}).await.unwrap();
        assert!(!prepared.finished && prepared.tables.is_empty());
        let refused = read(&target).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), "E-STORE-COPY-UNFINISHED");
        let store = open(&source).await;
        store.commit(change(id(9), 1, "li")).await.unwrap();
        store.close().await;
        let summary = move_all(&source, &target).await.unwrap();
        assert!(summary.finished && summary.resumed);
        // One transaction's projects are copied again, the others stay.
        assert!(summary.copied < summary.unchanged, "{summary:?}");
        let (ours, theirs) = (read(&source).await.unwrap(), read(&target).await.unwrap());
        same(&*ours, &*theirs).await;
    }
}

/// Runs a copy until it has reported so often, and drops it there, as a kill would.
async fn cut(source: &str, target: &str, after: u64) -> bool {
    let (count, enough) = (AtomicU64::new(0), Notify::new());
    let progress = |_: Progress| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == after {
            enough.notify_one();
        }
    };
    let order = Order {
        source,
        called: None,
        target,
        prepare: false,
    };
    tokio::select! {
        biased;
        () = enough.notified() => true,
        done = copy(order, &progress) => {
            done.unwrap();
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_cut_is_finished_though_the_source_has_moved_on() {
    let places = Places::new();
    for (from, to) in DIRECTIONS {
        let (Some(source), Some(target)) = (places.place(from).await, places.place(to).await)
        else {
            continue;
        };
        let store = open(&source).await;
        fill(&store).await;
        let mut version = 1;
        let mut codes = [1, PROJECTS].map(|number| opening(number).row.code);
        for after in 1..=4 {
            assert!(cut(&source, &target, after).await);
            // Everything but a copy refuses it.
            let refused = [
                connect(&target, Options::DEFAULT).await.map(drop),
                read(&target).await.map(drop),
                liucheng_store::migrate(&target, Options::DEFAULT)
                    .await
                    .map(drop),
                contents(&target).await.map(drop),
            ];
            for refused in refused {
                assert_eq!(refused.unwrap_err().code(), "E-STORE-COPY-UNFINISHED");
            }
            // The source goes on: two projects exchange their codes, by way of a third one; there is a
            // new project, and a mail is sent, which no version tells of.
            let last = PROJECTS;
            let free = format!("free {version}");
            codes.reverse();
            for (number, version, code) in [
                (1, version, &free),
                (last, version, &codes[1]),
                (1, version + 1, &codes[0]),
                (last, version + 1, &codes[1]),
            ] {
                let mut commit = change(id(number), version, "li");
                commit.row.code.clone_from(code);
                store.commit(commit).await.unwrap();
            }
            version += 2;
            let sent = MailOutcome::Sent(Instant(30));
            let key = id(u128::from(after));
            store.finish_mail(key, "n", sent).await.unwrap();
            store
                .commit(opening(1_000_000 + u128::from(after)))
                .await
                .unwrap();
            seal(&*store).await;
        }
        let summary = move_all(&source, &target).await.unwrap();
        assert!(summary.resumed);
        assert!(summary.unchanged > 0, "{from:?} {to:?} {summary:?}");
        assert_eq!(summary.contents, contents(&source).await.unwrap());
        let theirs = read(&target).await.unwrap();
        same(&*store, &*theirs).await;
        let mails = theirs.mail(id(1)).await.unwrap();
        assert_eq!(mails[1].state, MailState::Sent, "it must not go out twice");
        store.close().await;
    }
}

#[tokio::test]
async fn targets_that_hold_something_are_left_alone() {
    let places = Places::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(target) = places.place(kind).await else {
            continue;
        };
        let source = places.place(Kind::Sqlite).await.unwrap();
        let store = open(&source).await;
        store.commit(opening(1)).await.unwrap();
        store.close().await;
        let store = open(&target).await;
        store.commit(opening(2)).await.unwrap();
        store.close().await;
        let refused = move_all(&source, &target).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-NOT-EMPTY");
        assert!(refused.to_string().contains("project"), "{refused}");
        let store = read(&target).await.unwrap();
        assert!(store.load(id(1)).await.unwrap().is_none());
        // Nor is a copy begun upon itself.
        let refused = move_all(&source, &source).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-NOT-EMPTY");
        // A source that is not there is not made.
        let nowhere = places.place(Kind::Sqlite).await.unwrap();
        let refused = move_all(&nowhere, &target).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-OPEN");
    }
}

#[tokio::test]
async fn another_source_or_a_younger_target_is_refused() {
    let places = Places::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(target) = places.place(kind).await else {
            continue;
        };
        let source = places.place(Kind::Sqlite).await.unwrap();
        filled(&source).await;
        assert!(cut(&source, &target, 2).await);
        let other = places.place(Kind::Sqlite).await.unwrap();
        let store = open(&other).await;
        store.commit(opening(1)).await.unwrap();
        store.close().await;
        let refused = move_all(&other, &target).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-COPY-SOURCE");
        // The same place, but an older state of it: projects would disappear.
        let path = source.strip_prefix("sqlite://").unwrap();
        std::fs::rename(other.strip_prefix("sqlite://").unwrap(), path).unwrap();
        for leftover in ["-wal", "-shm"] {
            std::fs::remove_file(format!("{path}{leftover}")).ok();
        }
        let refused = move_all(&source, &target).await.unwrap_err();
        assert_eq!(refused.code(), "E-STORE-COPY-DIVERGED");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_was_overtaken_stops() {
    let places = Places::new();
    let Some(target) = places.place(Kind::Postgres).await else {
        return;
    };
    let source = places.place(Kind::Sqlite).await.unwrap();
    filled(&source).await;
    let (paused, pause) = mpsc::channel();
    let (wake, sleep) = mpsc::channel::<()>();
    let (first_source, first_target) = (source.clone(), target.clone());
    let (pause_once, sleep) = (AtomicBool::new(true), Mutex::new(sleep));
    let runtime = tokio::runtime::Handle::current();
    let first = std::thread::spawn(move || {
        let progress = move |_: Progress| {
            if pause_once.swap(false, Ordering::SeqCst) {
                paused.send(()).unwrap();
                sleep.lock().unwrap().recv().unwrap();
            }
        };
        let order = Order {
            source: &first_source,
            called: None,
            target: &first_target,
            prepare: false,
        };
        runtime.block_on(copy(order, &progress))
    });
    tokio::task::block_in_place(|| pause.recv_timeout(Duration::from_secs(20))).unwrap();
    let summary = move_all(&source, &target).await.unwrap();
    assert!(summary.resumed);
    let store = open(&target).await;
    store.commit(change(id(3), 1, "li")).await.unwrap();
    wake.send(()).unwrap();
    let refused = tokio::task::block_in_place(|| first.join()).unwrap();
    assert_eq!(refused.unwrap_err().code(), "E-STORE-COPY-TAKEN");
    assert_eq!(store.load(id(3)).await.unwrap().unwrap().version, 2);
    store.close().await;
}

#[tokio::test]
async fn a_server_and_a_copy_into_its_database_refuse_each_other() {
    let places = Places::new();
    let source = places.place(Kind::Sqlite).await.unwrap();
    filled(&source).await;
    // On SQLite the lock says so.
    let target = places.place(Kind::Sqlite).await.unwrap();
    let server = open(&target).await;
    let refused = move_all(&source, &target).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-LOCKED");
    server.close().await;
    let Some(target) = places.place(Kind::Postgres).await else {
        return;
    };
    let server = open(&target).await;
    let refused = move_all(&source, &target).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-IN-USE");
    server.commit(opening(1)).await.unwrap();
    server.close().await;
}

/// F19: what writers do in the meantime is in a snapshot as a whole or not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_under_load_are_prefixes() {
    const WRITERS: u128 = 8;
    let places = Places::new();
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(location) = places.place(kind).await else {
            continue;
        };
        let store = open(&location).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = |number: u128| {
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            tokio::spawn(async move { write_until(&*store, id(number), &stop).await })
        };
        let writers: Vec<_> = (0..WRITERS).map(writer).collect();
        let mut last = 0;
        let mut files = Vec::new();
        for number in 0..5 {
            let file = places
                .folder
                .path()
                .join(format!("{kind:?}-{number}.backup"));
            tokio::time::sleep(Duration::from_millis(60)).await;
            snapshot(&location, &file, &|_| {}).await.unwrap();
            files.push(file);
        }
        stop.store(true, Ordering::SeqCst);
        for writer in writers {
            assert!(writer.await.unwrap() > 5);
        }
        for file in &files {
            last = assert_prefix(file, &*store, WRITERS, last).await;
        }
        assert!(last > 0);
        store.close().await;
    }
}

async fn write_until(store: &dyn Store, project: ProjectId, stop: &AtomicBool) -> u64 {
    let mut version = 0;
    while !stop.load(Ordering::SeqCst) {
        let mut commit = change(project, version, "li");
        version += 1;
        commit.set_timers = vec![timer(project, "t", 10, version)];
        commit.outbox = vec![mail(project, &version.to_string(), 10)];
        commit.answer = Some(answer(&version.to_string(), "{}"));
        store.commit(commit).await.unwrap();
    }
    version
}

/// Each project of a snapshot is what it was at one of its versions; returns how many records it has.
async fn assert_prefix(file: &Path, live: &dyn Store, projects: u128, before: u64) -> u64 {
    let location = file.to_str().unwrap();
    let kept = read(location).await.unwrap();
    let mut records = 0;
    for number in 0..projects {
        let Some(row) = kept.load(id(number)).await.unwrap() else {
            continue;
        };
        let history = kept.history(id(number), 0, 9_999).await.unwrap();
        let whole = live
            .history(id(number), 0, row.version as u32)
            .await
            .unwrap();
        assert_eq!(history, whole, "a prefix");
        assert_eq!(row.version, history.len() as u64);
        let timers = kept.timers(id(number)).await.unwrap();
        assert_eq!(timers[0].generation, row.version);
        let mails = kept.mail(id(number)).await.unwrap();
        assert_eq!(mails.len() as u64, row.version);
        let key = row.version.to_string();
        assert!(kept.answer(id(number), &key).await.unwrap().is_some());
        records += row.version;
    }
    let found = contents(location).await.unwrap();
    assert_eq!(found.records, records);
    assert!(records >= before, "later ones have more");
    records
}

/// What one copy has of a project and of the epochs is of one moment: a change is sealed or marked, in
/// every copy, though the source is changed and sealed all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_beside_changes_and_seals_has_every_change_sealed_or_marked() {
    const BUSY: u128 = 24;
    const ROUNDS: u32 = 3;
    let places = Places::new();
    for (from, to) in DIRECTIONS {
        let Some(source) = places.place(from).await else {
            continue;
        };
        let Some(target) = places.place(to).await else {
            continue;
        };
        let store = open(&source).await;
        let stopped = Arc::new(AtomicBool::new(false));
        let mut busy = Vec::new();
        for part in 0..3 {
            let (store, stopped) = (Arc::clone(&store), Arc::clone(&stopped));
            busy.push(tokio::spawn(async move {
                for version in 0.. {
                    for number in (1..=BUSY).filter(|number| number % 3 == part) {
                        let commit = change(id(number), version, "li");
                        store.commit(commit).await.unwrap();
                    }
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                }
            }));
        }
        let (sealing, done) = (Arc::clone(&store), Arc::clone(&stopped));
        busy.push(tokio::spawn(async move {
            let mut at = 1;
            while !done.load(Ordering::Relaxed) {
                let seal = Seal {
                    at: Instant(at),
                    signer: None,
                    unmarked: false,
                };
                AuditStore::seal(&*sealing, seal).await.unwrap();
                at += 1;
                tokio::time::sleep(Duration::from_micros(500)).await;
            }
        }));
        let mut seen = (0, 0);
        for round in 0..ROUNDS {
            // Each later run finds what an earlier one has left, and the source has moved on.
            let order = Order {
                source: &source,
                called: None,
                target: &target,
                prepare: round + 1 < ROUNDS,
            };
            copy(order, &|_| {}).await.unwrap();
            let other = places.place(to).await.unwrap();
            move_all(&source, &other).await.unwrap();
            let seen_now = sealed_or_marked(&*read(&other).await.unwrap()).await;
            seen = (seen.0 + seen_now.0, seen.1 + seen_now.1);
        }
        sealed_or_marked(&*read(&target).await.unwrap()).await;
        let epochs = store.last_epoch().await.unwrap().unwrap().number;
        assert!(epochs > 10, "{from:?} {to:?}: {epochs} epochs, {seen:?}");
        assert!(seen.0 + seen.1 >= BUSY as u32);
        stopped.store(true, Ordering::Relaxed);
        for task in busy {
            task.await.unwrap();
        }
        store.close().await;
    }
}

/// How many projects were sealed as they are, and how many are marked; none is neither.
async fn sealed_or_marked(store: &dyn Store) -> (u32, u32) {
    let (mut sealed, mut marked) = (0, 0);
    for project in store.project_ids(None, 999).await.unwrap() {
        let dossier = store.dossier(project).await.unwrap();
        let version = dossier.row.unwrap().version;
        let last = dossier.leaves.last().map_or(0, |leaf| leaf.version);
        assert!(
            last <= version,
            "{project} is sealed at {last} of {version}"
        );
        assert!(
            last == version || dossier.unsealed,
            "{project} has version {version}, sealed is {last}, and it is not marked"
        );
        sealed += u32::from(last == version);
        marked += u32::from(dossier.unsealed);
    }
    (sealed, marked)
}
