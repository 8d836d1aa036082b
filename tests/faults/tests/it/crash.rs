//! F2: the process dies at every labelled place of the way of a change, for one command of each kind: an
//! opening, an event, a timer, a mail. F4: the disk fails at every write and fsync.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command as Process, Output},
    sync::Arc,
};

use async_trait::async_trait;
use liucheng_engine::{
    CommandError, Engine,
    commands::{Answer, FireEvent},
    crash::{POINTS, VARIABLE},
    ports::{Mail, MailError, MailState, Mailer, Store},
};
use liucheng_faults::{
    check::{history, invariants, projects},
    random::seconds,
    scene::{self, Law, opening, person},
};
use liucheng_store::{Options, connect};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::rig::{Place, Rig};

const DATABASE: &str = "LIUCHENG_FAULT_DATABASE";
const MAILS: &str = "LIUCHENG_FAULT_MAILS";
/// More passes than the story has at any place.
const PASSES_MAX: u32 = 40;

/// A mail server that writes the ids of what it accepts to a file.
struct MailFile(PathBuf);

#[async_trait]
impl Mailer for MailFile {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0);
        writeln!(file.unwrap(), "{}", mail.message_id).unwrap();
        Ok(())
    }
}

/// The ids in a file of mails.
fn accepted(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Opens a project, fires an event, lets its timer fire and its mails go out; says what was acknowledged.
async fn story(store: Arc<dyn Store>, mails: &Path, mut say: impl FnMut(&str, Option<u64>)) {
    let rig = Rig::new(Law::Small);
    let engine = Engine {
        mailer: Arc::new(MailFile(mails.to_owned())),
        ..rig.engine(store)
    };
    engine.library.keep_in(&*engine.store).await.ok();
    let mut tell = |what: &str, result: Result<Answer, CommandError>| match result {
        Ok(answer) => say(what, Some(answer.version)),
        Err(error) => {
            println!("refused {what}: {error}");
            say(what, None);
        }
    };
    tell(
        "create",
        engine
            .create(&person(0), opening(Law::Small, "P-0"), Some("create"))
            .await,
    );
    let fire = FireEvent {
        event: "issue-notice".to_owned(),
        facts: [("award.notice_issued".to_owned(), json!("2026-01-05"))].into(),
        expected_version: None,
        waive: None,
    };
    if let Ok(id) = engine.find("P-0").await {
        tell(
            "fire",
            engine.fire(&person(1), id, fire, Some("fire")).await,
        );
    }
    let due = engine.store.next_wake().await.ok().flatten();
    let Some(due) = due else { return };
    rig.clock
        .set(due.max(liucheng_engine::ports::Clock::now(&*rig.clock)));
    for _ in 0..5 {
        let fired = engine.fire_due().await;
        let sent = engine.deliver_due().await;
        if matches!((fired, sent), (Ok(0), Ok(0))) {
            say("done", Some(0));
            return;
        }
    }
}

/// Not a test: the process that dies.
#[tokio::test]
#[ignore = "started by the tests of this file"]
async fn child() {
    let (Ok(location), Ok(mails)) = (std::env::var(DATABASE), std::env::var(MAILS)) else {
        return;
    };
    let store = match connect(&location, named()).await {
        Ok(store) => store,
        Err(error) => return println!("not opened: {error}"),
    };
    let say = |what: &str, version: Option<u64>| {
        if let Some(version) = version {
            println!("acknowledged {what} {version}");
        }
    };
    story(Arc::clone(&store), Path::new(&mails), say).await;
    store.close().await;
}

/// A node that takes over from its predecessor at once.
fn named() -> Options {
    Options {
        node: Some("office".to_owned()),
        ..Options::DEFAULT
    }
}

/// What a run of the child came to.
struct Run {
    /// What was acknowledged, with its version.
    acknowledged: Vec<(String, u64)>,
    /// It came to the end of the story.
    whole: bool,
    died: bool,
}

fn run(mut program: Process, location: &str, mails: &Path) -> Run {
    let output: Output = program
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(DATABASE, location)
        .env(MAILS, mails)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let acknowledged = said
        .lines()
        .map(words)
        .filter_map(|words| match words.as_slice() {
            [first, what, version] if first.ends_with("acknowledged") => {
                Some((what.clone(), version.parse().ok()?))
            }
            _ => None,
        });
    let acknowledged: Vec<(String, u64)> = acknowledged.collect();
    let whole = acknowledged.iter().any(|(what, _)| what == "done");
    Run {
        acknowledged,
        whole,
        died: !output.status.success(),
    }
}

/// After a death: what was acknowledged is there, everything holds, and the story comes to its end.
async fn judge(place: &Place, mails: &Path, run: &Run, what: &str) {
    let store = connect(&place.location, named()).await.unwrap();
    let entry = Law::Small.entry().unwrap();
    let library = scene::library(Law::Small, &entry, 0).unwrap();
    let problems = invariants(&*store, &library, None).await.unwrap();
    assert!(problems.is_empty(), "{what}: {problems:#?}");
    let first = projects(&*store).await.unwrap().into_iter().next();
    let version = first.as_ref().map_or(0, |row| row.version);
    // Only what was accepted and not recorded when the process died may be sent again.
    let mut may_double = accepted(mails);
    if let Some(row) = first {
        for mail in store.mail(row.id).await.unwrap() {
            let recorded = mail.state != MailState::Pending;
            may_double.retain(|id| !recorded || *id != mail.row.mail.message_id);
        }
    }
    for (command, acknowledged) in &run.acknowledged {
        assert!(*acknowledged <= version, "{what}: {command} is lost");
    }
    let mut end = Vec::new();
    story(Arc::clone(&store), mails, |what, version| {
        end.push((what.to_owned(), version))
    })
    .await;
    assert_eq!(
        end.first(),
        Some(&("create".to_owned(), Some(1))),
        "{what}: {end:?}"
    );
    assert_eq!(
        end.get(1),
        Some(&("fire".to_owned(), Some(2))),
        "{what}: {end:?}"
    );
    assert!(
        end.iter().any(|(step, _)| step == "done"),
        "{what}: {end:?}"
    );
    let problems = invariants(&*store, &library, None).await.unwrap();
    assert!(problems.is_empty(), "{what}: {problems:#?}");
    let id = projects(&*store).await.unwrap().first().unwrap().id;
    let records = history(&*store, id).await.unwrap();
    let people = records.iter().filter(|r| r.actor != "system").count();
    assert_eq!(people, 2, "{what}: each command once");
    let (sent, planned) = (accepted(mails), store.mail(id).await.unwrap());
    assert!(!planned.is_empty(), "{what}: the story has a mail");
    for mail in planned {
        let id = mail.row.mail.message_id;
        let times = sent.iter().filter(|sent| **sent == id).count();
        assert!(
            times == 1 || (times == 2 && may_double.contains(&id)),
            "{what}: {id} was sent {times} times"
        );
    }
    store.close().await;
}

/// Empties a database on PostgreSQL, which is quicker than making another.
async fn clear(place: &Place) {
    let mut connection = PgConnection::connect(&place.location).await.unwrap();
    let tables = "DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables
            WHERE schemaname = 'public' AND tablename <> '_sqlx_migrations'
        LOOP EXECUTE 'DELETE FROM ' || quote_ident(name); END LOOP; END $$";
    sqlx::raw_sql(tables)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

async fn die_everywhere(places: &[&str], new: impl AsyncFn() -> Option<Arc<Place>>) {
    let mut deaths = 0;
    for label in places {
        let mut died_here = 0;
        for pass in 1..PASSES_MAX {
            let Some(place) = new().await else { return };
            let folder = tempfile::tempdir().unwrap();
            let mails = folder.path().join("mails");
            let mut program = Process::new(std::env::current_exe().unwrap());
            program.env(VARIABLE, format!("{label}:{pass}"));
            let done = run(program, &place.location, &mails);
            let what = format!("{label}:{pass}");
            if !done.died {
                assert!(done.whole, "{what}: neither dead nor done");
                break;
            }
            died_here += 1;
            judge(&place, &mails, &done, &what).await;
        }
        assert!(died_here > 0, "{label} is never passed");
        deaths += died_here;
    }
    println!("{deaths} deaths at {} places", places.len());
}

#[tokio::test]
async fn death_at_every_place_of_the_sqlite_writer() {
    let places: Vec<&str> = POINTS
        .into_iter()
        .filter(|p| !p.starts_with("postgres"))
        .collect();
    die_everywhere(&places, async || Some(Arc::new(Place::sqlite()))).await;
}

#[tokio::test]
async fn death_at_every_place_of_the_postgres_writer() {
    let places: Vec<&str> = POINTS
        .into_iter()
        .filter(|p| !p.starts_with("sqlite"))
        .collect();
    let Some(place) = Place::postgres().await.map(Arc::new) else {
        return;
    };
    place.open().await.close().await;
    let emptied = async || {
        clear(&place).await;
        Some(Arc::clone(&place))
    };
    die_everywhere(&places, emptied).await;
}

#[test]
fn every_place_is_in_the_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in ["core/engine/src", "core/store/src"] {
        labels(&root.join(folder), &mut found);
    }
    found.sort();
    let mut listed = POINTS.map(str::to_owned).to_vec();
    listed.sort();
    assert_eq!(found, listed);
}

fn labels(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            labels(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split("crash_point!(\"").skip(1) {
            found.push(part.split('"').next().unwrap().to_owned());
        }
    }
}

/// The kernel refuses the n-th of some calls, for n = 1, 2, … until the story needs no more of them.
#[cfg(target_os = "linux")]
async fn fail_every(calls: &str, error: &str, step: u32) -> u32 {
    let mut hit = 0;
    for number in (1..).step_by(step as usize) {
        let place = Place::sqlite();
        let folder = tempfile::tempdir().unwrap();
        let (mails, log) = (folder.path().join("mails"), folder.path().join("log"));
        let mut program = Process::new("strace");
        // The database and its log only: a mail server of its own is not what fails here.
        program.args(["-f", "-qq", "-o"]).arg(&log);
        program.args([
            "-P",
            &place.location,
            "-P",
            &format!("{}-wal", place.location),
        ]);
        program.args(["-e", &format!("trace={calls}")]);
        program.args(["-e", &format!("inject={calls}:error={error}:when={number}")]);
        program.arg(std::env::current_exe().unwrap());
        let done = run(program, &place.location, &mails);
        let log = std::fs::read_to_string(&log).unwrap();
        if !log.contains("(INJECTED)") {
            assert!(done.whole, "{calls}:{number}: not done, and nothing failed");
            break;
        }
        hit += 1;
        assert!(
            !done.died,
            "{calls}:{number}: the process may refuse, not die"
        );
        judge(&place, &mails, &done, &format!("{calls}:{number} {error}")).await;
    }
    hit
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn disk_that_fails_at_every_write_and_fsync() {
    if !Process::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|o| o.status.success())
    {
        let required = std::env::var("LIUCHENG_TEST_REQUIRE").unwrap_or_default();
        assert!(
            !required.contains("strace"),
            "LIUCHENG_TEST_REQUIRE asks for strace"
        );
        let word = "\n=== SKIPPED: a disk that fails. Install strace. ===\n";
        std::io::stderr().write_all(word.as_bytes()).unwrap();
        return;
    }
    // Every one in the long form; in the short form some of the many writes.
    let step = if seconds().is_some() { 1 } else { 7 };
    let synced = fail_every("fsync,fdatasync", "EIO", step.min(2)).await;
    let written = fail_every("pwrite64", "EIO", step).await;
    println!("{synced} failed fsyncs, {written} failed writes");
    assert!(synced > 2 && written > 2, "{synced} {written}");
}
