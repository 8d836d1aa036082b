//! Packages: a good one is tested, signed, installed, replaced and taken back.

use std::fs;

use sqlx::{Connection, SqliteConnection};

use crate::support::{
    narrow,
    package::{Copy, Data, FLOOR, ID, refusal, sign},
    run,
};

#[test]
fn signatures_count_as_the_operator_says() {
    let data = Data::new();
    let copy = Copy::new();
    let path = copy.folder.path();
    data.configure("[plugins]\nrequire-signature = true\n");
    assert_eq!(refusal(&data.install(path)).0, "E-PLUGIN-UNSIGNED");
    let key = sign(&copy);
    assert_eq!(refusal(&data.install(path)).0, "E-PLUGIN-UNTRUSTED");
    data.configure(&format!(
        "[plugins]\ntrusted = [\"{key}\"]\nrequire-signature = true\n"
    ));
    let installed = data.install(path);
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    assert_eq!(installed.json()["trusted"], true);
    let shown = data.run(&["plugin", "show", ID, "--json"]).json();
    assert_eq!(shown["current"]["signed_by"].as_str(), Some(key.as_str()));
    // Without a data folder the key is named.
    let verified = copy.run(&["plugin", "verify", ".", "--key", &key]);
    assert_eq!(verified.code, 0, "{}", verified.err);
    let other = "00".repeat(32);
    let verified = copy.run(&["plugin", "verify", ".", "--key", &other]);
    assert!(
        verified.err.contains("E-PLUGIN-UNTRUSTED"),
        "{}",
        verified.err
    );
    data.configure("[plugins]\ntrusted = [\"xyz\"]\n");
    assert_eq!(data.install(path).code, 78);
}

/// An obligation with a date that differs between versions.
fn dated(day: &str) -> String {
    format!(
        "[[obligation]]\nid = \"yearly-report\"\nrule = \"XX-02\"\ntitle = {{ zh = \"报告\", en = \"report\" }}\n\
         force = \"mandatory\"\ndate = \"{day}\"\nmet-by = [\"contract.filed\"]\nresponsible = \"officer\"\nladder = \"statutory\"\n"
    )
}

