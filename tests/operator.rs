//! What an operator meets: mistyped folders, packages that are there already or gone, hints that help.

use std::fs;

use serde_json::Value as Json;
use sqlx::{Connection, SqliteConnection};

use crate::support::{
    Server, narrow,
    package::{Copy, Data, ID, refusal, sign},
    run,
};

/// The place and the hint of a refusal, which has to have both.
fn place_and_hint(err: &str) -> (String, String) {
    let error: Json = serde_json::from_str(err.trim()).unwrap_or_else(|e| panic!("{e}: {err}"));
    let word = |key: &str| {
        let word = error["error"][key].as_str().unwrap_or_default();
        assert!(!word.is_empty(), "no {key}: {err}");
        word.to_owned()
    };
    (word("place"), word("hint"))
}

#[test]
fn a_mistyped_folder_or_database_becomes_no_new_one() {
    let nowhere = tempfile::tempdir().unwrap();
    let folder = nowhere.path().join("dta");
    let folder = folder.to_str().unwrap();
    let database = nowhere.path().join("lucheng.db").display().to_string();
    let copy = Copy::new();
    let package = copy.folder.path().to_str().unwrap();
    let backup = nowhere.path().join("b.db").display().to_string();
    let bundle = nowhere.path().join("b.jsonl").display().to_string();
    let why = "--reason";
    for args in [
        &["plugin", "install", package, "--dry-run"][..],
        &["plugin", "install", "tianjin", "--dry-run"],
        &["plugin", "remove", "tianjin"],
        &["plugin", "upgrade", "A-1", why, "x"],
        &["plugin", "upgrade", "--all", "tianjin", "--dry-run"],
        &["plugin", "upgrade", "--all", "tianjin", "--back", why, "x"],
        &["plugin", "replay", "A-1"],
        &[
            "decision", "make", "tianjin", "TJ-A1", "--option", "as-good", why, "x",
        ],
        &["project", "list"],
        &["project", "show", "A-1"],
        &["project", "history", "A-1"],
        &["project", "fire", "A-1", "finish-survey"],
        &["project", "decide", "A-1", "TJ-A1", why, "x"],
        &["token", "create", "--name", "li"],
        &["token", "list"],
        &["token", "revoke", "ab"],
        &["verify"],
        &["audit", "seal"],
        &["audit", "head"],
        &["audit", "export", "--to", &bundle],
        &["backup", "--to", &backup],
    ] {
        // A database that is named keeps its settings in a data folder, which is not made either.
        let in_folder = &["--data", folder][..];
        let named = &["--data", folder, "--database", &database][..];
        for (option, place, options) in [
            ("--data", folder, in_folder),
            ("--database", &database, named),
        ] {
            let said = run(&[options, args].concat());
            assert_eq!(said.code, 69, "{args:?}: {}{}", said.out, said.err);
            let hint = said.err.lines().find(|line| line.contains("hint: "));
            let hint = hint.unwrap_or_else(|| panic!("no hint: {}", said.err));
            assert!(
                said.err.contains("E-STORE-OPEN") && hint.contains(place) && hint.contains(option),
                "{args:?}: {}",
                said.err
            );
            let left: Vec<_> = fs::read_dir(nowhere.path()).unwrap().collect();
            assert!(left.is_empty(), "{args:?} made {left:?}");
        }
    }
    // What begins a store makes one.
    assert_eq!(run(&["--data", folder, "migrate"]).code, 0);
    assert_eq!(run(&["--data", folder, "project", "list"]).code, 0);
}

