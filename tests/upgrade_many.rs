//! Another version of a package that a thousand open projects go by: shown, made, taken back.

use std::time::Instant;

use serde_json::Value as Json;

use crate::support::{
    Server,
    package::{Copy, Data, ID},
};

const COUNT: usize = 1_000;
/// Projects whose component was asked before.
const ASKED: usize = 20;

/// An obligation with a date that differs between versions.
fn dated(day: &str) -> String {
    format!(
        "[[obligation]]\nid = \"yearly-report\"\nrule = \"XX-02\"\ntitle = {{ zh = \"报告\", en = \"report\" }}\n\
         force = \"mandatory\"\ndate = \"{day}\"\nmet-by = [\"contract.filed\"]\nresponsible = \"officer\"\nladder = \"statutory\"\n"
    )
}

fn timed(what: &str, act: impl FnOnce() -> Json) -> Json {
    let started = Instant::now();
    let said = act();
    println!("{what}: {:.2} s", started.elapsed().as_secs_f64());
    said
}

fn code(n: usize) -> String {
    format!("P-{n:04}")
}

fn open_projects(data: &Data) {
    let server = Server::start(data.0.path());
    let token = server.token.clone().unwrap();
    let post = |path: &str, key: &str, body: &str| {
        let (status, said) = server.post(path, &token, key, body);
        assert!(status < 300, "{path} {status} {said}");
    };
    for n in 0..COUNT {
        let code = code(n);
        let body = format!(r#"{{"code":"{code}","name":"示例","province":"{ID}"}}"#);
        post("/api/v1/projects", &code, &body);
        if n >= ASKED {
            continue;
        }
        for (event, facts) in [
            ("finish-survey", r#"{"survey.finished":"2026-03-02"}"#),
            ("approve-plan", r#"{"plan.approved":"2026-03-03"}"#),
            (
                "confirm-budget",
                r#"{"budget.total":"40000","budget.fund_base":"1000000","budget.confirmed":"2026-03-04"}"#,
            ),
        ] {
            let body = format!(r#"{{"event":"{event}","facts":{facts}}}"#);
            let path = format!("/api/v1/projects/{code}/fire");
            post(&path, &format!("{code}-{event}"), &body);
        }
    }
    server.stop();
}

/// `cargo test --workspace --release --test it -- --ignored --nocapture a_thousand`
#[test]
#[ignore = "half a minute; prints its figures"]
fn a_thousand_open_projects_are_shown_upgraded_and_taken_back() {
    let data = Data::new();
    let first = Copy::new();
    first.append("overlay.toml", &dated("2090-12-31"));
    let installed = data.install(first.folder.path());
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    timed("open 1,000 projects over HTTP, one at a time", || {
        open_projects(&data);
        Json::Null
    });
    let json = |args: &[&str]| {
        let said = data.run(&[args, &["--json"]].concat());
        assert_eq!(said.code, 0, "{args:?}: {}", said.err);
        said.json()
    };
    // What a project goes by: its package's version, and the date that the versions differ in.
    let by = |n: usize| {
        let shown = json(&["project", "show", &code(n)]);
        let duties = shown["obligations"].as_array().unwrap().clone();
        let report = duties.into_iter().find(|o| o["key"] == "yearly-report");
        let version = shown["package"]["version"].as_str().unwrap().to_owned();
        (version, report.unwrap()["due"].as_str().unwrap().to_owned())
    };
    let old = || ("0.1.0".to_owned(), "2090-12-31".to_owned());
    let new = || ("0.2.0".to_owned(), "2090-11-30".to_owned());

    let second = Copy::new();
    second.append("overlay.toml", &dated("2090-11-30"));
    second.edit("overlay.toml", "value = \"3\"", "value = \"5\"");
    second.next_version();
    let path = second.folder.path().to_str().unwrap();
    let dry = timed("dry run of the installation", || {
        json(&["plugin", "install", path, "--dry-run"])
    });
    let changes = dry["changes"].as_array().unwrap();
    assert_eq!(changes.len(), COUNT);
    let moved = |change: &&Json| change["dates"][0]["after"] == "2090-11-30";
    assert_eq!(changes.iter().filter(moved).count(), COUNT);
    timed("installation with its dry run", || {
        json(&["plugin", "install", path, "--reason", "新办法"])
    });
    assert_eq!(by(ASKED), old(), "an open project keeps its version");

    let all = ["plugin", "upgrade", "--all", ID];
    let shown = timed("dry run of the upgrade", || {
        json(&[&all[..], &["--dry-run"]].concat())
    });
    assert_eq!(shown["changes"].as_array().unwrap().len(), COUNT);
    let upgraded = timed("upgrade", || {
        json(&[&all[..], &["--reason", "新办法"]].concat())
    });
    let done = |said: &Json| {
        let projects = said["projects"].as_array().unwrap().iter();
        projects.filter(|p| p["changed"] == true).count()
    };
    assert_eq!(done(&upgraded), COUNT, "{upgraded}");
    assert_eq!((by(0), by(COUNT - 1)), (new(), new()));
    // What was decided before is what the old component said, and it says so again.
    let replayed = json(&["plugin", "replay", &code(0)]);
    assert_eq!(replayed["verdicts"][0]["package"]["version"], "0.1.0");
    let count = replayed["verdicts"].as_array().unwrap().len();
    assert_eq!(replayed["same"], count, "{replayed}");

    let back = timed("taking it back", || {
        json(&[&all[..], &["--back", "--reason", "有误"]].concat())
    });
    assert_eq!(back["changed"], COUNT, "{back}");
    assert_eq!((by(0), by(COUNT - 1)), (old(), old()));
    let replayed = json(&["plugin", "replay", &code(0)]);
    let count = replayed["verdicts"].as_array().unwrap().len();
    assert_eq!(replayed["same"], count, "{replayed}");
    timed("verify", || json(&["verify"]));
}
