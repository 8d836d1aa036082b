//! The API over a real socket.

use std::thread;

use serde_json::Value as Json;

use crate::support::Server;

fn json(body: &str) -> Json {
    serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"))
}

#[test]
fn ten_duplicates_have_one_effect_and_one_answer() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().unwrap();
    let create = r#"{"code":"D-1","name":"十次"}"#;
    assert_eq!(server.post("/api/v1/projects", &token, "c", create).0, 201);
    let fire = r#"{"event":"finish-survey","facts":{"survey.finished":"2026-03-02"}}"#;
    let answers: Vec<(u16, String)> = thread::scope(|scope| {
        let one = || server.post("/api/v1/projects/D-1/fire", &token, "same", fire);
        let all: Vec<_> = (0..10).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|a| *a == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 200, "{}", answers[0].1);
    let shown = json(&server.get("/api/v1/projects/D-1", &token).1);
    assert_eq!(shown["version"], 2, "one effect");
    // The same key with another request is refused, and so is a repetition of the creation as another one.
    let other = r#"{"event":"approve-plan","facts":{"plan.approved":"2026-03-03"}}"#;
    let (status, body) = server.post("/api/v1/projects/D-1/fire", &token, "same", other);
    assert_eq!(
        (status, json(&body)["code"].as_str()),
        (409, Some("E-IDEMPOTENCY-KEY-REUSED"))
    );
    assert_eq!(
        server.post("/api/v1/projects", &token, "c", create).0,
        201,
        "the same answer again"
    );
    server.stop();
}

#[test]
fn a_stale_version_names_who_was_faster() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().unwrap();
    server.post(
        "/api/v1/projects",
        &token,
        "c",
        r#"{"code":"S-1","name":"版本"}"#,
    );
    let stale = r#"{"event":"finish-survey","facts":{"survey.finished":"2026-03-02"},"expected_version":5}"#;
    let (status, body) = server.post("/api/v1/projects/S-1/fire", &token, "k", stale);
    let problem = json(&body);
    assert_eq!(
        (status, problem["code"].as_str()),
        (409, Some("E-CONFLICT")),
        "{body}"
    );
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("changed by admin"),
        "{body}"
    );
    server.stop();
}

/// Ready, apart from a calendar whose next year has not been entered yet.
fn assert_ready(server: &Server) {
    let not_yet = || {
        let (status, body) = server.get("/readyz", "");
        let reasons = json(&body)["reasons"].as_array().unwrap().clone();
        let other = reasons
            .iter()
            .any(|reason| reason["code"] != "E-CALENDAR-COVERAGE");
        assert_eq!(status == 200, reasons.is_empty(), "{body}");
        // The worker may not have begun its first round.
        other
    };
    server.wait_for(|| !not_yet());
}

#[test]
fn one_process_does_everything_on_sqlite() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    for (arguments, code) in [
        (&["--roles", "web"][..], "E-ROLES"),
        (&["--roles", "worker"][..], "E-ROLES"),
        (&["--node", "a"][..], "E-NODE"),
        (&["--roles", "sealer"][..], "E-USAGE"),
        (&["--roles", ""][..], "E-USAGE"),
        (
            &["--database", "postgres://h/d", "--node", "a b"][..],
            "E-NODE",
        ),
        (
            &["--database", "postgres://h/d", "--node", ""][..],
            "E-NODE",
        ),
    ] {
        let said = crate::support::run(&[&["--data", folder, "serve"], arguments].concat());
        assert_eq!(said.code, 2, "{arguments:?}: {}", said.err);
        assert!(said.err.contains(code), "{arguments:?}: {}", said.err);
    }
    assert!(!data.path().join("liucheng.db").exists());
    std::fs::write(
        data.path().join("liucheng.toml"),
        "[database]\nlease-seconds = 1\n",
    )
    .unwrap();
    let said = crate::support::run(&["--data", folder, "serve"]);
    assert_eq!(said.code, 78, "{}", said.err);
    assert!(said.err.contains("database.lease-seconds"), "{}", said.err);
}

#[test]
fn a_server_tells_its_figures() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().unwrap();
    // Overdue since 2021: reminders go out at once.
    let body = r#"{"code":"M-1","name":"指标","province":"ningxia-yuanzhou","facts":{"award.notice_issued":"2021-08-27"},"contacts":{"officer":["o@m.example"]}}"#;
    assert_eq!(server.post("/api/v1/projects", &token, "c", body).0, 201);
    let figure = |name: &str| {
        let (status, page) = server.get("/metrics", "");
        assert_eq!(status, 200, "{page}");
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    server.wait_for(|| figure(r#"liucheng_mail_attempts_total{result="sent"}"#) >= 1.0);
    assert!(figure("liucheng_timer_late_seconds_count") >= 1.0);
    assert!(figure("liucheng_worker_seen_age_seconds") < 60.0);
    assert!(figure(r#"liucheng_commands_total{command="create",code="ok"}"#) >= 1.0);
    assert!(figure(r#"liucheng_build_info{version="0.1.0"}"#) >= 1.0);
    server.stop();
}

#[test]
fn strangers_and_nonsense_get_problems() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().unwrap();
    assert_eq!(server.get("/livez", "").0, 200);
    assert_ready(&server);
    assert_eq!(server.get("/api/v1/projects", "lc_wrong").0, 401);
    assert_eq!(server.get("/api/v1/projects/X-1", &token).0, 404);
    assert_eq!(server.get("/nowhere", &token).0, 404);
    for (body, status, code) in [
        ("{", 400, "E-JSON"),
        (r#"{"code":"X-1","name":"x","colour":"red"}"#, 400, "E-JSON"),
        (
            r#"{"code":"X-1","name":"x","facts":{"budget.total":"-1"}}"#,
            400,
            "E-MONEY-NEGATIVE",
        ),
        (
            r#"{"code":"X-1","name":"x","facts":{"survey.started":"2021-02-30"}}"#,
            400,
            "E-DATE-INVALID",
        ),
    ] {
        let (found, text) = server.post("/api/v1/projects", &token, "n", body);
        assert_eq!(found, status, "{body}: {text}");
        assert_eq!(json(&text)["code"], code, "{body}: {text}");
    }
    // A second process on the same folder is refused with the reason; reading beside it works.
    let folder = data.path().to_str().unwrap();
    let second = crate::support::run(&[
        "--data", folder, "project", "create", "--code", "Z", "--name", "z",
    ]);
    assert_eq!(second.code, 69);
    assert!(second.err.contains("E-STORE-LOCKED"), "{}", second.err);
    assert_eq!(
        crate::support::run(&["--data", folder, "project", "list"]).code,
        0
    );
    server.stop();
}
