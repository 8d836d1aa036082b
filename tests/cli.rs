//! The command line: exit codes, refusals, and that a refusal writes nothing.

use serde_json::Value as Json;

use crate::support::{Said, Server, liucheng, root, run, run_with};

/// Generated documents are kept in the repository; `UPDATE_DOCS=1` writes them anew.
fn assert_generated(name: &str, args: &[&str]) {
    let said = run(args);
    assert_eq!(said.code, 0, "{}", said.err);
    let path = root().join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &said.out).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == said.out,
        "{name} is stale: run UPDATE_DOCS=1 cargo test"
    );
}

#[test]
fn the_reference_is_up_to_date() {
    assert_generated("docs/cli.md", &["reference"]);
}

#[test]
fn the_drawing_is_up_to_date() {
    assert_generated(
        "docs/images/lifecycle.svg",
        &["workflow", "diagram", "--format", "svg"],
    );
}

#[test]
fn every_rule_is_accounted_for() {
    assert_generated("docs/coverage.md", &["workflow", "coverage"]);
}

#[test]
fn usage_errors_exit_2() {
    for args in [
        &["frobnicate"][..],
        &["plan"],
        &["project", "list", "--limit", "0"],
        &["calendar", "explain"],
    ] {
        let said = run(args);
        assert_eq!(said.code, 2, "{args:?}");
        assert!(
            said.err.starts_with("error[E-USAGE]: "),
            "{args:?}: {}",
            said.err
        );
        // What is wrong, and what to do: one line each.
        let lines: Vec<&str> = said.err.lines().collect();
        assert!(
            lines.len() == 2 && lines[1].starts_with("  hint: "),
            "{}",
            said.err
        );
        assert!(lines[1].contains("--help`"), "{}", said.err);
    }
    assert_eq!(run(&["--help"]).code, 0);
    assert!(run(&["--help"]).out.contains("Exit codes"));
    assert_eq!(run(&["--version"]).code, 0);
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, args: &[&str]) -> Said {
        let data = self.0.path().to_str().unwrap();
        let mut all = vec!["--data", data];
        all.extend(args);
        run(&all)
    }
}

#[test]
fn a_project_goes_its_way_by_commands() {
    let data = Folder::new();
    let created = data.run(&[
        "project",
        "create",
        "--code",
        "N-1",
        "--name",
        "国家法项目",
        "--json",
    ]);
    assert_eq!(created.code, 0, "{}", created.err);
    assert_eq!(created.json()["states"]["lifecycle"], "survey");
    let fired = data.run(&[
        "project",
        "fire",
        "N-1",
        "finish-survey",
        "--fact",
        "survey.finished=2026-03-02",
        "--json",
    ]);
    assert_eq!(
        (fired.code, fired.json()["version"].as_u64()),
        (0, Some(2)),
        "{}",
        fired.err
    );
    let shown = data.run(&["project", "show", "N-1", "--json"]).json();
    assert_eq!(shown["facts"]["survey.finished"], "2026-03-02");
    assert!(
        data.run(&["project", "show", "N-1"])
            .out
            .contains("国家法项目")
    );
    let history = data.run(&["project", "history", "N-1", "--json"]).json();
    assert_eq!(history["records"].as_array().unwrap().len(), 2);
    assert!(data.run(&["project", "list"]).out.contains("N-1"));
    let verified = data.run(&["verify", "--json"]);
    assert_eq!(
        (verified.code, verified.json()["bad"].as_u64()),
        (0, Some(0))
    );
}