#[test]
fn a_package_is_installed_replaced_and_taken_back() {
    let data = Data::new();
    let first = Copy::new();
    first.append("overlay.toml", &dated("2090-12-31"));
    let tar = first.path("p.tar");
    let packed = first.run(&["plugin", "pack", ".", "-o", tar.to_str().unwrap()]);
    assert_eq!(packed.code, 0, "{}", packed.err);

    // A dry run changes nothing, and needs a database to look at.
    assert_eq!(data.run(&["migrate"]).code, 0);
    let dry = data.run(&[
        "plugin",
        "install",
        tar.to_str().unwrap(),
        "--dry-run",
        "--json",
    ]);
    assert_eq!(
        (dry.code, &dry.json()["installed"]),
        (0, &false.into()),
        "{}",
        dry.err
    );
    assert_eq!(data.run(&["plugin", "show", ID]).code, 3);
    let installed = data.install(&tar).json();
    assert_eq!(installed["installed"], true);
    assert_eq!(installed["replaces"], serde_json::Value::Null);
    assert_eq!(installed["imports"][0], "logging");

    let create = [
        "project",
        "create",
        "--code",
        "E-1",
        "--name",
        "示例",
        "--province",
        ID,
    ];
    assert_eq!(data.run(&create).code, 0);
    for (event, facts) in [
        ("finish-survey", &["survey.finished=2026-03-02"][..]),
        ("approve-plan", &["plan.approved=2026-03-03"]),
        (
            "confirm-budget",
            &[
                "budget.total=40000",
                "budget.fund_base=1000000",
                "budget.confirmed=2026-03-04",
            ],
        ),
    ] {
        let mut args = vec!["project", "fire", "E-1", event];
        facts.iter().for_each(|fact| args.extend(["--fact", fact]));
        let said = data.run(&args);
        assert_eq!(said.code, 0, "{event}: {}{}", said.out, said.err);
    }
    let replayed = data.run(&["plugin", "replay", "E-1", "--json"]);
    assert_eq!(replayed.code, 0, "{}", replayed.out);
    assert_eq!(replayed.json()["same"], 1);

    // Another content under the same version is another package.
    let sly = Copy::new();
    let (code, message) = refusal(&data.install(sly.folder.path()));
    assert_eq!(code, "E-PLUGIN-VERSION-TAKEN", "{message}");

    let second = Copy::new();
    second.append("overlay.toml", &dated("2090-11-30"));
    second.raise_floor();
    second.next_version();
    let said = data.install(second.folder.path());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let said = said.json();
    assert_eq!(said["replaces"]["version"], "0.1.0");
    let change = &said["changes"][0];
    assert_eq!(change["project"], "E-1");
    assert_eq!(change["dates"][0]["before"], "2090-12-31");
    assert_eq!(change["dates"][0]["after"], "2090-11-30");
    // 4 % were enough, and are not any more: both answers are said.
    // Nothing was found, so that nothing changes with the version; the next question is answered otherwise.
    assert_eq!(change["renewed"], serde_json::json!([]));
    let verdict = &change["at_next_question"][0];
    assert_eq!(verdict["hook"], "cap");
    let finding = verdict["findings"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&finding["rule"], &finding["after"]["severity"]),
        (&"XX-01".into(), &"error".into()),
        "{verdict}"
    );
    let floor = &verdict["values"][0];
    assert_eq!(floor["key"], "budget.floor", "{verdict}");
    assert_eq!(
        (&floor["before"], &floor["after"]),
        (&"30000.00".into(), &"50000.00".into())
    );

    // The project goes on by its version until somebody says so, and back again.
    let upgrade =
        |more: &[&str]| data.run(&[&["plugin", "upgrade", "E-1", "--json"], more].concat());
    assert_eq!(
        upgrade(&["--dry-run"]).json()["changes"][0]["dates"][0]["after"],
        "2090-11-30"
    );
    let told = data.run(&["plugin", "upgrade", "E-1", "--dry-run"]).out;
    let place = |words: &str| {
        told.find(words)
            .unwrap_or_else(|| panic!("{words}: {told}"))
    };
    assert!(place("at once:") < place("yearly-report: 2090-12-31 → 2090-11-30"));
    assert!(place("yearly-report") < place("when it is asked the next time"));
    assert!(place("when it is asked the next time") < place("budget.floor: 30000.00 → 50000.00"));
    let due = || {
        let shown = data.run(&["project", "show", "E-1", "--json"]);
        assert_eq!(shown.code, 0, "{}", shown.err);
        shown.out.contains("2090-12-31")
    };
    assert!(due(), "a dry run changes nothing");
    let upgraded = upgrade(&["--reason", "new notice"]);
    assert_eq!(
        upgraded.json()["projects"][0]["changed"],
        true,
        "{}",
        upgraded.err
    );
    assert!(!due());
    let facts = data.run(&["project", "show", "E-1", "--json"]).json()["facts"].to_string();
    assert!(
        facts.contains("30000.00"),
        "nothing asked for it since: {facts}"
    );
    // What taking it back would change is shown as well, and changes nothing.
    let back = upgrade(&["--back", "--dry-run"]).json();
    let date = &back["changes"][0]["dates"][0];
    assert_eq!(
        (&date["before"], &date["after"]),
        (&"2090-11-30".into(), &"2090-12-31".into())
    );
    assert!(!due());
    // What was decided before is still reproduced, by the component of that time.
    let replayed = data.run(&["plugin", "replay", "E-1", "--json"]).json();
    assert_eq!(replayed["verdicts"][0]["package"]["version"], "0.1.0");
    assert_eq!(replayed["same"], 1);
    assert_eq!(
        upgrade(&["--back", "--reason", "too early"]).json()["changed"],
        true
    );
    assert!(due());

    let removed = data.run(&["plugin", "remove", ID, "--reason", "over"]);
    assert_eq!(removed.code, 0, "{}", removed.err);
    let create = [
        "project",
        "create",
        "--code",
        "E-2",
        "--name",
        "示例",
        "--province",
        ID,
    ];
    assert_eq!(data.run(&create).code, 3);
    assert!(due(), "those that go by it keep it");
    let shown = data.run(&["plugin", "show", ID, "--json"]).json();
    assert_eq!(shown["current"], serde_json::Value::Null);
    assert_eq!(shown["kept"].as_array().unwrap().len(), 2);
    assert_eq!(shown["acts"].as_array().unwrap().len(), 3);
    assert_eq!(shown["acts"][0]["reason"], "over");
    assert_eq!(data.run(&["verify"]).code, 0);
}

