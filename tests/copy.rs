//! Copying databases through the real binary: complete, in every direction, whenever it is killed.

use std::{
    path::Path,
    process::Stdio,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::Value as Json;

use crate::{
    nodes::server,
    support::{Random, Said, Server, liucheng, run},
};

/// Projects of the source; more than one transaction of a copy.
const PROJECTS: usize = 320;
/// Kills that hit a copy into each kind of database.
const KILLS: u32 = 8;
/// Kills, however few of them hit.
const ATTEMPTS: u32 = 40;

/// A new database of the PostgreSQL server; `None` without one.
pub fn on_postgres() -> Option<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    Some(runtime.block_on(server::shared()?.database()))
}

fn copy(source: &str, target: &str) -> Said {
    run(&["database", "copy", source, target, "--json"])
}

fn ask(database: &str, command: &[&str]) -> Said {
    run(&[&["--database", database, "--json"], command].concat())
}

#[test]
fn a_database_goes_round_and_comes_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    assert_eq!(
        run(&[
            "demo",
            "--once",
            "--only",
            "ningxia-yuanzhou",
            "--only",
            "tianjin",
            "--data",
            data
        ])
        .code,
        0
    );
    let first = format!("{data}/liucheng.db");
    assert_eq!(run(&["audit", "seal", "--data", data]).code, 0);
    let head = ask(&first, &["audit", "head"]).out;
    let anchor = format!("{data}/anchor.json");
    std::fs::write(&anchor, &head).unwrap();
    let mut databases = vec![first.clone(), format!("sqlite://{data}/second.db")];
    if let Some(url) = on_postgres() {
        databases.push(url);
        databases.push(format!("{data}/third.db"));
    }
    let mut summaries: Vec<Json> = Vec::new();
    for pair in databases.windows(2) {
        let done = copy(&pair[0], &pair[1]);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        summaries.push(done.json());
        // The sealed epochs have come along, and what they seal.
        assert_eq!(ask(&pair[1], &["audit", "head"]).out, head);
        let verified = ask(&pair[1], &["verify", "--anchor", &anchor]);
        assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    }
    for summary in &summaries {
        assert_eq!(summary["projects"], 2);
        assert_eq!(
            (&summary["verified"], &summary["bad"]),
            (&2.into(), &Json::Array(vec![]))
        );
        assert!(summary["records"].as_u64().unwrap() > 80, "{summary}");
        assert!(summary["epoch"]["number"].as_u64() > Some(0), "{summary}");
        for same in ["tables", "heads", "records", "through", "epoch"] {
            assert_eq!(summary[same], summaries[0][same]);
        }
    }
    let last = databases.last().unwrap();
    for command in [
        &["project", "show", "YZ-2021"][..],
        &["project", "history", "YZ-2021", "--limit", "999"],
        &["project", "list"],
    ] {
        let (before, after) = (ask(&first, command), ask(last, command));
        assert_eq!(before.code, 0, "{}", before.err);
        assert_eq!(before.out, after.out);
    }
}

#[test]
fn a_refused_copy_says_why_and_hides_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let nowhere = format!("{data}/nowhere.db");
    let refused = copy(&nowhere, &format!("{data}/target.db"));
    assert_eq!(refused.code, 69);
    assert!(refused.err.contains("E-STORE-OPEN"), "{}", refused.err);
    let said: Json = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(said["error"]["place"], "source");
    // What makes a database in the data folder is of no help here.
    assert!(!refused.err.contains("project create"), "{}", refused.err);
    assert!(!Path::new(&nowhere).exists());
    assert_eq!(run(&["migrate", "--data", data]).code, 0);
    let source = format!("{data}/liucheng.db");
    let refused = copy(&source, "postgres://li:geheim@127.0.0.1:1/nowhere");
    assert_eq!(refused.code, 69);
    assert!(refused.err.contains("E-STORE-CONNECT"), "{}", refused.err);
    assert!(refused.err.contains("target: "), "{}", refused.err);
    for (from, to, side) in [
        ("oracle://x", source.as_str(), "source: "),
        (source.as_str(), "oracle://x", "target: "),
    ] {
        let refused = copy(from, to);
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains("E-STORE-LOCATION"), "{}", refused.err);
        assert!(refused.err.contains(side), "{}", refused.err);
    }
    assert!(!refused.err.contains("geheim"), "{}", refused.err);
    // An empty source is a source like any other, and its copy is finished.
    let target = format!("{data}/target.db");
    assert_eq!(copy(&source, &target).json()["projects"], 0);
    assert_eq!(ask(&target, &["project", "list"]).code, 0);
}

