//! The contract of `plan` and `calendar explain` that other programs rely on.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::{
    Said, liucheng,
    package::{Copy, Data, ID},
    run, run_with,
};

fn plan(province: Option<&str>, facts: &Json) -> Json {
    let mut args = vec!["plan", "--facts", "-", "--json"];
    if let Some(province) = province {
        args.extend(["--province", province]);
    }
    let said = run_with(&args, facts.to_string().as_bytes());
    assert_eq!(said.code, 0, "{}", said.err);
    said.json()
}

fn dates(plan: &Json) -> BTreeMap<String, (Json, Json)> {
    let deadlines = plan["deadlines"].as_array().unwrap().iter();
    deadlines
        .map(|d| {
            (
                d["rule"].as_str().unwrap().to_owned(),
                (d["due"].clone(), d["unrolled"].clone()),
            )
        })
        .collect()
}

#[test]
fn yuanzhou_2021_comes_out_exactly() {
    let plan = plan(
        Some("ningxia-yuanzhou"),
        &json!({
            "award.notice_issued": "2021-08-27", "contract.signed": "2021-08-30", "contract.expiry": "2022-08-29",
            "contract.amount": "5450000", "staff.onboard": "2021-09-01",
            "eval.mid.passed": "2022-01-18", "eval.final.passed": "2022-08-12",
        }),
    );
    assert_eq!(plan["province"], "ningxia-yuanzhou");
    let dates = dates(&plan);
    for (rule, due) in [
        ("YZ-10", "2021-08-15"),
        ("YZ-11", "2021-08-20"),
        ("YZ-12", "2021-08-31"),
        ("CN-CONTRACT-30D", "2021-09-26"),
        ("CN-BIDBOND-RETURN-LOSERS", "2021-09-03"),
        ("CN-CONTRACT-PUBLICITY-2WD", "2021-09-01"),
        ("CN-BIDBOND-RETURN-WINNER", "2021-09-06"),
        ("CN-FILING-7WD", "2021-09-08"),
        ("YZ-06", "2021-09-18"),
        ("YZ-07", "2022-02-11"),
        ("YZ-08", "2022-09-02"),
        ("YZ-02", "2022-07-29"),
        ("YZ-14", "2023-09-01"),
    ] {
        assert_eq!(dates[rule], (json!(due), json!(due)), "{rule}");
    }
    let payments: Vec<_> = plan["payments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            (
                p["no"].clone(),
                p["percent"].clone(),
                p["amount"].clone(),
                p["due"].clone(),
                p["rule"].clone(),
            )
        })
        .collect();
    assert_eq!(
        payments,
        [
            (
                json!(1),
                json!("50"),
                json!("2725000.00"),
                json!("2021-09-18"),
                json!("YZ-06")
            ),
            (
                json!(2),
                json!("30"),
                json!("1635000.00"),
                json!("2022-02-11"),
                json!("YZ-07")
            ),
            (
                json!(3),
                json!("20"),
                json!("1090000.00"),
                json!("2022-09-02"),
                json!("YZ-08")
            ),
        ]
    );
}

#[test]
fn every_deadline_carries_its_reason() {
    let plan = plan(None, &json!({"award.notice_issued": "2026-10-23"}));
    let contract = plan["deadlines"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["rule"] == "CN-CONTRACT-30D")
        .unwrap()
        .clone();
    assert_eq!(
        (&contract["due"], &contract["unrolled"]),
        (&json!("2026-11-23"), &json!("2026-11-22"))
    );
    assert_eq!(contract["anchor"], "award.notice_issued");
    assert_eq!(contract["anchor_date"], "2026-10-23");
    assert_eq!(contract["basis"]["article"], "46");
    assert_eq!(contract["force"], "law");
    // Thirty counted days, the start, the rolled Sunday, the result.
    assert!(contract["derivation"].as_array().unwrap().len() >= 32);
}

