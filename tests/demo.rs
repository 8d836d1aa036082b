//! The demo: two real projects from survey to renewal.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::{Value as Json, json};

use crate::support::run;

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
    let said = run(&["demo", "--once", "--data", folder]);
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
    // A second run on the same folder says the same and sends nothing again.
    let before = message_ids(&data.path().join("mail")).len();
    let again = run(&["demo", "--once", "--data", folder]);
    assert_eq!((again.code, &again.out), (0, &said.out));
    assert_eq!(message_ids(&data.path().join("mail")).len(), before);
    // The ordinary commands work on the demo's data.
    assert_eq!(run(&["--data", folder, "verify"]).code, 0);
}