#[test]
fn a_killed_copy_is_finished_by_the_next_one() {
    let mut random = Random::from_env();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let token = server.token.clone().unwrap();
    create_projects(&server, &token);
    let data = folder.path().to_str().unwrap();
    let source = format!("{data}/liucheng.db");
    let started = Instant::now();
    let whole = copy(&source, &format!("{data}/whole.db"));
    assert_eq!(whole.code, 0, "{}{}", whole.out, whole.err);
    let run_time = started.elapsed().as_micros() as u64;
    let mut commands = 0;
    let prepared = format!("{data}/prepared.db");
    let done = run(&[
        "database",
        "copy",
        &source,
        &prepared,
        "--prepare",
        "--json",
    ]);
    assert_eq!(done.json()["finished"], false, "{}", done.err);
    assert!(
        ask(&prepared, &["verify"])
            .err
            .contains("E-STORE-COPY-UNFINISHED")
    );
    for kind in ["sqlite", "postgres"] {
        let fresh = |number: u32| match kind {
            "sqlite" => Some(format!("{data}/killed-{number}.db")),
            _ => on_postgres(),
        };
        let Some(mut target) = fresh(0) else { continue };
        // Between the kills that came before there was a target and those that came too late.
        let (mut early, mut late, mut unfinished) = (0, run_time, 0);
        for attempt in 1..=ATTEMPTS {
            let wait = early + random.below(late - early);
            let mut child = liucheng()
                .args(["database", "copy", &source, &target])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            sleep(Duration::from_micros(wait));
            child.kill().unwrap();
            child.wait().unwrap();
            let listed = ask(&target, &["project", "list"]);
            if listed.err.contains("E-STORE-COPY-UNFINISHED") {
                unfinished += 1;
                // The server goes on meanwhile.
                commands += 1;
                let project = random.below(PROJECTS as u64);
                fire(&server, &token, project, commands);
            } else if listed.code == 0 {
                late = (late + wait) / 2 + 1_000;
                target = fresh(attempt).unwrap();
            } else {
                early = (early + wait) / 2;
            }
            if unfinished == KILLS {
                break;
            }
        }
        assert!(unfinished > 0, "no kill hit a copy");
        let done = copy(&source, &target);
        assert_eq!(done.code, 0, "{}{}", done.out, done.err);
        let summary = done.json();
        assert_eq!(summary["projects"], PROJECTS);
        let records = (PROJECTS as u64) + u64::from(commands);
        assert_eq!(summary["records"], records, "what came in between is there");
        assert_eq!(ask(&target, &["verify"]).code, 0);
        println!("{kind}: {unfinished} kills hit");
    }
    server.stop();
}

fn create_projects(server: &Server, token: &str) {
    thread::scope(|scope| {
        for part in 0..4 {
            scope.spawn(move || {
                for number in (part..PROJECTS).step_by(4) {
                    let body = format!(r#"{{"code":"P-{number}","name":"第{number}个项目"}}"#);
                    let (status, said) =
                        server.post("/api/v1/projects", token, &format!("c{number}"), &body);
                    assert_eq!(status, 201, "{said}");
                }
            });
        }
    });
}

fn fire(server: &Server, token: &str, project: u64, number: u32) {
    let body = format!(r#"{{"event":"record-facts","facts":{{"contract.year":{number}}}}}"#);
    let path = format!("/api/v1/projects/P-{project}/fire");
    let (status, said) = server.post(&path, token, &format!("f{number}"), &body);
    assert_eq!(status, 200, "{said}");
}