#[test]
fn a_missing_number_is_asked_for() {
    let findings = |plan: Json, rule: &str, code: &str| {
        let all = plan["findings"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|f| f["rule"] == rule && f["code"] == code)
            .count()
    };
    let yuanzhou = plan(
        Some("ningxia-yuanzhou"),
        &json!({"contract.signed": "2021-08-30", "budget.total": "5450000"}),
    );
    assert!(
        yuanzhou["payments"]
            .as_array()
            .unwrap()
            .iter()
            .all(|p| p["amount"].is_null())
    );
    assert!(
        findings(yuanzhou.clone(), "YZ-04", "input-required") >= 1,
        "{:#}",
        yuanzhou["findings"]
    );
    assert!(findings(yuanzhou, "YZ-13", "input-required") >= 1);
    let tianjin = plan(
        Some("tianjin"),
        &json!({"contract.signed": "2021-07-23", "contract.amount": "250000"}),
    );
    assert_eq!(tianjin["payments"], json!([]));
    assert!(
        findings(tianjin.clone(), "TJ-A5", "input-required")
            + findings(tianjin, "TJ-A5", "needs-decision")
            >= 1
    );
}

#[test]
fn defaults_are_announced() {
    let plan = plan(Some("tianjin"), &json!({"contract.signed": "2021-07-23"}));
    assert_eq!(
        dates(&plan)["TJ-04"],
        (json!("2021-08-09"), json!("2021-08-07"))
    );
    let defaulted = plan["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["code"] == "defaulted")
        .count();
    assert!(defaulted >= 2, "contract.effective and contract.start");
}

#[test]
fn facts_come_flat_nested_or_with_provenance() {
    let flat = plan(None, &json!({"contract.signed": "2021-08-30"}));
    let nested = plan(None, &json!({"contract": {"signed": "2021-08-30"}}));
    let case = plan(
        None,
        &json!({"inputs": {"contract.signed": {"value": "2021-08-30", "source": "text", "note": ""}}}),
    );
    assert_eq!(flat["deadlines"], nested["deadlines"]);
    assert_eq!(flat["deadlines"], case["deadlines"]);
    let term = plan(
        None,
        &json!({"contract.term": ["2021-08-30", "2022-08-29"]}),
    );
    let ends = plan(
        None,
        &json!({"contract.start": "2021-08-30", "contract.expiry": "2022-08-29"}),
    );
    assert_eq!(term["deadlines"], ends["deadlines"]);
    let typo = plan(None, &json!({"contract.singed": "2021-08-30"}));
    assert_eq!(typo["findings"][0]["code"], "unknown-fact");
    assert!(
        typo["findings"][0]["message_en"]
            .as_str()
            .unwrap()
            .contains("contract.signed")
    );
}

#[test]
fn bad_facts_have_one_coded_message() {
    for (facts, code, exit) in [
        ("{\"contract.signed\": \"2021-02-30\"}", "E-DATE-INVALID", 2),
        ("{\"contract.amount\": \"-1\"}", "E-MONEY-NEGATIVE", 2),
        ("{\"contract.amount\": \"1.005\"}", "E-MONEY-PRECISION", 2),
        ("{\"contract.signed\": 20210830}", "E-FACT-TYPE", 2),
        ("{\"eval.mid.grade\": \"superb\"}", "E-FACT-ENUM", 2),
        ("{\"contract.signed\": ", "E-JSON", 2),
        ("[1]", "E-JSON", 2),
        (
            "{\"contract.signed\": \"2021-08-30\", \"contract.signed\": \"2021-08-31\"}",
            "E-JSON-DUPLICATE",
            2,
        ),
        (
            "{\"supplier\": {\"name\": \"a\", \"name\": \"b\"}}",
            "E-JSON-DUPLICATE",
            2,
        ),
        (
            "{\"contract.signed\": \"2021-08-30\", \"contract\": {\"signed\": \"2021-08-31\"}}",
            "E-JSON-DUPLICATE",
            2,
        ),
        ("\u{0}\u{1}", "E-JSON", 2),
    ] {
        let said = run_with(&["plan", "--facts", "-"], facts.as_bytes());
        assert_eq!(said.code, exit, "{facts}: {}", said.err);
        assert!(
            said.err.starts_with(&format!("error[{code}]: ")),
            "{facts}: {}",
            said.err
        );
        assert!(said.err.contains("\n  hint: "), "{facts}: {}", said.err);
        assert_eq!(said.out, "");
    }
    let said = run_with(&["plan", "--facts", "-", "--province", "atlantis"], b"{}");
    assert_eq!(
        (said.code, said.err.contains("E-PROVINCE-UNKNOWN")),
        (3, true),
        "{}",
        said.err
    );
    let said = run_with(&["plan", "--facts", "-"], &[0xff, 0xfe]);
    assert_eq!(
        (said.code, said.err.contains("E-FILE")),
        (2, true),
        "{}",
        said.err
    );
}

#[test]
fn calendar_explain_derives() {
    for (from, rule, due, unrolled, provisional) in [
        (
            "2021-08-30",
            "15 working-days",
            json!("2021-09-18"),
            json!("2021-09-18"),
            false,
        ),
        (
            "2026-09-14",
            "at least 20 days",
            json!("2026-10-08"),
            json!("2026-10-04"),
            false,
        ),
        (
            "2022-08-29",
            "1 month before",
            json!("2022-07-29"),
            json!("2022-07-29"),
            false,
        ),
        (
            "2021-01-31",
            "1 month",
            json!("2021-03-01"),
            json!("2021-02-28"),
            false,
        ),
        (
            "2026-12-10",
            "30 days",
            Json::Null,
            json!("2027-01-09"),
            true,
        ),
        (
            "2026-12-25",
            "15 working-days",
            Json::Null,
            Json::Null,
            true,
        ),
    ] {
        let said = run(&[
            "calendar", "explain", "--from", from, "--rule", rule, "--json",
        ]);
        let json = said.json();
        assert_eq!(
            (&json["due"], &json["unrolled"]),
            (&due, &unrolled),
            "{from} {rule}"
        );
        assert_eq!(json["provisional"], provisional, "{from} {rule}");
        assert!(json["derivation"].as_array().unwrap().len() > 1);
    }
    let text = run(&[
        "calendar",
        "explain",
        "--from",
        "2021-08-30",
        "--rule",
        "15 working-days",
    ])
    .out;
    assert!(
        text.contains("2021-09-18") && text.contains("调休"),
        "{text}"
    );
    for (from, rule, code) in [
        ("2021-02-30", "30 days", "E-DATE-INVALID"),
        ("2021-02-28", "soon", "E-PERIOD-"),
        ("2021-02-28", "0 days", "E-PERIOD-ZERO"),
        ("2021-02-28", "-3 days", "E-PERIOD-"),
        ("1899-12-31", "3 days", "E-DATE-RANGE"),
        ("2201-01-01", "3 days", "E-DATE-RANGE"),
        ("2200-12-31", "10000 years", "E-DATE-RANGE"),
        ("1900-01-01", "10000 years before", "E-DATE-RANGE"),
    ] {
        let said = run(&["calendar", "explain", "--from", from, "--rule", rule]);
        assert_eq!(said.code, 2, "{from} {rule}");
        assert!(said.err.contains(code), "{from} {rule}: {}", said.err);
    }
}

#[test]
fn a_layer_adds_and_removes_days() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ningxia.toml");
    let head =
        "schema = 1\nid = \"ningxia\"\nversion = \"1\"\nlayer = \"province\"\nextends = \"cn\"\n";
    let day = |date: &str| {
        format!(
            "[[day]]\ndate = \"{date}\"\nkind = \"holiday\"\nname = \"开斋节\"\nsource = \"通知\"\n"
        )
    };
    std::fs::write(&path, format!("{head}{}", day("2026-03-20"))).unwrap();
    let layer = path.to_str().unwrap();
    let args = [
        "calendar",
        "explain",
        "--from",
        "2026-03-18",
        "--rule",
        "2 working-days",
        "--json",
    ];
    assert_eq!(run(&args).json()["due"], "2026-03-20");
    let layered = run(&[&args[..], &["--layer", layer]].concat()).json();
    assert_eq!(layered["due"], "2026-03-23");
    assert!(
        layered["calendar"]["version"]
            .as_str()
            .unwrap()
            .contains("ningxia@1"),
        "{layered}"
    );
    std::fs::write(&path, format!("{head}{}", day("2026-02-30"))).unwrap();
    let said = run(&[&args[..], &["--layer", layer]].concat());
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(
        said.err.contains("E-CALENDAR-DATE") && said.err.contains("ningxia.toml:7:"),
        "{}",
        said.err
    );
}

