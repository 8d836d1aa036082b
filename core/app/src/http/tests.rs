//! The API over a real socket and a real store.

mod bad;
mod support;

use std::{sync::Arc, time::Duration};

use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt;

use support::{BOB, Reply, Server};

use super::{AppState, Node, Roles};
use crate::config::{CalendarReadiness, ReadyConfig};

const FINISH: &str = r#"{"event":"finish-survey","facts":{"survey.finished":"2021-09-01","budget.total":"5450000"}}"#;

async fn create(server: &Server, code: &str) -> Reply {
    let body = json!({
        "code": code,
        "name": "原州区社工站",
        "facts": {"supplier": {"name": "某社工中心"}},
        "contacts": {"officer": ["office@county.example"], "contractor": ["c@test.example"]},
    });
    let reply = server.ask("POST /api/v1/projects", &body.to_string()).await;
    assert_eq!(reply.status, 201, "{reply}");
    reply
}

/// Ids come from the clock and the code, so even they are the same in every run.
#[tokio::test]
async fn a_project_is_opened_fired_and_shown() {
    let server = Server::on("2021-09-02").await;
    let opened = create(&server, "YZ-2021").await;
    assert_eq!(opened.header("etag"), "\"1\"");
    let shown = server
        .ask(&format!("GET {}", opened.header("location")), "")
        .await;
    assert_eq!(
        (shown.status, shown.header("etag")),
        (200, "\"1\""),
        "{shown}"
    );

    let fired = server
        .ask(
            "POST /api/v1/projects/YZ-2021/fire\nIf-Match: \"1\"",
            FINISH,
        )
        .await;
    assert_eq!(
        (fired.status, fired.header("etag")),
        (200, "\"2\""),
        "{fired}"
    );
    assert_eq!(fired.json()["possible"], json!(["note", "approve-plan"]));

    let shown = server.ask("GET /api/v1/projects/YZ-2021", "").await;
    assert_eq!(shown.header("cache-control"), "no-store");
    insta::assert_snapshot!("shown", pretty(&shown.json()));
    assert!(
        !shown.body.contains("office@county.example"),
        "roles only, no addresses"
    );
    // The same project a week later: the version is the same, the days are not.
    server.clock.advance_to(liucheng_engine::ports::Instant::at(
        "2021-09-09".parse().unwrap(),
        chrono::NaiveTime::MIN,
    ));
    let later = server.ask("GET /api/v1/projects/YZ-2021", "").await.json();
    assert_eq!(later["obligations"][0]["overdue"], true);
    assert_eq!(later["obligations"][0]["days_left"], -3);
    server.stop().await;
}

fn pretty(json: &Json) -> String {
    let mut json = json.clone();
    if let Some(digest) = json.pointer_mut("/definition/digest") {
        *digest = json!("[sha256]");
    }
    serde_json::to_string_pretty(&json).unwrap()
}

#[tokio::test]
async fn the_history_shows_everything_but_addresses() {
    let server = Server::on("2021-09-02").await;
    create(&server, "YZ-2021").await;
    server
        .ask("POST /api/v1/projects/YZ-2021/fire", FINISH)
        .await;
    let mut history = server
        .ask("GET /api/v1/projects/YZ-2021/history", "")
        .await
        .json();
    assert!(!history.to_string().contains("office@county.example"));
    assert_eq!(history["next"], Json::Null);
    history["records"][0]["events"][0]["definition"]["digest"] = json!("[sha256]");
    insta::assert_snapshot!("history", serde_json::to_string_pretty(&history).unwrap());
    let first = server
        .ask("GET /api/v1/projects/YZ-2021/history?limit=1", "")
        .await
        .json();
    assert_eq!(
        (&first["next"], first["records"].as_array().unwrap().len()),
        (&json!(1), 1)
    );
    let second = server
        .ask("GET /api/v1/projects/YZ-2021/history?limit=1&after=1", "")
        .await
        .json();
    assert_eq!(
        (&second["next"], &second["records"][0]["seq"]),
        (&Json::Null, &json!(2))
    );
    let beyond = server
        .ask(
            &format!("GET /api/v1/projects/YZ-2021/history?after={}", u64::MAX),
            "",
        )
        .await;
    assert_eq!(
        (beyond.status, &beyond.json()["records"]),
        (200, &json!([]))
    );
}

