//! What texts leave open, decided through the API and the command line.

use serde_json::Value as Json;

use crate::support::{Server, narrow, run};

fn json(body: &str) -> Json {
    serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {body}"))
}

/// The finding of an open point in what a project shows.
fn point<'j>(shown: &'j Json, issue: &str) -> &'j Json {
    let findings = shown["findings"].as_array().unwrap();
    let found = findings.iter().find(|f| f["rule"] == issue);
    found.unwrap_or_else(|| panic!("no {issue} in {shown}"))
}

#[test]
fn an_open_point_is_decided_for_one_project_and_for_a_jurisdiction() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let token = server.token.clone().unwrap();
    let facts =
        r#"{"townships":2,"stations":50,"survey.started":"2021-05-26","budget.total":"12500000"}"#;
    for code in ["A-1", "A-2"] {
        let create =
            format!(r#"{{"code":"{code}","name":"站点","province":"tianjin","facts":{facts}}}"#);
        assert_eq!(
            server.post("/api/v1/projects", &token, code, &create).0,
            201
        );
    }
    let issues = json(&server.get("/api/v1/provinces/tianjin/decisions", &token).1);
    let of_text: Vec<&str> = issues["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| issue["issue"].as_str().unwrap())
        .collect();
    assert_eq!(
        of_text,
        ["TJ-A1", "TJ-A2", "TJ-A3", "TJ-A4", "TJ-A5", "TJ-A6"]
    );

    let path = "/api/v1/projects/A-1/decisions";
    for (body, status, code) in [
        (
            r#"{"issue":"TJ-A9","option":"x","reason":"依据"}"#,
            422,
            "E-ISSUE-UNKNOWN",
        ),
        (
            r#"{"issue":"TJ-A4","option":"x","reason":"依据"}"#,
            422,
            "E-ISSUE-OPTION",
        ),
        (
            r#"{"issue":"TJ-A4","option":"floor","reason":" "}"#,
            422,
            "E-REASON",
        ),
        (r#"{"issue":"TJ-A4"}"#, 400, "E-JSON"),
    ] {
        let (found, answer) = server.post(path, &token, "bad", body);
        let answer = json(&answer);
        assert_eq!(
            (found, answer["code"].as_str()),
            (status, Some(code)),
            "{answer}"
        );
    }
    let own = r#"{"issue":"TJ-A4","option":"aim","reason":"本项目按目标"}"#;
    let (status, body) = server.post(path, &token, "own", own);
    assert_eq!(
        (status, json(&body)["version"].as_u64()),
        (200, Some(2)),
        "{body}"
    );

    let wide = r#"{"issue":"TJ-A4","option":"floor","reason":"市局答复"}"#;
    let (status, body) = server.post("/api/v1/provinces/tianjin/decisions", &token, "w", wide);
    assert_eq!(
        (status, json(&body)["projects_changed"].as_u64()),
        (200, Some(1)),
        "{body}"
    );
    let shown = |code: &str| json(&server.get(&format!("/api/v1/projects/{code}"), &token).1);
    assert_eq!(shown("A-1")["facts"]["decision.tj_a4"], "aim");
    assert_eq!(shown("A-2")["facts"]["decision.tj_a4"], "floor");
    let decided = json(&server.get("/api/v1/provinces/tianjin/decisions", &token).1);
    assert_eq!(decided["issues"][3]["decided"]["reason"], "市局答复");
    assert_eq!(
        server.get("/api/v1/provinces/atlantis/decisions", &token).0,
        404
    );
    assert_eq!(point(&shown("A-1"), "TJ-A4")["code"], "informative");
    // Taken back, the question is asked again, with what can be decided.
    let back = r#"{"issue":"TJ-A4","reason":"误记"}"#;
    assert_eq!(server.post(path, &token, "back", back).0, 200);
    let asked = shown("A-1");
    let open = point(&asked, "TJ-A4");
    assert_eq!(open["code"], "needs-decision");
    let options = open["options"].as_array().unwrap();
    let taken: Vec<&Json> = options.iter().filter(|o| o["taken"] == true).collect();
    assert_eq!((options.len(), taken.len()), (2, 1), "{open}");
    server.stop();

    let folder = data.path().to_str().unwrap();
    let listed = narrow(&["--data", folder, "decision", "list", "tianjin"]);
    assert!(listed.out.contains("市局答复"), "{}", listed.out);
    let back = [
        "--data", folder, "decision", "make", "tianjin", "TJ-A4", "--reason", "撤回",
    ];
    let said = run(&[&back[..], &["--json"]].concat());
    assert_eq!(said.json()["projects_changed"], 1, "{}", said.err);
    assert_eq!(run(&["--data", folder, "verify"]).code, 0);
}

#[test]
fn what_is_open_is_listed_without_a_database() {
    let nowhere = tempfile::tempdir().unwrap();
    let folder = nowhere.path().join("none");
    let said = narrow(&[
        "--data",
        folder.to_str().unwrap(),
        "decision",
        "list",
        "henan",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("HN-A3") && said.out.contains('●'),
        "{}",
        said.out
    );
    assert!(
        said.err.contains(folder.to_str().unwrap()),
        "where was looked is said: {}",
        said.err
    );
    assert!(!folder.exists(), "looking makes nothing");
}