#[test]
fn a_period_in_other_words_is_understood() {
    for rule in ["15 working days", "15 工作日", "15个工作日"] {
        let said = run(&[
            "calendar",
            "explain",
            "--from",
            "2021-08-30",
            "--rule",
            rule,
        ]);
        assert_eq!(said.code, 2, "{rule}");
        assert!(
            said.err.contains("did you mean `15 working-days`?"),
            "{rule}: {}",
            said.err
        );
        assert_eq!(said.err.matches("column").count(), 1, "{}", said.err);
    }
}

#[test]
fn files_from_windows_begin_with_a_mark() {
    let facts = "\u{feff}{\"contract.signed\": \"2021-08-30\"}";
    let said = run_with(&["plan", "--facts", "-", "--json"], facts.as_bytes());
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.json()["on"], "2021-08-30");
}

#[test]
fn a_plan_without_dates_is_for_no_day() {
    assert_eq!(
        plan(None, &json!({"contract.amount": "100"}))["on"],
        Json::Null
    );
    assert_eq!(plan(None, &json!({}))["on"], Json::Null);
}

#[test]
fn the_table_is_in_order_of_time() {
    let facts = json!({
        "award.notice_issued": "2021-08-27", "contract.signed": "2021-08-30", "contract.expiry": "2022-08-29",
        "contract.amount": "5450000",
    })
    .to_string();
    let shown = |columns: Option<&str>| -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("facts.json");
        std::fs::write(&file, &facts).unwrap();
        let mut command = liucheng();
        command
            .args(["plan", "--province", "ningxia-yuanzhou", "--facts"])
            .arg(&file);
        match columns {
            Some(columns) => command.env("COLUMNS", columns),
            None => command.env_remove("COLUMNS"),
        };
        let said: Said = command.output().unwrap().into();
        assert_eq!(said.code, 0, "{}", said.err);
        said.out
    };
    let narrow = shown(Some("80"));
    let dates: Vec<&str> = narrow
        .lines()
        .skip(1)
        .take_while(|l| !l.is_empty())
        .map(|l| l.split(' ').next().unwrap())
        .filter(|d| *d != "—")
        .collect();
    assert!(dates.len() > 10 && dates.is_sorted(), "{dates:?}");
    let cells = |l: &str| {
        l.chars()
            .map(|c| 1 + usize::from((c as u32) >= 0x2e80))
            .sum::<usize>()
    };
    assert!(narrow.lines().all(|l| cells(l) <= 80), "{narrow}");
    assert!(!shown(None).contains('…'), "a pipe cuts nothing");
}

