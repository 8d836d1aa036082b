//! Everything wrong gets one coded problem, and nothing panics.

use proptest::{
    prelude::{any, prop},
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use super::support::{AMY, Server};

#[tokio::test]
async fn every_error_is_a_problem() {
    let server = Server::on("2021-09-02").await;
    super::create(&server, "P").await;
    let mut seen = String::new();
    for (head, body) in [
        ("GET /nowhere", ""),
        ("DELETE /api/v1/projects", ""),
        ("GET /api/v1/projects/P/fire", ""),
        ("GET /api/v1/projects/nobody", ""),
        ("GET /api/v1/projects/%FF", ""),
        ("GET /api/v1/projects?limit=0", ""),
        ("GET /api/v1/projects?limit=201", ""),
        ("GET /api/v1/projects?limit=ten", ""),
        ("GET /api/v1/projects?colour=red", ""),
        ("GET /api/v1/projects/P/history?after=-1", ""),
        ("POST /api/v1/projects", ""),
        ("POST /api/v1/projects", "{"),
        ("POST /api/v1/projects", "[]"),
        ("POST /api/v1/projects", r#" ["A","n","",{},{}]"#),
        ("POST /api/v1/projects", "7"),
        ("POST /api/v1/projects", r#"{"code":"A","name":"n"} x"#),
        ("POST /api/v1/projects", r#"{"code":"A"}"#),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","colour":"red"}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","contacts":{"officer":[7]}}"#,
        ),
        ("POST /api/v1/projects", r#"{"code":"","name":"n"}"#),
        ("POST /api/v1/projects", r#"{"code":"P","name":"n"}"#),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"survey.finished":"2021-02-30"}}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"budget.total":"-1"}}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"budget.total":"1.005"}}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"budget.total":1.5}}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"supplier":{"nmae":"x"}}}"#,
        ),
        (
            "POST /api/v1/projects",
            r#"{"code":"A","name":"n","facts":{"budget.totl":"1"}}"#,
        ),
        (
            "POST /api/v1/projects\nIdempotency-Key: a\nIdempotency-Key: b",
            r#"{"code":"A","name":"n"}"#,
        ),
        (
            "POST /api/v1/projects\nIdempotency-Key: é",
            r#"{"code":"A","name":"n"}"#,
        ),
        (
            "POST /api/v1/projects/P/fire",
            r#"{"event":"finish-survy"}"#,
        ),
        (
            "POST /api/v1/projects/P/fire",
            r#"{"event":"approve-plan"}"#,
        ),
        (
            "POST /api/v1/projects/P/fire",
            r#"{"event":"finish-survey"}"#,
        ),
        (
            "POST /api/v1/projects/P/fire",
            r#"{"event":"note","facts":{"plan.approved":"2021-09-01"}}"#,
        ),
        (
            "POST /api/v1/projects/P/fire",
            r#"{"event":"note","expected_version":-1}"#,
        ),
        (
            "POST /api/v1/projects/P/fire\nIf-Match: 1",
            r#"{"event":"note"}"#,
        ),
    ] {
        let reply = server.ask(head, body).await;
        reply.code();
        let mut problem = reply.json();
        assert_eq!(
            problem["type"],
            json!(format!(
                "urn:liucheng:error:{}",
                problem["code"].as_str().unwrap()
            ))
        );
        assert!(!problem["hints"][0].as_str().unwrap().is_empty(), "{reply}");
        problem
            .as_object_mut()
            .unwrap()
            .retain(|key, _| !["type", "instance", "title"].contains(&key.as_str()));
        seen.push_str(&format!(
            "{} {body}\n  {problem}\n",
            head.replace('\n', " | ")
        ));
    }
    insta::assert_snapshot!("problems", seen);
    let shown = server.ask("GET /api/v1/projects", "").await.json();
    assert_eq!(
        shown["projects"].as_array().unwrap().len(),
        1,
        "nothing was written"
    );
    assert_eq!(shown["projects"][0]["version"], 1, "nothing was written");
}

#[tokio::test]
async fn a_problem_in_full() {
    let server = Server::on("2021-09-02").await;
    super::create(&server, "P").await;
    let reply = server
        .ask(
            "POST /api/v1/projects/P/fire?x=1",
            r#"{"event":"finish-survey"}"#,
        )
        .await;
    assert_eq!(reply.status, 422);
    insta::assert_snapshot!(
        "problem",
        serde_json::to_string_pretty(&reply.json()).unwrap()
    );
    let reply = server.ask("PATCH /api/v1/projects/P", "").await;
    assert_eq!(
        (reply.code().as_str(), reply.header("allow")),
        ("E-METHOD", "GET,HEAD")
    );
    assert_eq!(reply.json()["instance"], "/api/v1/projects/P");
}

#[tokio::test]
async fn strangers_are_turned_away_first() {
    let server = Server::on("2021-09-02").await;
    for header in [
        "X: y",
        "Authorization: Basic YTpi",
        "Authorization: Bearer",
        "Authorization: Bearer  ",
    ] {
        let reply = server
            .raw(&format!("POST /api/v1/projects\n{header}"), b"{")
            .await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (401, "E-AUTH"),
            "{header}"
        );
        assert_eq!(
            reply.header("www-authenticate"),
            "Bearer realm=\"liucheng\""
        );
    }
    let reply = server
        .raw(
            "GET /api/v1/projects/X\nAuthorization: Bearer lc_wrong",
            b"",
        )
        .await;
    assert_eq!(reply.code(), "E-AUTH");
    assert!(
        reply
            .header("www-authenticate")
            .ends_with("error=\"invalid_token\"")
    );
    assert!(!reply.body.contains("lc_wrong"));
}

#[tokio::test]
async fn bodies_have_a_type_and_a_size() {
    let server = Server::on("2021-09-02").await;
    let auth = format!("Authorization: Bearer {AMY}");
    for kind in [
        "X: y",
        "Content-Type: text/plain",
        "Content-Type: application/jsonx",
        "Content-Type: \u{e9}",
    ] {
        let reply = server
            .raw(&format!("POST /api/v1/projects\n{auth}\n{kind}"), b"{}")
            .await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (415, "E-MEDIA-TYPE"),
            "{kind}"
        );
    }
    let kind = "Content-Type: application/JSON; charset=utf-8";
    let head = format!("POST /api/v1/projects\n{auth}\n{kind}");
    assert_eq!(
        server
            .raw(&head, br#"{"code":"A","name":"n"}"#)
            .await
            .status,
        201
    );
    let large = server.raw(&head, " ".repeat(1_000_001).as_bytes()).await;
    assert_eq!((large.status, large.code().as_str()), (413, "E-BODY-SIZE"));
    let deep = server.raw(&head, "[".repeat(100_000).as_bytes()).await;
    assert_eq!(deep.code(), "E-JSON");
}

/// Bytes of all kinds, and JSON that is almost right.
#[tokio::test]
async fn arbitrary_bytes_never_break_the_server() {
    let server = Server::on("2021-09-02").await;
    super::create(&server, "P").await;
    let bytes = prop::collection::vec(any::<u8>(), 0..200);
    let near = r#"\{"(event|facts|code|name|expected_version)":("[a-z.]{0,9}"|[0-9]{1,25}|\{"[a-z.]{0,9}":(null|1e9|"x"|\[\])\})\}"#;
    let bodies = proptest::prop_oneof![bytes, near.prop_map(String::into_bytes)];
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for round in 0..300 {
        let body = bodies.new_tree(&mut runner).unwrap().current();
        let path = if round % 2 == 0 {
            "/api/v1/projects"
        } else {
            "/api/v1/projects/P/fire"
        };
        let head =
            format!("POST {path}\nAuthorization: Bearer {AMY}\nContent-Type: application/json");
        let reply = server.raw(&head, &body).await;
        assert!(
            (400..500).contains(&reply.status),
            "{} for {:?}",
            reply,
            String::from_utf8_lossy(&body)
        );
        reply.code();
    }
}