#[tokio::test]
async fn lists_come_in_pages() {
    let server = Server::on("2021-09-02").await;
    for code in ["C", "A", "甲&乙", "B"] {
        create(&server, code).await;
    }
    let page = async |query: &str| {
        let page = server
            .ask(&format!("GET /api/v1/projects{query}"), "")
            .await
            .json();
        let codes = page["projects"].as_array().unwrap().iter();
        (
            codes
                .map(|p| p["code"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
            page["next"].clone(),
        )
    };
    assert_eq!(
        page("?limit=2").await,
        (vec!["A".to_owned(), "B".to_owned()], json!("B"))
    );
    assert_eq!(
        page("?limit=2&after=B").await,
        (vec!["C".to_owned(), "甲&乙".to_owned()], Json::Null)
    );
    assert_eq!(
        page("?after=%E7%94%B2%26%E4%B9%99").await,
        (vec![], Json::Null)
    );
    let shown = server
        .ask("GET /api/v1/projects/%E7%94%B2%26%E4%B9%99", "")
        .await;
    assert_eq!(shown.json()["code"], "甲&乙");
}

#[tokio::test]
async fn a_stale_version_names_who_was_faster() {
    let server = Server::on("2021-09-02").await;
    create(&server, "P").await;
    let note = r#"{"event":"note"}"#;
    assert_eq!(
        server
            .ask("POST /api/v1/projects/P/fire\nIf-Match: \"1\"", note)
            .await
            .status,
        200
    );
    let stale = server
        .ask("POST /api/v1/projects/P/fire\nIf-Match: \"1\"", note)
        .await;
    assert_eq!(
        (stale.status, stale.code().as_str(), stale.header("etag")),
        (409, "E-CONFLICT", "\"2\"")
    );
    let detail = stale.json()["detail"].to_string();
    assert!(
        detail.contains("changed by amy at 2021-09-02T09:00:00+08:00"),
        "{detail}"
    );
    let in_body = server
        .ask(
            "POST /api/v1/projects/P/fire",
            r#"{"event":"note","expected_version":1}"#,
        )
        .await;
    assert_eq!(in_body.code(), "E-CONFLICT");
    let both = server
        .ask(
            "POST /api/v1/projects/P/fire\nIf-Match: \"2\"",
            r#"{"event":"note","expected_version":1}"#,
        )
        .await;
    assert_eq!((both.status, both.code().as_str()), (400, "E-IF-MATCH"));
    assert_eq!(
        server.ask("GET /api/v1/projects/P", "").await.json()["version"],
        2
    );
}

#[tokio::test]
async fn a_nul_is_refused_where_it_stands() {
    let server = Server::on("2021-09-02").await;
    for head in [
        "GET /api/v1/projects/A%00",
        "GET /api/v1/projects?after=A%00",
    ] {
        let reply = server.ask(head, "").await;
        assert_eq!(reply.status, 400, "{head}");
    }
    let head = "POST /api/v1/projects";
    let refused = server
        .ask(head, r#"{"code":"P","name":"n\u0000","contacts":{}}"#)
        .await;
    assert_eq!((refused.status, refused.code().as_str()), (400, "E-JSON"));
    assert!(refused.json().to_string().contains("/name"), "{refused:?}");
    // Six characters after a backslash that stands for itself.
    let kept = server.ask(head, r#"{"code":"P","name":"n\\u0000"}"#).await;
    assert_eq!(kept.status, 201, "{kept:?}");
}

async fn ten_times(server: &Arc<Server>, head: &'static str, body: &'static str) -> Vec<Reply> {
    let one = |_| {
        let server = Arc::clone(server);
        tokio::spawn(async move { server.ask(head, body).await })
    };
    let mut replies = Vec::new();
    for task in (0..10).map(one).collect::<Vec<_>>() {
        let mut reply = task.await.unwrap();
        // The name of the request and the time differ, nothing else may.
        reply
            .headers
            .retain(|name, _| name != "x-request-id" && name != "date");
        replies.push(reply);
    }
    replies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_duplicates_have_one_effect_and_one_answer() {
    let server = Arc::new(Server::on("2021-09-02").await);
    let body = r#"{"code":"P","name":"n"}"#;
    let opened = ten_times(&server, "POST /api/v1/projects\nIdempotency-Key: k1", body).await;
    assert!(
        opened.iter().all(|r| r.status == 201 && *r == opened[0]),
        "{opened:#?}"
    );
    let fired = ten_times(
        &server,
        "POST /api/v1/projects/P/fire\nIdempotency-Key: k2",
        r#"{"event":"note"}"#,
    )
    .await;
    assert!(
        fired.iter().all(|r| r.status == 200 && *r == fired[0]),
        "{fired:#?}"
    );
    let shown = server.ask("GET /api/v1/projects/P", "").await.json();
    assert_eq!(shown["version"], 2, "one effect each");
    let other = server
        .ask(
            "POST /api/v1/projects/P/fire\nIdempotency-Key: k2",
            r#"{"event":"approve-plan"}"#,
        )
        .await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (409, "E-IDEMPOTENCY-KEY-REUSED")
    );
    let other = r#"{"code":"P","name":"another"}"#;
    let other = server
        .ask("POST /api/v1/projects\nIdempotency-Key: k1", other)
        .await;
    assert_eq!(
        (other.status, other.code().as_str()),
        (409, "E-IDEMPOTENCY-KEY-REUSED")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_duplicates_of_one_version_are_no_conflict() {
    let server = Arc::new(Server::on("2021-09-02").await);
    create(&server, "P").await;
    let head = "POST /api/v1/projects/P/fire\nIdempotency-Key: k\nIf-Match: \"1\"";
    let fired = ten_times(&server, head, r#"{"event":"note"}"#).await;
    assert!(
        fired.iter().all(|r| r.status == 200 && *r == fired[0]),
        "{fired:#?}"
    );
}

#[tokio::test]
async fn roles_come_with_the_token() {
    let server = Server::on("2021-09-02").await;
    create(&server, "P").await;
    let head = format!(
        "POST /api/v1/projects/P/fire\nAuthorization: bearer {BOB}\nContent-Type: application/json"
    );
    let refused = server.raw(&head, br#"{"event":"note"}"#).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "E-ROLE"));
    let head = format!("GET /api/v1/projects/P\nAuthorization: Bearer {BOB}");
    assert_eq!(server.raw(&head, b"").await.status, 200);
}

#[tokio::test]
async fn health_needs_no_token() {
    let server = Server::on("2021-09-02").await;
    assert_eq!(
        server.raw("GET /livez", b"").await.json()["status"],
        "alive"
    );
    let ready = server.raw("GET /readyz", b"").await;
    assert_eq!(
        (ready.status, ready.json()),
        (
            200,
            json!({"status": "ready", "reasons": [], "warnings": []})
        )
    );
    // The calendar ends with 2026: dates beyond it are guesses, and somebody has to enter the next year.
    let server = Server::on("2026-11-22").await;
    let soon = server.raw("GET /readyz", b"").await;
    assert_eq!(
        (soon.status, &soon.json()["reasons"][0]["code"]),
        (503, &json!("E-CALENDAR-COVERAGE"))
    );
    let accepted = |state| accepting_short_calendars(state);
    let server = Server::with("2026-11-22", accepted).await;
    let soon = server.raw("GET /readyz", b"").await;
    assert_eq!(
        (soon.status, &soon.json()["warnings"][0]["code"]),
        (200, &json!("E-CALENDAR-COVERAGE"))
    );
    // Nobody can accept a calendar that does not know today.
    let server = Server::with("2027-01-01", accepted).await;
    let past = server.raw("GET /readyz", b"").await;
    assert_eq!(
        (past.status, &past.json()["reasons"][0]["code"]),
        (503, &json!("E-CALENDAR-COVERAGE"))
    );
}

fn accepting_short_calendars(mut state: AppState) -> AppState {
    let ready = ReadyConfig {
        calendar: CalendarReadiness::Warn,
        ..state.node.ready
    };
    state.node = Arc::new(Node::new(state.node.roles, ready));
    state
}

#[tokio::test]
async fn a_worker_that_never_began_makes_its_node_unready() {
    let server = Server::with("2021-09-02", |mut state| {
        let roles = Roles {
            web: true,
            worker: true,
        };
        state.node = Arc::new(Node::new(roles, ReadyConfig::default()));
        state
    })
    .await;
    let ready = server.raw("GET /readyz", b"").await;
    assert_eq!(
        (ready.status, &ready.json()["reasons"][0]["code"]),
        (503, &json!("E-WORKER"))
    );
}

#[tokio::test]
async fn a_node_without_the_api_is_watched_all_the_same() {
    let server = Server::with("2021-09-02", |mut state| {
        let roles = Roles {
            web: false,
            worker: false,
        };
        state.node = Arc::new(Node::new(roles, ReadyConfig::default()));
        state
    })
    .await;
    for (path, status) in [("livez", 200), ("readyz", 200), ("metrics", 200)] {
        assert_eq!(
            server.raw(&format!("GET /{path}"), b"").await.status,
            status
        );
    }
    let refused = server.ask("GET /api/v1/projects", "").await;
    assert_eq!((refused.status, refused.code().as_str()), (404, "E-ROUTE"));
    assert!(refused.body.contains("role web"), "{refused}");
}

/// Lines that begin so; a figure is the last word.
fn figure(page: &Reply, name: &str) -> f64 {
    let prefix = format!("{name} ");
    let line = page.body.lines().find(|line| line.starts_with(&prefix));
    let line = line.unwrap_or_else(|| panic!("no {name} in {page}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn figures_are_counted_and_name_nobody() {
    let server = Server::on("2021-09-02").await;
    create(&server, "YZ-2021").await;
    let fired = server
        .ask("POST /api/v1/projects/YZ-2021/fire", FINISH)
        .await;
    assert_eq!(fired.status, 200);
    let again = server
        .ask("POST /api/v1/projects/YZ-2021/fire", FINISH)
        .await;
    assert_eq!(again.status, 422, "{again}");
    let page = server.raw("GET /metrics", b"").await;
    assert_eq!(page.status, 200, "{page}");
    assert!(
        page.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    assert!(page.body.ends_with("# EOF\n"), "{page}");
    for (name, least) in [
        (
            r#"liucheng_commands_total{command="create",code="ok"}"#,
            1.0,
        ),
        (r#"liucheng_commands_total{command="fire",code="ok"}"#, 1.0),
        (
            r#"liucheng_commands_total{command="fire",code="E-EVENT-NOT-NOW"}"#,
            1.0,
        ),
        ("liucheng_command_seconds_count", 3.0),
        (r#"liucheng_command_seconds_bucket{le="+Inf"}"#, 3.0),
        ("liucheng_store_changes_total", 2.0),
        ("liucheng_store_transactions_total", 2.0),
        ("liucheng_store_group_operations_count", 2.0),
        ("liucheng_store_log_bytes", 1.0),
        (r#"liucheng_store_connections{state="max"}"#, 1.0),
        ("liucheng_ready", 1.0),
        ("liucheng_calendar_days_left", 1_000.0),
    ] {
        assert!(figure(&page, name) >= least, "{name}: {page}");
    }
    for zero in [
        "liucheng_store_full",
        "liucheng_store_stopped",
        "liucheng_timer_late_seconds_count",
        "liucheng_outbox_dead",
        "liucheng_outbox_pending",
        "liucheng_timer_overdue_seconds",
        r#"liucheng_mail_attempts_total{result="sent"}"#,
    ] {
        assert_eq!(figure(&page, zero), 0.0, "{zero}: {page}");
    }
    for personal in [
        "YZ-2021",
        "原州",
        "社工",
        "county.example",
        "5450000",
        "amy",
    ] {
        assert!(!page.body.contains(personal), "{personal}: {page}");
    }
}

#[tokio::test]
async fn figures_leave_the_machine_with_a_token_only() {
    let server = Server::on("2021-09-02").await;
    let through_a_proxy = "GET /metrics\nX-Forwarded-For: 203.0.113.9";
    let refused = server.raw(through_a_proxy, b"").await;
    assert_eq!((refused.status, refused.code().as_str()), (401, "E-AUTH"));
    let contractor = format!("{through_a_proxy}\nAuthorization: Bearer {BOB}");
    let refused = server.raw(&contractor, b"").await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "E-ROLE"));
    assert_eq!(server.ask(through_a_proxy, "").await.status, 200);
}

#[tokio::test]
async fn a_slow_request_ends_with_a_problem() {
    let server = Server::with("2021-09-02", |mut state| {
        state.request_max = Duration::from_millis(200);
        state
    })
    .await;
    let mut stream = server.connect().await;
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{",
        support::AMY
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut answer)
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(
        answer.starts_with("HTTP/1.1 503") && answer.contains("E-TIMEOUT"),
        "{answer}"
    );
}

#[tokio::test]
async fn stopping_waits_for_requests_but_not_for_idlers() {
    let server = Server::on("2021-09-02").await;
    let _idle = server.connect().await;
    tokio::time::timeout(Duration::from_secs(5), server.stop())
        .await
        .unwrap();
}
