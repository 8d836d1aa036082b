//! A step that only one province has, and components that cannot answer, through the API and the command line.

use std::fs;

use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection};

use crate::support::{Server, package::Data, run};

#[path = "../core/plugin-host/tests/support/step.rs"]
mod step;
#[path = "../core/plugin-host/tests/support/wat.rs"]
mod wat;

const ID: &str = "step-county";

/// A data folder with the package; its rule has that force.
fn installed(force: &str) -> Data {
    let data = Data::new();
    let fixture = step::step_fixture(ID, "0.1.0");
    let component = ::wat::parse_str(fixture.wat()).unwrap();
    let digest = Sha256::digest(&component);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = wat::manifest([ID, fixture.version], fixture.listed, &digest);
    let manifest = manifest.replace("[component]", "overlay = \"overlay.toml\"\n[component]");
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("plugin.toml", manifest.as_bytes());
    let mut overlay = step::step_overlay(ID, force);
    if force == "law" {
        overlay += LAW;
    }
    write("overlay.toml", overlay.as_bytes());
    write(&format!("{ID}.wasm"), &component);
    fs::create_dir(folder.path().join("cases")).unwrap();
    write("cases/step.toml", CASES.as_bytes());
    let said = data.install(folder.path());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    data
}

/// An element that acts on the rule of law.
const LAW: &str = r#"
[[check]]
id = "reviewed"
rule = "XX-1"
on = ["approve-plan"]
holds = "has(step.opinion)"
message = { zh = "未经审核", en = "Not reviewed" }
"#;

const CASES: &str = r#"
[[case]]
name = "without an opinion it waits"
hook = "step"
today = 2026-03-02
transition = "county-review"

[[case.expect.findings]]
code = "input-required"
rule = "XX-1"
facts = ["step.opinion"]

[[case]]
name = "with one it goes on"
hook = "step"
today = 2026-03-02
transition = "county-review"

[case.facts]
"step.opinion" = 2026-03-01

[case.expect]
next = "county-review"

[case.expect.facts]
"step.result" = "agreed"
"#;

struct Api {
    server: Server,
    token: String,
}

impl Api {
    fn on(data: &Data) -> Self {
        let server = Server::start(data.0.path());
        let token = server.token.clone().unwrap();
        Self { server, token }
    }

    /// Brings a new project to the step.
    fn open(&self, code: &str) {
        let body = format!(
            r#"{{"code":"{code}","name":"示例","province":"{ID}","contacts":{{"officer":["o@county.example"]}}}}"#
        );
        let (status, said) = self
            .server
            .post("/api/v1/projects", &self.token, code, &body);
        assert_eq!(status, 201, "{said}");
        let facts = r#"{"survey.finished":"2026-03-02"}"#;
        let (status, said) = self.fire(code, "finish-survey", facts, None);
        assert_eq!(
            (status, &said["states"]["lifecycle"]),
            (200, &ID_STATE.into()),
            "{said}"
        );
    }