#[test]
fn reports_of_the_whole_contract_are_listed() {
    let facts = json!({"contract.signed": "2021-08-30", "contract.expiry": "2022-08-29"});
    let reports = |facts: &Json| {
        let plan = plan(Some("ningxia-yuanzhou"), facts);
        let all = plan["reports"].as_array().unwrap().clone();
        let of = |rule: &str| -> Vec<(Json, Json, Json)> {
            let of_rule = all.iter().filter(|r| r["rule"] == rule);
            of_rule
                .map(|r| (r["period"].clone(), r["due"].clone(), r["unrolled"].clone()))
                .collect()
        };
        (of("YZ-17"), of("YZ-18"))
    };
    let (monthly, half_year) = reports(&facts);
    // Twelve months of a contract of twelve months, and no day that the text does not name.
    assert_eq!(monthly.len(), 12);
    assert_eq!(
        monthly[0],
        (json!("2021-09"), Json::Null, json!("2021-09-30"))
    );
    assert_eq!(monthly[11].0, "2022-08");
    let natural = [
        (json!("2021-H2"), Json::Null, json!("2021-12-31")),
        (json!("2022-H1"), Json::Null, json!("2022-06-30")),
    ];
    assert_eq!(half_year, natural);
    // Decided otherwise they are days from the start of the project; the point may be named as it is listed.
    for key in ["decision.yz_a5", "decision.YZ-A5"] {
        let mut decided = facts.clone();
        decided[key] = json!("project");
        assert_eq!(reports(&decided).1, [], "{key}");
    }
    assert_eq!(
        reports(&json!({"contract.signed": "2021-08-30"})),
        (vec![], vec![])
    );
}