#[test]
fn a_built_in_package_comes_back_by_its_id() {
    let data = Data::new();
    data.configure("[plugins]\nrequire-signature = true\n");
    assert_eq!(data.run(&["migrate"]).code, 0);
    let acts = || {
        let shown = data.run(&["plugin", "show", "tianjin", "--json"]).json();
        shown["acts"].as_array().unwrap().len()
    };
    // It is there already: nothing is recorded.
    let again = data.run(&["plugin", "install", "tianjin", "--json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(
        (
            &again.json()["installed"],
            &again.json()["unchanged"],
            acts()
        ),
        (&false.into(), &true.into(), 0)
    );
    let removed = data.run(&["plugin", "remove", "tianjin", "--reason", "试"]);
    assert!(
        removed.out.contains("`liucheng plugin install tianjin`"),
        "{}",
        removed.out
    );
    let create = |code: &str| {
        let create = [
            "project",
            "create",
            "--code",
            code,
            "--name",
            "站",
            "--province",
            "tianjin",
        ];
        data.run(&create).code
    };
    assert_eq!(create("T-1"), 3);
    let dry = data.run(&["plugin", "install", "tianjin", "--dry-run", "--json"]);
    assert_eq!(dry.json()["installed"], false, "{}", dry.err);
    assert_eq!(create("T-1"), 3);
    let back = data.run(&["plugin", "install", "tianjin", "--reason", "恢复", "--json"]);
    assert_eq!(back.code, 0, "{}", back.err);
    let back = back.json();
    assert_eq!(
        (&back["installed"], &back["built_in"], &back["trusted"]),
        (&true.into(), &true.into(), &true.into())
    );
    assert_eq!((create("T-1"), acts()), (0, 2));
    assert_eq!(data.run(&["verify"]).code, 0);
    // A name that is neither a file nor an id lists the ids.
    let said = data.run(&["plugin", "install", "tianjn", "--json"]);
    let (_, hint) = place_and_hint(&said.err);
    assert!(said.code == 3 && hint.contains("tianjin"), "{}", said.err);
}

#[test]
fn what_is_installed_already_is_not_installed_again() {
    let data = Data::new();
    let copy = Copy::new();
    let path = copy.folder.path();
    assert_eq!(data.install(path).json()["installed"], true);
    let again = data.install(path);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(
        (&again.json()["installed"], &again.json()["unchanged"]),
        (&false.into(), &true.into())
    );
    let shown = data.run(&["plugin", "show", ID, "--json"]).json();
    assert_eq!(shown["acts"].as_array().unwrap().len(), 1);
    // Signed, it is a package that somebody answers for.
    let key = sign(&copy);
    let (code, message) = refusal(&data.install(path));
    assert_eq!(code, "E-PLUGIN-VERSION-TAKEN", "{message} {key}");
}

#[test]
fn changes_of_version_are_told_with_both_values_and_need_a_reason() {
    let data = Data::new();
    let first = Copy::new();
    assert_eq!(data.install(first.folder.path()).code, 0);
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
    let facts = [
        "--fact",
        "budget.total=40000",
        "--fact",
        "budget.fund_base=1000000",
    ];
    let said = data.run(&[&create[..], &facts].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let second = Copy::new();
    second.raise_floor();
    second.next_version();
    let path = second.folder.path().to_str().unwrap();
    let place = ["--data", data.0.path().to_str().unwrap()];
    let dry = narrow(&[&place[..], &["plugin", "install", path, "--dry-run"]].concat());
    assert_eq!(dry.code, 0, "{}", dry.err);
    for part in ["budget.floor: 30000.00 → 50000.00", "+ XX-01 error: "] {
        assert!(dry.out.contains(part), "{part}: {}", dry.out);
    }
    assert_eq!(data.install(second.folder.path()).code, 0);
    let upgrade = |more: &[&str]| data.run(&[&["plugin", "upgrade"], more].concat());
    let said = upgrade(&["E-1"]);
    assert!(
        said.code == 2 && said.err.contains("--reason <TEXT>"),
        "{}",
        said.err
    );
    let said = upgrade(&["E-1", "--reason", " "]);
    assert!(said.err.contains("E-REASON"), "{}", said.err);
    assert_eq!(upgrade(&["E-1", "--reason", "新办法"]).code, 0);
    let dry = upgrade(&["--all", ID, "--back", "--dry-run"]);
    assert!(
        dry.code == 0 && dry.out.contains("budget.floor: 50000.00 → 30000.00"),
        "{}{}",
        dry.out,
        dry.err
    );
    let back = ["E-1", "--back", "--reason", "有误"];
    assert_eq!(upgrade(&back).code, 0);
    let twice = upgrade(&[&back[..], &["--json"]].concat());
    let (place, hint) = place_and_hint(&twice.err);
    assert!(
        twice.code == 1 && place == "E-1" && hint.contains("plugin upgrade E-1"),
        "{}",
        twice.err
    );
    for more in [&["--dry-run"][..], &["--reason", "x"]] {
        let said = upgrade(&[&["--all", "atlantis", "--back"], more].concat());
        assert!(
            said.code == 3 && said.err.contains("E-PROVINCE-UNKNOWN"),
            "{}",
            said.err
        );
    }
    // A package that was removed has projects still.
    assert_eq!(data.run(&["plugin", "remove", ID]).code, 0);
    assert_eq!(upgrade(&["--all", ID, "--back", "--dry-run"]).code, 0);
}

#[test]
fn refusals_of_packages_say_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (absent, key, own) = (at("absent"), at("absent/k"), at("own"));
    let dir = folder.path().to_str().unwrap();
    assert_eq!(
        run(&["plugin", "new", "--lang", "rust", "own", "--dir", dir]).code,
        0
    );
    fs::write(at("taken"), "x").unwrap();
    let copy = Copy::new();
    let package = copy.folder.path().to_str().unwrap();
    let out = at("absent/p.tar");
    for (args, code, hint) in [
        (&["plugin", "build", &absent][..], "E-FILE", "plugin new"),
        (&["plugin", "build", dir], "E-FILE", "plugin.toml"),
        (&["plugin", "test", &absent], "E-FILE", "plugin.toml"),
        (
            &["plugin", "test", &own],
            "E-PLUGIN-MANIFEST",
            "plugin build",
        ),
        (
            &["plugin", "check", &own],
            "E-PLUGIN-MANIFEST",
            "plugin build",
        ),
        (&["plugin", "pack", dir], "E-PLUGIN-FILE", "plugin.toml"),
        (
            &["plugin", "pack", package, "-o", &out],
            "E-FILE",
            "make it first",
        ),
        (
            &["plugin", "keygen", "--to", &key],
            "E-FILE",
            "make it first",
        ),
        (
            &["plugin", "keygen", "--to", &at("taken")],
            "E-PLUGIN-EXISTS",
            "another name",
        ),
        (
            &["plugin", "sign", package, "--key", &key],
            "E-PLUGIN-KEY",
            "plugin keygen",
        ),
        (
            &["plugin", "sign", package, "--key", &at("taken")],
            "E-PLUGIN-KEY",
            "plugin keygen",
        ),
        (
            &["plugin", "verify", package, "--key", "ab"],
            "E-PLUGIN-KEY",
            "plugin keygen",
        ),
        (
            &["plugin", "verify", package, "--key", &"00".repeat(32)],
            "E-PLUGIN-UNSIGNED",
            "--key",
        ),
        (
            &["plugin", "new", "--lang", "rust", "own", "--dir", dir],
            "E-PLUGIN-EXISTS",
            "--dir",
        ),
        (
            &["plugin", "new", "--lang", "rust", "X", "--dir", dir],
            "E-PLUGIN-NAME",
            "a-z",
        ),
    ] {
        let said = run(&[args, &["--json"]].concat());
        assert!(
            said.err.contains(&format!("{code:?}")),
            "{args:?}: {}",
            said.err
        );
        let (_, told) = place_and_hint(&said.err);
        assert!(told.contains(hint), "{args:?}: {told}");
    }
}

#[test]
fn beside_a_server_dry_runs_read_and_writers_are_told_the_way() {
    let data = Data::new();
    let server = Server::start(data.0.path());
    let copy = Copy::new();
    let path = copy.folder.path().to_str().unwrap();
    let dry = data.run(&["plugin", "install", path, "--dry-run"]);
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    let dry = data.run(&["plugin", "upgrade", "--all", "tianjin", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}{}", dry.out, dry.err);
    for (args, hint) in [
        (&["plugin", "install", path][..], "stop the server"),
        (&["plugin", "remove", "tianjin"], "stop the server"),
        (
            &[
                "decision", "make", "tianjin", "TJ-A1", "--option", "as-good", "--reason", "x",
            ],
            "POST /api/v1/provinces/",
        ),
        (&["project", "fire", "A", "b"], "POST /api/v1/projects/"),
        (&["token", "create", "--name", "li"], "stop the server"),
    ] {
        let said = data.run(args);
        assert!(
            said.code == 69 && said.err.contains("E-STORE-LOCKED") && said.err.contains(hint),
            "{args:?}: {}",
            said.err
        );
    }
    server.stop();
}

#[test]
fn the_doctor_knows_what_is_installed_and_what_is_missing() {
    let data = Data::new();
    let copy = Copy::new();
    let key = sign(&copy);
    let doctor = || {
        let report = data.run(&["doctor", "--json"]).json();
        let checks = report["checks"].as_array().unwrap().clone();
        let of = |code: &str| {
            let of_code = checks.iter().filter(|check| check["code"] == code);
            let lines = of_code.map(|check| {
                let word = |key: &str| check[key].as_str().unwrap_or_default();
                format!("{} {}", word("level"), word("detail"))
            });
            lines.collect::<Vec<String>>()
        };
        (of("D-PACKAGES"), of("D-INCIDENTS"))
    };
    let configure = |is_trusted: bool| {
        let trusted = if is_trusted {
            format!("{key:?}")
        } else {
            String::new()
        };
        data.configure(&format!(
            "[plugins]\ntrusted = [{trusted}]\nrequire-signature = true\n"
        ));
    };
    configure(true);
    assert_eq!(data.install(copy.folder.path()).code, 0);
    let create = |code: &str, province: &str| {
        let create = [
            "project",
            "create",
            "--code",
            code,
            "--name",
            "站",
            "--province",
            province,
        ];
        assert_eq!(data.run(&create).code, 0);
    };
    create("E-1", ID);
    create("E-2", ID);
    create("T-1", "tianjin");
    let (packages, incidents) = doctor();
    assert!(
        packages[0].starts_with("ok ") && packages[0].contains("tianjin (1 open)"),
        "{packages:?}"
    );
    let installed = &packages[1];
    for part in [
        "ok example-county 0.1.0",
        &key,
        "which is trusted",
        "2 open projects",
    ] {
        assert!(installed.contains(part), "{part}: {installed}");
    }
    assert!(incidents[0].starts_with("ok "), "{incidents:?}");
    configure(false);
    assert!(doctor().0[1].starts_with("warn "), "{:?}", doctor().0);
    // A component that is lost is told of before a project needs it.
    let database = data.0.path().join("liucheng.db");
    let edit = "DELETE FROM document WHERE kind = 'component' AND id = 'example-county'";
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", database.display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let gone = sqlx::raw_sql(edit).execute(&mut connection).await.unwrap();
        assert_eq!(gone.rows_affected(), 1);
        connection.close().await.unwrap();
    });
    let (packages, _) = doctor();
    assert!(
        packages[1].starts_with("bad ") && packages[1].contains("missing"),
        "{packages:?}"
    );
    // The command that needs it is refused, and the project carries that on.
    for (event, fact) in [
        ("finish-survey", "survey.finished=2026-03-02"),
        ("approve-plan", "plan.approved=2026-03-03"),
    ] {
        assert_eq!(
            data.run(&["project", "fire", "E-1", event, "--fact", fact])
                .code,
            0
        );
    }
    let confirm = [
        "project",
        "fire",
        "E-1",
        "confirm-budget",
        "--fact",
        "budget.total=40000",
        "--fact",
        "budget.fund_base=1000000",
        "--fact",
        "budget.confirmed=2026-03-04",
    ];
    let said = data.run(&confirm);
    assert!(said.err.contains("E-PLUGIN-MISSING"), "{}", said.err);
    let (_, incidents) = doctor();
    assert!(
        incidents[0].starts_with("warn ") && incidents[0].contains("E-1 (cap"),
        "{incidents:?}"
    );
}