#[test]
fn refusals_are_coded_and_write_nothing() {
    let data = Folder::new();
    assert_eq!(
        data.run(&["project", "create", "--code", "R-1", "--name", "拒绝"])
            .code,
        0
    );
    for (args, code, exit) in [
        (
            &["project", "fire", "R-1", "finish-surrvey"][..],
            "E-EVENT-UNKNOWN",
            2,
        ),
        (
            &["project", "fire", "R-1", "sign-contract"],
            "E-EVENT-NOT-NOW",
            1,
        ),
        (
            &["project", "fire", "R-1", "finish-survey"],
            "E-FACT-MISSING",
            1,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finished=2021-02-30",
            ],
            "E-DATE-INVALID",
            2,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finished=2021-02-03",
                "--fact",
                "contract.amount=1",
            ],
            "E-FACT-NOT-HERE",
            1,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finnished=2021-02-03",
            ],
            "E-FACT-UNKNOWN",
            2,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finished",
            ],
            "E-FACT-PAIR",
            2,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finished=2021-02-03",
                "--role",
                "contractor",
            ],
            "E-ROLE",
            5,
        ),
        (
            &[
                "project",
                "fire",
                "R-1",
                "finish-survey",
                "--fact",
                "survey.finished=2021-02-03",
                "--expect-version",
                "7",
            ],
            "E-CONFLICT",
            4,
        ),
        (
            &["project", "fire", "R-9", "finish-survey"],
            "E-NOT-FOUND",
            3,
        ),
        (&["project", "show", "R-9"], "E-NOT-FOUND", 3),
        (
            &["project", "create", "--code", "R-1", "--name", "again"],
            "E-CODE-TAKEN",
            4,
        ),
        (
            &["project", "create", "--code", " ", "--name", "x"],
            "E-TEXT",
            2,
        ),
        (
            &[
                "project",
                "create",
                "--code",
                "R-2",
                "--name",
                "x",
                "--fact",
                "budget.total=-5",
            ],
            "E-MONEY-NEGATIVE",
            2,
        ),
        (
            &[
                "project",
                "create",
                "--code",
                "R-2",
                "--name",
                "x",
                "--fact",
                "budget.total=5.125",
            ],
            "E-MONEY-PRECISION",
            2,
        ),
        (
            &[
                "project",
                "create",
                "--code",
                "R-2",
                "--name",
                "x",
                "--contact",
                "officer",
            ],
            "E-CONTACT",
            2,
        ),
    ] {
        let said = data.run(args);
        assert_eq!(said.code, exit, "{args:?}: {}", said.err);
        assert!(
            said.err.starts_with(&format!("error[{code}]: ")),
            "{args:?}: {}",
            said.err
        );
        assert!(said.err.contains("  hint: "), "{args:?}: {}", said.err);
    }
    let shown = data.run(&["project", "show", "R-1", "--json"]).json();
    assert_eq!(shown["version"], 1, "nothing was written");
    assert_eq!(
        data.run(&["project", "list", "--json"]).json()["projects"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // A conflict names who changed it.
    let said = data.run(&[
        "project",
        "fire",
        "R-1",
        "finish-survey",
        "--expect-version",
        "7",
        "--as",
        "li",
    ]);
    assert!(said.err.contains("changed by operator"), "{}", said.err);
}

#[test]
fn the_minimum_of_the_law_is_enforced() {
    let data = Folder::new();
    let fire = |args: &[&str]| {
        let mut all = vec!["project", "fire", "L-1"];
        all.extend(args);
        data.run(&all)
    };
    data.run(&["project", "create", "--code", "L-1", "--name", "二十日"]);
    fire(&["finish-survey", "--fact", "survey.finished=2026-09-01"]);
    fire(&["approve-plan", "--fact", "plan.approved=2026-09-02"]);
    fire(&[
        "confirm-budget",
        "--fact",
        "budget.total=3000000",
        "--fact",
        "budget.confirmed=2026-09-03",
    ]);
    let tender = [
        "issue-tender",
        "--fact",
        "procurement.method=open-tender",
        "--fact",
        "tender.docs_issued=2026-09-14",
    ];
    let early = fire(&[&tender[..], &["--fact", "bid.deadline=2026-10-04"]].concat());
    assert_eq!(early.code, 1, "{}", early.err);
    assert!(
        early.err.starts_with("error[E-LAW-MINIMUM]")
            && early.err.contains("2026-10-08")
            && early.err.contains("第35条"),
        "{}",
        early.err
    );
    let good = fire(&[&tender[..], &["--fact", "bid.deadline=2026-10-08"]].concat());
    assert_eq!(good.code, 0, "{}", good.err);
}

#[test]
fn workflow_check_is_silent_on_what_is_shipped() {
    let root = root();
    let file = |name: &str| root.join(name).display().to_string();
    let (base, yuanzhou, tianjin) = (
        file("workflows/social-work-station.toml"),
        file("plugins/ningxia-yuanzhou/overlay.toml"),
        file("plugins/tianjin/overlay.toml"),
    );
    let said = run(&["workflow", "check", &base, &yuanzhou, &tianjin]);
    assert_eq!(
        (said.code, said.out.lines().count()),
        (0, 1),
        "{}",
        said.out
    );
    let said = run_with(
        &["workflow", "check", "-"],
        b"schema = 1\nid = \"x\"\nversion = \"1\"\nflavour = \"sweet\"\n",
    );
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("-:4:1"), "{}", said.out);
}