/// An author sees the dates of a package that is installed nowhere, an operator those of what is installed.
#[test]
fn a_plan_goes_by_what_is_installed_or_by_a_path() {
    let facts = json!({"contract.signed": "2026-03-02"}).to_string();
    let filing = |said: Said| {
        assert_eq!(said.code, 0, "{}", said.err);
        dates(&said.json())["XX-02"].0.clone()
    };
    let ask = |before: &[&str], province: &str| {
        let args = [
            before,
            &["plan", "--facts", "-", "--json", "--province", province],
        ]
        .concat();
        run_with(&args, facts.as_bytes())
    };
    let (data, copy) = (Data::new(), Copy::new());
    let data_dir = data.0.path().to_str().unwrap();
    let folder = copy.folder.path().to_str().unwrap();
    let tar = copy.path("p.tar");
    let tar = tar.to_str().unwrap();
    // Not installed: only its path will do.
    let unknown = ask(&[], ID);
    assert_eq!(unknown.code, 3);
    assert!(
        unknown.err.contains("E-PROVINCE-UNKNOWN") && unknown.err.contains("by its path"),
        "{}",
        unknown.err
    );
    assert_eq!(filing(ask(&[], folder)), "2026-03-09");
    assert_eq!(copy.run(&["plugin", "pack", ".", "-o", tar]).code, 0);
    assert_eq!(filing(ask(&[], tar)), "2026-03-09");
    let installed = data.install(copy.folder.path());
    assert_eq!(installed.code, 0, "{}", installed.err);
    // What the author changes shows in the folder at once, and nowhere else.
    copy.edit("overlay.toml", "5 working-days", "6 working-days");
    assert_eq!(filing(ask(&[], folder)), "2026-03-10");
    assert_eq!(filing(ask(&["--data", data_dir], folder)), "2026-03-10");
    assert_eq!(filing(ask(&["--data", data_dir], ID)), "2026-03-09");
    // The component is asked, too.
    let plan = ask(&["--data", data_dir], ID).json();
    let findings = plan["findings"].as_array().unwrap();
    assert!(findings.iter().any(|f| f["rule"] == "XX-01"), "{plan}");
    // An overlay that is wrong says where.
    copy.edit("overlay.toml", "6 working-days", "0 working-days");
    let wrong = ask(&[], folder);
    assert!(
        wrong.code == 1 && wrong.err.contains("overlay.toml:27:"),
        "{}",
        wrong.err
    );
    let typo = copy.path("typo");
    let typo = ask(&["--data", typo.to_str().unwrap()], ID);
    assert!(
        typo.code == 3 && typo.err.contains("E-DATA-DIR"),
        "{}",
        typo.err
    );
}