/// A step that only one version has.
const STEP: &str = "[[step]]\nid = \"county-review\"\nat = \"after-survey\"\nrule = \"XX-02\"\n\
    title = { zh = \"县级审核\", en = \"County review\" }\nstate = { zh = \"待审核\", en = \"To be reviewed\" }\n\
    roles = [\"officer\"]\nopen-ended = { zh = \"未规定期限\", en = \"no limit is named\" }\n";

#[test]
fn a_dry_run_that_fails_installs_nothing() {
    let data = Data::new();
    let first = Copy::new();
    first.append("overlay.toml", STEP);
    let said = data.install(first.folder.path());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let create = [
        "project",
        "create",
        "--code",
        "E-1",
        "--name",
        "示例",
        "--province",
        ID,
    ];
    assert_eq!(data.run(&create).code, 0);
    let fire = [
        "project",
        "fire",
        "E-1",
        "finish-survey",
        "--fact",
        "survey.finished=2026-03-02",
    ];
    assert_eq!(data.run(&fire).code, 0);

    // The project stands where the second version has no state.
    let second = Copy::new();
    second.next_version();
    let path = second.folder.path();
    let (code, _) = refusal(&data.install(path));
    assert_eq!(code, "E-PLUGIN-DRY-RUN");
    let version =
        || data.run(&["plugin", "show", ID, "--json"]).json()["current"]["version"].clone();
    assert_eq!(version(), "0.1.0");
    let path = path.to_str().unwrap();
    let said = data.run(&["plugin", "install", path, "--keep-refused", "--json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let refused = &said.json()["changes"][0]["refused"];
    assert!(
        refused.as_str().is_some_and(|text| text.starts_with("E-")),
        "{refused}"
    );
    assert_eq!(version(), "0.2.0");
    // It keeps its version, and goes on.
    let fire = ["project", "fire", "E-1", "county-review"];
    assert_eq!(data.run(&fire).code, 0);
    let upgraded = data.run(&[
        "plugin",
        "upgrade",
        "--all",
        ID,
        "--reason",
        "now it fits",
        "--json",
    ]);
    assert_eq!(upgraded.code, 0, "{}{}", upgraded.out, upgraded.err);
}

#[test]
fn what_is_said_of_packages_fits_the_terminal() {
    let data = Data::new();
    let copy = Copy::new();
    let key = sign(&copy);
    data.configure(&format!("[plugins]\ntrusted = [\"{key}\"]\n"));
    let path = copy.folder.path().to_str().unwrap();
    let place = ["--data", data.0.path().to_str().unwrap()];
    assert_eq!(data.run(&["migrate"]).code, 0);
    for args in [
        &["plugin", "check", path][..],
        &["plugin", "test", path],
        &["plugin", "verify", path],
        &["plugin", "install", path, "--dry-run"],
        &[
            "plugin",
            "install",
            path,
            "--reason",
            "县民政局二〇二六年第三号文要求各街道乡镇社会工作服务站统一执行",
        ],
        &["plugin", "list"],
        &["plugin", "show", ID],
        &["plugin", "upgrade", "--all", ID, "--dry-run"],
    ] {
        let said = narrow(&[&place, args].concat());
        assert_eq!(said.code, 0, "{args:?}: {}{}", said.out, said.err);
        // A digest in hex is one word.
        let long = said.out.lines().find(|line| cells(line) > 80);
        assert_eq!(long, None, "{args:?}");
    }
}

/// Columns of a terminal; Chinese takes two.
fn cells(line: &str) -> usize {
    line.chars()
        .map(|c| {
            if c.is_ascii() || "→–…".contains(c) {
                1
            } else {
                2
            }
        })
        .sum()
}

#[test]
fn cases_are_blessed_where_they_differ() {
    let copy = Copy::new();
    copy.edit(
        "cases/floor.toml",
        FLOOR,
        "\"budget.floor\" = { money = \"1.00\" } # as of 2026",
    );
    copy.edit("cases/floor.toml", "# The floor", "# Our floor");
    let failed = copy.run(&["plugin", "test", "."]);
    assert_eq!(failed.code, 1);
    assert!(
        failed.out.contains("largest case:") && failed.out.contains("% of the budget"),
        "{}",
        failed.out
    );
    let blessed = copy.run(&["plugin", "test", ".", "--bless", "--json"]);
    assert_eq!(blessed.code, 0, "{}", blessed.out);
    assert_eq!(blessed.json()["blessed"].as_array().unwrap().len(), 1);
    let text = fs::read_to_string(copy.path("cases/floor.toml")).unwrap();
    assert!(text.starts_with("# Our floor"), "{text}");
    assert_eq!(text.matches(FLOOR).count(), 3, "{text}");
    let again = copy
        .run(&["plugin", "test", ".", "--bless", "--json"])
        .json();
    assert_eq!(
        (&again["failed"], again["blessed"].as_array().unwrap().len()),
        (&0.into(), 0)
    );
    assert_eq!(again["largest"]["passed"], true);
}

#[test]
fn new_packages_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for lang in ["rust", "js"] {
        let name = format!("my-{lang}");
        let new = ["plugin", "new", "--lang", lang, &name, "--dir", dir];
        let said = run(&new);
        assert_eq!(said.code, 0, "{}", said.err);
        let said = run(&new);
        assert!(said.err.contains("E-PLUGIN-EXISTS"), "{}", said.err);
        let path = folder.path().join(&name);
        let said = run(&["plugin", "check", path.to_str().unwrap()]);
        assert!(said.err.contains("not built yet"), "{}", said.err);
    }
    let said = run(&["plugin", "new", "--lang", "rust", "../x", "--dir", dir]);
    assert!(said.err.contains("E-PLUGIN-NAME"), "{}", said.err);
    // Nothing is installed for a package: what is missing is said.
    let js = folder.path().join("my-js");
    let said = run(&["plugin", "build", js.to_str().unwrap()]);
    assert!(said.err.contains("E-PLUGIN-TOOLCHAIN"), "{}", said.err);
    let said = run(&["plugin", "build", dir]);
    assert!(said.err.contains("E-FILE"), "{}", said.err);
}

/// Changes the database behind the program's back.
fn harmed(data: &Data, sql: &'static str) {
    let file = data.0.path().join("liucheng.db");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = SqliteConnection::connect(file.to_str().unwrap())
            .await
            .unwrap();
        let done = sqlx::query(sql).execute(&mut connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1, "{sql}");
        connection.close().await.unwrap();
    });
}

