//! F10: a node is stopped for longer than its lease while it works; another takes over, and the first one
//! wakes up. Real processes.

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command as Process, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use liucheng_engine::{
    Engine,
    ports::{Clock, Instant, Mail, MailError, MailState, Mailer},
};
use liucheng_faults::{
    check::{invariants, projects},
    scene::{self, Law, person},
};
use liucheng_store::{Options, connect};
use serde_json::json;

use crate::rig::{Place, Rig};

const DATABASE: &str = "LIUCHENG_FAULT_DATABASE";
const MAILS: &str = "LIUCHENG_FAULT_MAILS";
const NOW: &str = "LIUCHENG_FAULT_NOW";
const PROJECTS: usize = 60;
const LEASE: Duration = Duration::from_millis(1_500);

/// A slow mail server that writes the ids of what it accepts to a file.
struct MailFile(PathBuf);

#[async_trait]
impl Mailer for MailFile {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.0);
        writeln!(file.unwrap(), "{}", mail.message_id).unwrap();
        tokio::time::sleep(Duration::from_millis(25)).await;
        Ok(())
    }
}

/// Not a test: a node that fires timers and sends mail until nothing is due.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the test of this file"]
async fn child() {
    let variable = |name| std::env::var(name).ok();
    let (Some(location), Some(mails), Some(now)) =
        (variable(DATABASE), variable(MAILS), variable(NOW))
    else {
        return;
    };
    let options = Options {
        lease: LEASE,
        ..Options::DEFAULT
    };
    let store = connect(&location, options).await.unwrap();
    let rig = Rig::new(Law::Small);
    rig.clock.set(Instant(now.parse().unwrap()));
    let engine = Engine {
        mailer: Arc::new(MailFile(mails.into())),
        ..rig.engine(store)
    };
    println!("working");
    let mut idle = 0;
    while idle < 22 {
        let fired = engine.fire_due().await.unwrap_or(1);
        let sent = engine.deliver_due().await.unwrap_or(1);
        idle = if fired + sent == 0 { idle + 1 } else { 0 };
        if idle > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    engine.store.close().await;
}

fn start(location: &str, mails: &Path, now: Instant) -> Child {
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args(["--exact", "paused::child", "--ignored", "--nocapture"])
        .env(DATABASE, location)
        .env(MAILS, mails)
        .env(NOW, now.0.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("working")));
    // What else it says goes nowhere, and must not hold it up.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Process::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_stopped_beyond_its_lease_changes_nothing_when_it_wakes() {
    let Some(place) = Place::postgres().await else {
        return;
    };
    let rig = Rig::new(Law::Small);
    let store = place.open().await;
    let engine = rig.engine(Arc::clone(&store));
    engine.library.keep_in(&*store).await.unwrap();
    for number in 0..PROJECTS {
        let mut create = scene::opening(Law::Small, &format!("S-{number}"));
        create
            .facts
            .insert("award.notice_issued".to_owned(), json!("2026-01-05"));
        engine.create(&person(0), create, None).await.unwrap();
    }
    rig.clock.set(store.next_wake().await.unwrap().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mails");
    let lines = || {
        std::fs::read_to_string(&mails)
            .unwrap_or_default()
            .lines()
            .count()
    };
    let mut first = start(&place.location, &mails, rig.clock.now());
    while lines() < 5 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    signal(&first, "-STOP");
    let sent = lines();
    let mut second = start(&place.location, &mails, rig.clock.now());
    tokio::time::sleep(LEASE + Duration::from_millis(700)).await;
    assert!(lines() > sent, "the other node took over");
    signal(&first, "-CONT");
    for child in [&mut first, &mut second] {
        assert!(child.wait().unwrap().success());
    }
    let text = std::fs::read_to_string(&mails).unwrap();
    let mut ids: Vec<&str> = text.lines().collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), PROJECTS, "no mail is lost");
    // The one that was on its way when the node was stopped: accepted, and never recorded by it.
    assert!(
        all <= PROJECTS + 1,
        "{} mails went out twice",
        all - PROJECTS
    );
    let library = scene::library(Law::Small, &rig.entry, 0).unwrap();
    let problems = invariants(&*store, &library, None).await.unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
    for row in projects(&*store).await.unwrap() {
        let mails = store.mail(row.id).await.unwrap();
        assert!(
            mails.iter().all(|m| m.state == MailState::Sent),
            "{mails:?}"
        );
        assert_eq!(row.version, 2, "opened, and reminded once");
    }
    println!("{sent} mails before the stop, {all} in all for {PROJECTS}");
    store.close().await;
}
