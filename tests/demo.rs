//! The demo: two real projects from survey to renewal.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value as Json, json};

use crate::support::{Said, liucheng, root, run};

/// Message ids of all mails in a folder; every file has exactly one.
pub fn message_ids(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mails = entries
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "eml"));
    let id = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let line = text
            .lines()
            .find(|l| l.to_ascii_lowercase().starts_with("message-id:"));
        line.unwrap_or_else(|| panic!("{} has no message id", path.display()))
            .to_owned()
    };
    mails.map(id).collect()
}

fn project<'a>(demo: &'a Json, code: &str) -> &'a Json {
    demo["projects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["code"] == code)
        .unwrap()
}

#[test]
fn the_demo_tells_two_whole_lives() {
    let data = tempfile::tempdir().unwrap();
    let said = run(&[
        "demo",
        "--once",
        "--json",
        "--data",
        data.path().to_str().unwrap(),
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
    let demo = said.json();
    assert_eq!(demo["consistent"], true);
    // Payments as the documents say, on time.
    let yuanzhou = project(&demo, "YZ-2021");
    let paid: Vec<(Json, Json, Json, Json)> = yuanzhou["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            (
                p["on"].clone(),
                p["amount"].clone(),
                p["rule"].clone(),
                p["due"].clone(),
            )
        })
        .collect();
    assert_eq!(
        paid,
        [
            (
                json!("2021-09-16"),
                json!("2725000.00"),
                json!("YZ-06"),
                json!("2021-09-18")
            ),
            (
                json!("2022-02-10"),
                json!("1635000.00"),
                json!("YZ-07"),
                json!("2022-02-11")
            ),
            (
                json!("2022-09-01"),
                json!("1090000.00"),
                json!("YZ-08"),
                json!("2022-09-02")
            ),
        ]
    );
    assert_eq!(yuanzhou["renewals"][0]["decision"], "renew");
    let tianjin = project(&demo, "TJ-2021");
    assert_eq!(
        tianjin["payments"].as_array().unwrap().len(),
        6,
        "two tranches in each of three years"
    );
    let decisions: Vec<&str> = tianjin["renewals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["decision"].as_str().unwrap())
        .collect();
    assert_eq!(
        decisions,
        ["renew", "human", "renew", "re-procure"],
        "优秀 is decided by a person, the cycle ends after three years"
    );
    // Every mail that was planned lies there once, as a real mail.
    let ids = message_ids(&data.path().join("mail"));
    assert_eq!(ids.len() as u64, demo["mails"].as_u64().unwrap());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(!ids.is_empty());
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_json_snapshot!("demo", demo);
    });
}

#[test]
fn the_table_fits_eighty_columns() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let demo = |columns: Option<&str>| -> Said {
        let mut command = liucheng();
        command.args(["demo", "--once", "--data", folder]);
        match columns {
            Some(columns) => command.env("COLUMNS", columns),
            None => command.env_remove("COLUMNS"),
        };
        command.output().unwrap().into()
    };
    let said = demo(Some("80"));
    assert_eq!(said.code, 0, "{}", said.err);
    let wide = |line: &&str| {
        line.chars()
            .map(|c| if (c as u32) >= 0x2e80 { 2 } else { 1 })
            .sum::<usize>()
            > 80
    };
    let too_wide: Vec<&str> = said
        .out
        .lines()
        .filter(wide)
        .filter(|l| !l.contains(folder))
        .collect();
    assert!(too_wide.is_empty(), "{too_wide:#?}");
    assert!(said.out.contains("YZ-06") && said.out.contains("第46条"));
    // The README shows what is really said.
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, sample) = readme.split_once("```text\n").unwrap();
    let (sample, _) = sample.split_once("```").unwrap();
    for line in sample.lines().filter(|l| *l != "…") {
        assert!(
            said.out.lines().any(|l| l == line),
            "README.md shows {line}"
        );
    }
    // A second run on the same folder says the same and sends nothing again.
    let before = message_ids(&data.path().join("mail")).len();
    let again = demo(Some("80"));
    assert_eq!((again.code, &again.out), (0, &said.out));
    assert_eq!(message_ids(&data.path().join("mail")).len(), before);
    // Where no width is asked for, nothing is cut.
    let piped = demo(None);
    assert_eq!(piped.code, 0, "{}", piped.err);
    assert!(
        said.out.contains('…') && !piped.out.contains('…'),
        "{}",
        piped.out
    );
    // The ordinary commands work on the demo's data.
    assert_eq!(run(&["--data", folder, "verify"]).code, 0);
}

#[test]
fn the_demo_keeps_off_other_projects() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let create = [
        "--data",
        folder,
        "project",
        "create",
        "--code",
        "L-1",
        "--name",
        "真实项目",
    ];
    assert_eq!(run(&create).code, 0);
    let history = || run(&["--data", folder, "project", "history", "L-1", "--json"]).out;
    let before = history();
    let said = run(&["demo", "--once", "--data", folder]);
    assert_eq!(said.code, 4, "{}", said.err);
    assert!(
        said.err.starts_with("error[E-DEMO-FOLDER]") && said.err.contains("choose another --data"),
        "{}",
        said.err
    );
    assert_eq!(history(), before);
    assert!(
        !data.path().join("mail").exists() || message_ids(&data.path().join("mail")).is_empty()
    );
    // A folder that only the environment names is left alone.
    let temp = tempfile::tempdir().unwrap();
    let mut command = liucheng();
    command.args(["demo", "--once", "--json"]);
    let said: Said = command
        .env("LIUCHENG_DATA", folder)
        .env("TMPDIR", temp.path())
        .output()
        .unwrap()
        .into();
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(history(), before);
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}
