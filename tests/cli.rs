//! The command line: exit codes, refusals, and that a refusal writes nothing.

use crate::support::{root, run, run_with};

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

    fn run(&self, args: &[&str]) -> crate::support::Said {
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
    assert_eq!(ids, ["ningxia-yuanzhou", "tianjin"]);
    for id in ids {
        let folder = root().join("plugins").join(id);
        let said = run(&["plugin", "check", folder.to_str().unwrap()]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    }
    assert_eq!(run(&["plugin", "check", "/nowhere"]).code, 2);
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