#[test]
fn workflow_diagrams_come_in_three_formats() {
    for (format, start) in [
        ("mermaid", "stateDiagram-v2"),
        ("dot", "digraph"),
        ("svg", "<svg"),
    ] {
        let said = run(&["workflow", "diagram", "--format", format]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains(start), "{format}");
    }
    assert_eq!(run(&["workflow", "diagram", "--region", "moon"]).code, 3);
}

#[test]
fn plugins_are_listed_and_checked() {
    let listed = run(&["plugin", "list", "--json"]).json();
    let ids: Vec<&str> = listed["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["id"].as_str().unwrap())
        .collect();
    let nine = [
        "county-action-plan",
        "hebei-zhuolu",
        "henan",
        "ningxia-lingwu",
        "ningxia-yuanzhou",
        "shaanxi-county",
        "shaanxi-pilot",
        "shanxi-linfen",
        "tianjin",
    ];
    assert_eq!(ids, nine);
    for id in ids {
        let folder = root().join("plugins").join(id);
        let said = run(&["plugin", "check", folder.to_str().unwrap()]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }
    assert_eq!(run(&["plugin", "check", "/nowhere"]).code, 3);
}

#[test]
fn a_database_that_is_not_there_is_said_so() {
    let data = Folder::new();
    for args in [&["project", "list"][..], &["verify"]] {
        let said = data.run(args);
        assert_eq!(said.code, 69, "{}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
    }
    assert_eq!(data.run(&["migrate"]).code, 0);
    assert_eq!(data.run(&["project", "list"]).code, 0);
}

#[test]
fn a_bad_configuration_exits_78() {
    let data = Folder::new();
    std::fs::write(
        data.0.path().join("liucheng.toml"),
        "[mail]\nmoode = \"file\"\n",
    )
    .unwrap();
    let said = data.run(&["project", "create", "--code", "C-1", "--name", "x"]);
    assert_eq!(said.code, 78, "{}", said.err);
    assert!(said.err.contains("liucheng.toml:2:1"), "{}", said.err);
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf8_are_a_usage_error() {
    use std::os::unix::ffi::OsStrExt;
    let broken = std::ffi::OsStr::from_bytes(&[b'x', 0xff]);
    for json in [false, true] {
        let mut command = liucheng();
        command.args(["project", "show"]).arg(broken);
        if json {
            command.arg("--json");
        }
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("E-USAGE"), "{}", said.err);
    }
}

#[test]
fn usage_errors_as_json_name_the_arguments() {
    let error = |args: &[&str]| -> Json {
        let said = run(args);
        assert_eq!(
            (said.code, said.err.lines().count()),
            (2, 1),
            "{}",
            said.err
        );
        serde_json::from_str::<Json>(&said.err).unwrap()["error"].clone()
    };
    let missing = error(&["calendar", "explain", "--json"]);
    for text in ["message", "place"] {
        let text = missing[text].as_str().unwrap();
        assert!(
            text.contains("--from <DATE>") && text.contains("--rule <PERIOD>"),
            "{missing}"
        );
    }
    let wrong = error(&["project", "list", "--limit", "0", "--json"]);
    assert_eq!(wrong["code"], "E-USAGE");
    assert!(
        wrong["place"].as_str().unwrap().contains("--limit"),
        "{wrong}"
    );
    let similar = error(&["verifi", "--json"]);
    assert_eq!(similar["place"], "verifi");
    assert!(
        similar["hint"].as_str().unwrap().contains("verify"),
        "{similar}"
    );
}

/// Runs the binary with a stdout of its own.
#[cfg(target_os = "linux")]
fn run_into(args: &[&str], stdout: impl Into<std::process::Stdio>) -> Said {
    let mut command = liucheng();
    command.args(args).stdout(stdout);
    command.stderr(std::process::Stdio::piped());
    command.spawn().unwrap().wait_with_output().unwrap().into()
}

#[cfg(target_os = "linux")]
#[test]
fn a_location_of_no_database_is_a_wrong_argument() {
    for location in ["oracle://x", "sqlite://", ":memory:"] {
        let said = run(&["--database", location, "project", "list"]);
        assert_eq!(said.code, 2, "{location}: {}", said.err);
        assert!(said.err.contains("E-STORE-LOCATION"), "{}", said.err);
    }
}

#[test]
fn output_that_is_lost_is_no_success() {
    use std::fs::OpenOptions;
    for args in [
        &["plugin", "list"][..],
        &["plugin", "list", "--json"],
        &["reference"],
        &["--help"],
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let said = run_into(args, full);
        assert_eq!(said.code, 69, "{args:?}");
        assert!(said.err.contains("E-STDOUT"), "{args:?}: {}", said.err);
    }
    // A stdout that is open for reading only.
    let said = run_into(
        &["plugin", "list"],
        OpenOptions::new().read(true).open("/dev/null").unwrap(),
    );
    assert_eq!(
        (said.code, said.err.contains("E-STDOUT")),
        (69, true),
        "{}",
        said.err
    );
    // A reader that went away is no reason to complain.
    for args in [&["reference"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let said = run_into(args, writer);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn what_users_write_does_not_steer_the_terminal() {
    let data = Folder::new();
    data.run(&["project", "create", "--code", "T-1", "--name", "终端"]);
    let evil = "survey.finished=\u{1b}[31m2026\u{9b}2J";
    let said = data.run(&["project", "fire", "T-1", "finish-survey", "--fact", evil]);
    assert_eq!(said.code, 2, "{}", said.err);
    let steering = |c: char| c.is_control() && c != '\n';
    assert!(!said.err.contains(steering), "{:?}", said.err);
    for args in [
        &["frob\u{1b}[2Jnicate"][..],
        &["project", "show", "\u{1b}]0;x\u{7}"],
    ] {
        let said = data.run(args);
        assert!(!said.err.contains(steering), "{:?}", said.err);
    }
    // Also not through a file that is checked.
    let said = run_with(
        &["workflow", "check", "-"],
        "\"fl\u{9b}avour\" = 1\n".as_bytes(),
    );
    assert!(!said.out.contains(steering), "{:?}", said.out);
}

#[test]
fn nothing_is_given_twice() {
    let data = Folder::new();
    data.run(&["project", "create", "--code", "D-1", "--name", "重复"]);
    let said = data.run(&[
        "project",
        "fire",
        "D-1",
        "finish-survey",
        "--fact",
        "survey.finished=2026-03-02",
        "--fact",
        "survey.finished=2026-03-03",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.starts_with("error[E-FACT-PAIR]") && said.err.contains("survey.finished"),
        "{}",
        said.err
    );
    let said = data.run(&[
        "project",
        "create",
        "--code",
        "D-2",
        "--name",
        "x",
        "--fact",
        "supplier={\"name\": \"a\", \"name\": \"b\"}",
    ]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.starts_with("error[E-JSON-DUPLICATE]"),
        "{}",
        said.err
    );
}

#[test]
fn commands_answer_in_words() {
    let data = Folder::new();
    let said = data.run(&["project", "create", "--code", "W-1", "--name", "答复"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for words in ["W-1  版本 1", "：", "可执行：", "  finish-survey"] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
    let shown = data.run(&["project", "show", "W-1", "--json"]).json();
    let stage = &shown["stages"][0]["title"]["zh"];
    let listed = data.run(&["project", "list"]).out;
    assert!(listed.contains(stage.as_str().unwrap()), "{listed}");
    assert!(said.out.contains(stage.as_str().unwrap()), "{}", said.out);
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let gbk = folder.path().join("gbk.json");
    std::fs::write(&gbk, [b'{', 0xc7, 0xa9, 0xb6, 0xa9, b'}']).unwrap();
    let gbk = gbk.to_str().unwrap();
    for (file, hint) in [
        (path, "folder"),
        (gbk, "UTF-8"),
        ("/nowhere.json", "check the path"),
    ] {
        let said = run(&["plan", "--facts", file]);
        assert_eq!(said.code, 2, "{}", said.err);
        let said_hint = said
            .err
            .lines()
            .find(|l| l.contains("hint: "))
            .unwrap_or_default();
        assert!(
            said.err.contains("E-FILE") && said_hint.contains(hint),
            "{}",
            said.err
        );
    }
    let data = Folder::new();
    let said = data.run(&["project", "list"]);
    assert!(
        said.err.contains("liucheng migrate") || said.err.contains("`migrate`"),
        "{}",
        said.err
    );
    assert!(said.err.contains("liucheng-data"), "{}", said.err);
}

#[test]
fn further_tokens_are_made_for_a_stopped_server() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let create = |args: &[&str]| {
        let mut all = vec!["--data", folder, "token", "create"];
        all.extend(args);
        run(&all)
    };
    assert_eq!(run(&["--data", folder, "migrate"]).code, 0);
    let said = create(&[
        "--name", "li", "--role", "finance", "--role", "officer", "--json",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let made = said.json();
    assert_eq!(
        (&made["actor"], &made["roles"]),
        (&"li".into(), &"finance,officer".into())
    );
    let said = create(&["--name", "wang", "--role", "contractor"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let token = said
        .out
        .split_whitespace()
        .find(|w| w.starts_with("lc_"))
        .unwrap();
    for (args, code, exit) in [
        (&["--name", " "][..], "E-TEXT", 2),
        (&["--name", "system"], "E-TEXT", 2),
        (&["--name", "x", "--role", "finanze"], "E-ROLE-UNKNOWN", 2),
    ] {
        let said = create(args);
        assert_eq!(
            (said.code, said.err.contains(code)),
            (exit, true),
            "{}",
            said.err
        );
    }
    let server = Server::start(data.path());
    assert_eq!(server.get("/api/v1/projects", token).0, 200);
    let body = r#"{"code":"K-1","name":"令牌"}"#;
    let officer = made["token"].as_str().unwrap();
    assert_eq!(server.post("/api/v1/projects", officer, "c", body).0, 201);
    let fire = r#"{"event":"finish-survey","facts":{"survey.finished":"2026-03-02"}}"#;
    assert_eq!(
        server.post("/api/v1/projects/K-1/fire", token, "f", fire).0,
        403
    );
    assert_eq!(create(&["--name", "late"]).code, 69, "the folder is in use");
    server.stop();
}

#[test]
fn a_token_is_revoked_and_one_that_was_inserted_is_found() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let on = |args: &[&str]| run(&[&["--data", folder], args].concat());
    assert_eq!(on(&["migrate"]).code, 0);
    let made = on(&["token", "create", "--name", "li", "--as", "wang", "--json"]).json();
    let token = made["token"].as_str().unwrap();
    on(&["token", "create", "--name", "zhou"]);
    let listed = on(&["token", "list", "--json"]).json();
    let hash = listed["tokens"][0]["hash"].as_str().unwrap();
    assert_eq!(listed["tokens"][0]["actor"], "li");
    assert_eq!(listed["tokens"][0]["revoked_at"], serde_json::Value::Null);
    for (hash, code, exit) in [("", "E-TOKEN-UNKNOWN", 3), ("xyz", "E-TOKEN-UNKNOWN", 3)] {
        let said = on(&["token", "revoke", hash]);
        assert_eq!((said.code, said.err.contains(code)), (exit, true));
    }
    let server = Server::start(data.path());
    assert_eq!(server.get("/api/v1/projects", token).0, 200);
    server.stop();
    let said = on(&["token", "revoke", &hash[..12], "--as", "wang"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(on(&["token", "list"]).out.contains(&hash[..12]));
    let listed = on(&["token", "list", "--json"]).json();
    assert!(listed["tokens"][0]["revoked_at"].is_string());
    let server = Server::start(data.path());
    assert_eq!(server.get("/api/v1/projects", token).0, 401);
    server.stop();
    let good = on(&["verify"]);
    assert_eq!(good.code, 0, "{}", good.out);

    // Past the program, as somebody with an SQL client would.
    let inserted = "5e".repeat(32);
    insert_token(&data.path().join("liucheng.db"), &inserted);
    let server = Server::start(data.path());
    server.stop();
    let said = on(&["verify"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains("A-TOKEN"), "{}", said.out);
    assert!(said.out.contains(&inserted[..12]), "{}", said.out);
    // Once it is revoked on the record, the journal says what became of it.
    assert_eq!(on(&["token", "revoke", &inserted]).code, 0);
    assert_eq!(on(&["verify"]).code, 0);
}

fn insert_token(path: &std::path::Path, hash: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        use sqlx::Connection;
        let url = path.to_str().unwrap();
        let mut database = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::query("INSERT INTO token (hash, actor, roles, at) VALUES ($1, 'x', '*', 5)")
            .bind(hash)
            .execute(&mut database)
            .await
            .unwrap();
        database.close().await.unwrap();
    });
}

/// The manual's example is a definition, and every code it may meet is explained there.
#[test]
fn the_manual_of_definitions_is_true() {
    let manual = std::fs::read_to_string(root().join("docs/definition.md")).unwrap();
    let (_, rest) = manual.split_once("```toml complete\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let said = run_with(&["workflow", "check", "-"], example.as_bytes());
    assert_eq!(said.code, 0, "{}", said.out);
    for code in liucheng_model::definition::lint::CODES {
        let row = format!("| `{}` | ", code.name);
        assert_eq!(manual.matches(&row).count(), 1, "{}", code.name);
    }
}