/// Whatever became of a component in the store, installing the same package again puts it back.
#[test]
fn a_component_that_was_lost_or_damaged_comes_back_with_its_package() {
    let data = Data::new();
    let copy = Copy::new();
    let path = copy.folder.path();
    let installed = data.install(path);
    assert_eq!(installed.code, 0, "{}{}", installed.out, installed.err);
    let again = data.install(path).json();
    assert_eq!(
        (&again["unchanged"], &again["restored"]),
        (&true.into(), &false.into())
    );
    for (harm, said) in [
        (
            "DELETE FROM document WHERE kind = 'component' AND id = 'example-county'",
            "missing",
        ),
        (
            "UPDATE document SET bytes = x'00' WHERE kind = 'component' AND id = 'example-county'",
            "does not have its digest",
        ),
    ] {
        harmed(&data, harm);
        let doctor = data.run(&["doctor"]);
        assert!(doctor.out.contains(said), "{}", doctor.out);
        let listed = data.run(&["plugin", "list", "--json"]).json();
        let rows = listed["packages"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == ID).unwrap();
        assert_eq!(row["lost"], true);
        let install = ["plugin", "install", path.to_str().unwrap()];
        let dry = data.run(&[&install[..], &["--dry-run"]].concat());
        assert!(dry.out.contains("an install restores it"), "{}", dry.out);
        let restored = data.install(path).json();
        assert_eq!(
            (&restored["restored"], &restored["lost"][0]),
            (&true.into(), &"component".into())
        );
        let doctor = data.run(&["doctor"]);
        assert!(!doctor.out.contains(said), "{}", doctor.out);
        let shown = data.run(&["plugin", "show", ID]).out;
        assert!(shown.contains("restored 0.1.0"), "{shown}");
    }
    harmed(
        &data,
        "DELETE FROM document WHERE kind = 'component' AND id = 'example-county'",
    );
    let removed = data.run(&["plugin", "remove", ID]);
    assert_eq!(removed.code, 0, "{}", removed.err);
}