    fn fire(
        &self,
        code: &str,
        event: &str,
        facts: &str,
        waive: Option<&str>,
    ) -> (u16, serde_json::Value) {
        let waive = waive.map_or_else(String::new, |why| format!(r#","waive":"{why}""#));
        let body = format!(r#"{{"event":"{event}","facts":{facts}{waive}}}"#);
        let path = format!("/api/v1/projects/{code}/fire");
        let key = format!("{code}-{event}-{facts}-{waive}");
        let key: String = Sha256::digest(key.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (status, said) = self.server.post(&path, &self.token, &key, &body);
        (status, serde_json::from_str(&said).unwrap())
    }

    fn show(&self, code: &str) -> serde_json::Value {
        let (status, said) = self
            .server
            .get(&format!("/api/v1/projects/{code}"), &self.token);
        assert_eq!(status, 200, "{said}");
        serde_json::from_str(&said).unwrap()
    }
}

const ID_STATE: &str = "county-review";

#[test]
fn a_step_is_decided_by_its_component_through_the_api_and_the_command_line() {
    let data = installed("mandatory");
    let api = Api::on(&data);
    api.open("S-1");
    let (status, said) = api.fire("S-1", ID_STATE, "{}", None);
    assert_eq!(status, 200, "{said}");
    assert_eq!(said["findings"][0]["rule"], "XX-1", "{said}");
    assert_eq!(said["states"]["lifecycle"], ID_STATE);
    let shown = api.show("S-1");
    let duties = shown["obligations"].as_array().unwrap();
    assert!(duties.iter().any(|duty| duty["key"] == "review"), "{shown}");
    let (status, said) = api.fire("S-1", ID_STATE, r#"{"step.opinion":"2026-03-02"}"#, None);
    assert_eq!(
        (status, &said["states"]["lifecycle"]),
        (200, &"plan".into()),
        "{said}"
    );
    assert_eq!(api.show("S-1")["facts"]["step.result"], "agreed");
    api.open("S-2");

    // A fault is an incident; a person goes on with a reason.
    let (status, said) = api.fire("S-2", "record-facts", r#"{"step.crash":true}"#, None);
    assert_eq!(status, 200, "{said}");
    let opinion = r#"{"step.opinion":"2026-03-02"}"#;
    let (status, said) = api.fire("S-2", ID_STATE, opinion, None);
    assert_eq!(
        (status, &said["code"]),
        (422, &"E-PLUGIN-TRAP".into()),
        "{said}"
    );
    assert_eq!(api.show("S-2")["incidents"][0]["code"], "E-PLUGIN-TRAP");
    // What failed before passes nothing over: the component is asked first, and its answer counts.
    api.open("S-3");
    api.fire("S-3", "record-facts", r#"{"step.crash":true}"#, None);
    let (status, _) = api.fire("S-3", ID_STATE, opinion, None);
    assert_eq!(status, 422);
    api.fire("S-3", "record-facts", r#"{"step.crash":null}"#, None);
    let (status, said) = api.fire("S-3", ID_STATE, opinion, Some("上次故障"));
    assert_eq!(status, 200, "{said}");
    let shown = api.show("S-3");
    assert_eq!(shown["facts"]["step.result"], "agreed", "{shown}");
    api.server.stop();
    let fire = [
        "project",
        "fire",
        "S-2",
        ID_STATE,
        "--fact",
        "step.opinion=2026-03-02",
    ];
    let refused = data.run(&[&fire[..], &["--json"]].concat());
    assert!(refused.err.contains("E-PLUGIN-TRAP"), "{}", refused.err);
    let waived = data.run(&[&fire[..], &["--waive", "组件故障，已人工审核"]].concat());
    assert_eq!(waived.code, 0, "{}{}", waived.out, waived.err);
    let replayed = data.run(&["plugin", "replay", "S-1", "--json"]);
    assert_eq!(replayed.json()["same"], 2, "{}", replayed.out);
    assert_eq!(data.run(&["verify"]).code, 0);
}

#[test]
fn nobody_goes_on_without_a_component_that_speaks_for_law() {
    let data = installed("law");
    let api = Api::on(&data);
    api.open("L-1");
    api.fire("L-1", "record-facts", r#"{"step.crash":true}"#, None);
    let opinion = r#"{"step.opinion":"2026-03-02"}"#;
    let (status, _) = api.fire("L-1", ID_STATE, opinion, None);
    assert_eq!(status, 422);
    let (status, said) = api.fire("L-1", ID_STATE, opinion, Some("急"));
    assert_eq!(
        (status, &said["code"]),
        (422, &"E-WAIVE-LAW".into()),
        "{said}"
    );
    assert!(
        said.to_string().contains("调研之后由县民政局审核"),
        "{said}"
    );
    let shown = api.show("L-1");
    assert_eq!(shown["states"]["lifecycle"], ID_STATE);
    assert_eq!(shown["incidents"].as_array().unwrap().len(), 1, "it stays");
    api.server.stop();
    let said = data.run(&[
        "project",
        "fire",
        "L-1",
        ID_STATE,
        "--fact",
        "step.opinion=2026-03-02",
        "--waive",
        "急",
    ]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("error[E-WAIVE-LAW]"), "{}", said.err);
}

#[test]
fn a_component_that_is_gone_is_an_incident_and_never_passed_over() {
    let data = installed("mandatory");
    let api = Api::on(&data);
    api.open("M-1");
    api.server.stop();
    // Somebody removed it behind the program's back.
    let file = data.0.path().join("liucheng.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let component = runtime.block_on(async {
        let mut connection = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
        let held = "CREATE TABLE held AS SELECT * FROM document WHERE kind = 'component' AND id = 'step-county'";
        let gone = "DELETE FROM document WHERE kind = 'component' AND id = 'step-county'";
        sqlx::raw_sql(held).execute(&mut connection).await.unwrap();
        let gone = sqlx::raw_sql(gone).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        gone.rows_affected()
    });
    assert_eq!(component, 1);
    let _ = fs::remove_dir_all(data.0.path().join("cache"));
    let token = data.run(&["token", "create", "--name", "li", "--role", "*", "--json"]);
    assert_eq!(token.code, 0, "{}", token.err);
    let server = Server::start(data.0.path());
    let token = token.json()["token"].as_str().unwrap().to_owned();
    let api = Api { server, token };
    let opinion = r#"{"step.opinion":"2026-03-02"}"#;
    let (status, said) = api.fire("M-1", ID_STATE, opinion, None);
    assert_eq!(
        (status, &said["code"]),
        (422, &"E-PLUGIN-MISSING".into()),
        "{said}"
    );
    let shown = api.show("M-1");
    assert_eq!(shown["incidents"][0]["code"], "E-PLUGIN-MISSING");
    assert_eq!(shown["states"]["lifecycle"], ID_STATE);
    api.server.stop();
    let place = ["--data", data.0.path().to_str().unwrap()];
    let fire = [
        "project",
        "fire",
        "M-1",
        ID_STATE,
        "--fact",
        "step.opinion=2026-03-02",
    ];
    let said = run(&[&place[..], &fire].concat());
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert!(said.err.contains("error[E-PLUGIN-MISSING]"), "{}", said.err);
    assert!(
        said.err.contains("install exactly that package again"),
        "{}",
        said.err
    );

    // It is put back, and the incident ends with the next answer.
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(file.to_str().unwrap())
            .await
            .unwrap();
        let back = "INSERT INTO document SELECT * FROM held; DROP TABLE held";
        sqlx::raw_sql(back).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
    let said = run(&[&place[..], &fire].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let shown = data.run(&["project", "show", "M-1", "--json"]).json();
    assert_eq!(
        shown["incidents"].as_array().map_or(0, Vec::len),
        0,
        "{shown}"
    );
}
