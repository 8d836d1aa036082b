//! The demo: nine jurisdictions from survey to renewal.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

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
    let all = demo["projects"].as_array().unwrap();
    let found = all.iter().find(|p| p["code"] == code);
    found.unwrap_or_else(|| panic!("no project {code}"))
}

/// The texts of a field in a list.
fn texts<'a>(list: &'a Json, field: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item[field].as_str().unwrap()).collect()
}

/// What the documents imply, each with the way it comes about: project, obligation, last day.
/// Days off and make-up days are those of the State Council's notices.
const DUE: [(&str, &str, &str); 42] = [
    // LW-01 to LW-03: the windows' last days.
    ("LW-2023", "survey-and-plan", "2023-02-28"),
    ("LW-2023", "tender-and-service", "2023-11-30"),
    ("LW-2023", "final-acceptance", "2023-12-31"),
    // 3 April + 30 days are 3 May, a day off: 4 May.
    ("LW-2023", "sign-contract", "2023-05-04"),
    // Seven and five working days from Thursday 20 April; Sunday the 23rd is a make-up day.
    ("LW-2023", "contract-filing", "2023-04-28"),
    ("LW-2023", "bond-winner", "2023-04-26"),
    // 30 August + 30 days are 29 September; 7 October is the first working day, a Saturday.
    ("LW-2023", "invoice-payment", "2023-10-07"),
    // 22 December + 30 days are Sunday 21 January.
    ("LW-2023", "invoice-payment", "2024-01-22"),
    // Dates named in the text, and fifteen working days after each event.
    ("YZ-2021", "site", "2021-08-15"),
    ("YZ-2021", "fund", "2021-08-20"),
    ("YZ-2021", "procure", "2021-08-31"),
    ("YZ-2021", "pay-1", "2021-09-18"),
    ("YZ-2021", "pay-2", "2022-02-11"),
    ("YZ-2021", "pay-3", "2022-09-02"),
    ("YZ-2021", "newplan", "2022-07-29"),
    ("YZ-2021", "cert", "2023-09-01"),
    ("TJ-2021", "district-plan", "2021-06-15"),
    ("TJ-2021", "procure", "2021-07-31"),
    // 28 July + 15 days.
    ("TJ-2021", "staffing", "2021-08-12"),
    ("TJ-2021", "qualified", "2023-07-28"),
    // SX-A2: 1 July + 30 days are Sunday 31 July, so that the law ends after the window.
    ("SX-2022", "sign-30d", "2022-08-01"),
    ("SX-2022", "sign-window", "2022-07-31"),
    ("SX-2022", "plan", "2022-05-20"),
    ("SX-2022", "procure", "2022-06-30"),
    ("SX-2022", "serve", "2022-09-15"),
    ("SX-2022", "cover-county", "2022-09-30"),
    // Three working days from Thursday 21 July.
    ("SP-2022", "inquiry-answer", "2022-07-26"),
    ("SP-2022", "orgs", "2023-12-31"),
    // Two working days from Friday 7 May: Saturday the 8th is a make-up day.
    ("HN-2021", "evaluation-report", "2021-05-10"),
    ("HN-2021", "pilot-2021", "2021-12-31"),
    ("HN-2021", "spread-2022", "2022-12-31"),
    ("HN-2021", "evaluations", "2023-09-01"),
    ("ZL-2021", "build", "2021-09-30"),
    ("ZL-2021", "annual-evaluation", "2021-12-31"),
    // Two years from each person's own day; 1 July 2023 is a Saturday.
    ("ZL-2021", "certificate/p13", "2023-07-03"),
    ("ZL-2021", "certificate/p14", "2023-07-12"),
    // 8 July + 30 days + the eight of the challenge are Sunday 15 August.
    ("LF-141024", "sign-contract", "2021-08-16"),
    // Fifteen working days from 12 August; a month ends on Sunday 12 September.
    ("LF-141024", "file-agreement-city", "2021-09-02"),
    ("LF-141024", "staffing", "2021-09-13"),
    ("LF-141024", "cert/p4", "2024-09-06"),
    ("XC-2021", "build-2022", "2022-12-31"),
    ("XC-2021", "talent-doubled", "2023-12-31"),
];

fn dates_are_those_of_the_documents(demo: &Json) {
    for (code, key, due) in DUE {
        let deadlines = project(demo, code)["deadlines"].as_array().unwrap();
        let of = deadlines.iter().filter(|d| d["key"] == key);
        let found: Vec<&str> = of.map(|d| d["due"].as_str().unwrap()).collect();
        assert!(found.contains(&due), "{code} {key}: {due}, not {found:?}");
    }
    // Nothing that has a date in the text is late, and nothing is owed at the end.
    for jurisdiction in demo["jurisdictions"].as_array().unwrap() {
        assert_eq!(jurisdiction["overdue"], 0, "{jurisdiction}");
    }
    for project in demo["projects"].as_array().unwrap() {
        let late = project["deadlines"].as_array().unwrap().iter();
        let late: Vec<&str> = late
            .filter(|d| d["late"] == true)
            .map(|d| d["key"].as_str().unwrap())
            .collect();
        assert!(late.iter().all(|key| key.contains('@')), "{late:?}");
        assert!(late.len() <= 1, "{late:?}");
    }
    let late = project(demo, "LW-2023")["deadlines"].as_array().unwrap();
    let late: Vec<&Json> = late.iter().filter(|d| d["late"] == true).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0]["key"], "volunteering@2023-07");
}

fn amounts_are_those_of_the_documents(demo: &Json) {
    let paid = |code: &str| texts(&project(demo, code)["payments"], "amount");
    // LW-07: the common project, paid on the two evaluations.
    assert_eq!(paid("LW-2023"), ["612000.00", "408000.00"]);
    // YZ-06 to YZ-08: 50, 30 and 20 % of 5,450,000.
    assert_eq!(paid("YZ-2021"), ["2725000.00", "1635000.00", "1090000.00"]);
    // TJ-A4: 50 × 250,000 a year, in two parts.
    assert_eq!(
        paid("TJ-2021"),
        ["7500000.00", "5000000.00"].repeat(3),
        "three years"
    );
    // SX-A4: equal parts, one for every three months of the contract.
    assert_eq!(paid("SX-2022"), ["240000.00"; 4]);
    assert_eq!(paid("SP-2022"), ["240000.00", "180000.00", "180000.00"]);
    // The last fifth of the contract that failed is never paid.
    assert_eq!(
        paid("HN-2021"),
        [
            "120000.00",
            "72000.00",
            "480000.00",
            "288000.00",
            "192000.00"
        ]
    );
    // ZL-02: the townships' 3,320,200.
    assert_eq!(paid("ZL-2021"), ["1328080.00", "1328080.00", "664040.00"]);
    assert_eq!(paid("LF-141024"), ["120000.00", "120000.00"]);
    assert_eq!(
        paid("XC-2021"),
        ["300000.00", "300000.00", "660000.00", "660000.00"]
    );
    let computed = |code: &str| project(demo, code)["computed"].clone();
    // ZL-03: 90 % and 10 % of 3,320,200; ZL-05: what 3 % of 80 million leave; ZL-04: 1,680 + 10 %.
    assert_eq!(
        computed("ZL-2021"),
        json!({
            "allocation.staff_cost": "2988180.00", "allocation.operating_cost": "332020.00",
            "allocation.county_subsidy": "1366200.00", "allocation.wage_floor": "1848.00",
        })
    );
    // HN-15: 8 × 50,000; HN-25: 60 % of 13 townships, rounded up; HN-A5: both evaluations count.
    assert_eq!(
        computed("HN-2021"),
        json!({
            "allocation.city_subsidy_min": "400000.00", "allocation.stations_target": 8,
            "eval.combined_grade": "good",
        })
    );
    // LW-07: eight towns whose shares by recipients are the common project to the fen.
    let towns = computed("LW-2023")["allocation.towns"].clone();
    let fen = |field: &str| -> i64 {
        let amounts = texts(&towns, field).into_iter();
        amounts
            .map(|yuan| yuan.replace('.', "").parse::<i64>().unwrap())
            .sum()
    };
    assert_eq!(towns.as_array().unwrap().len(), 8);
    assert_eq!((fen("amount"), fen("planned")), (102_000_000, 102_000_000));
    // 140,542.80 = 1,020,000 × 1,980 / 14,370.
    assert_eq!(towns[0]["amount"], "140542.80");
}

fn people_decide_what_is_open(demo: &Json) {
    for jurisdiction in demo["jurisdictions"].as_array().unwrap() {
        let decided = jurisdiction["decided"].as_array().unwrap();
        assert!(!decided.is_empty(), "{jurisdiction}");
        assert!(jurisdiction["calls"].as_u64().unwrap() > 0);
        assert!(jurisdiction["fuel"].as_u64().unwrap() > 0);
    }
    let renewals = |code: &str| texts(&project(demo, code)["renewals"], "decision");
    assert_eq!(renewals("LW-2023"), ["archive"]);
    assert_eq!(renewals("YZ-2021"), ["renew"]);
    assert_eq!(
        renewals("TJ-2021"),
        ["renew", "human", "renew", "re-procure"],
        "优秀 is decided by a person, the cycle ends after three years"
    );
    assert_eq!(renewals("SX-2022"), ["renew"]);
    assert_eq!(renewals("HN-2021"), ["re-procure", "renew"]);
    assert_eq!(renewals("XC-2021"), ["renew", "archive"]);
    let decision = &project(demo, "SX-2022")["decisions"][1];
    assert_eq!(
        (&decision["issue"], &decision["option"], &decision["by"]),
        (&json!("SX-A4"), &json!("quarterly"), &json!("supervisor"))
    );
    assert!(decision["reason"].as_str().unwrap().contains("按季申请"));
    // LF-01: nine counties in 2021, eight in 2022.
    let counties = demo["projects"].as_array().unwrap().iter();
    let counties = counties.filter(|p| p["province"] == "shanxi-linfen");
    let mut years: BTreeMap<u64, usize> = BTreeMap::new();
    for county in counties {
        let year = county["computed"]["allocation.completion_year"].as_u64();
        *years.entry(year.unwrap()).or_default() += 1;
    }
    assert_eq!(years, BTreeMap::from([(2021, 9), (2022, 8)]));
    // A challenge stops the signing, a clarification moves the bids, a failure leads to another procurement.
    let told = |code: &str| texts(&project(demo, code)["notes"], "text").join("\n");
    assert!(told("LF-141024").contains("因质疑暂停签约"));
    assert!(told("LF-141024").contains("签订合同（30日） 期限顺延至 2021-08-16"));
    assert!(told("HN-2021").contains("截止 2022-07-15 顺延至 2022-07-21"));
    assert!(told("HN-2021").contains("末期评估不合格"));
}

/// The whole demo in lines: what a change of rules changes is seen at a glance.
fn summed_up(demo: &Json) -> String {
    let shown = |value: &Json| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut lines = Vec::new();
    for project in demo["projects"].as_array().unwrap() {
        let stage = &project["states"]["lifecycle"];
        let head = [
            &project["code"],
            stage,
            &project["version"],
            &project["mails"],
            &project["calls"],
        ];
        lines.push(format!("# {}", head.map(shown).join(" ")));
        for deadline in project["deadlines"].as_array().unwrap() {
            let fields = ["key", "rule", "due", "on", "late"].map(|f| shown(&deadline[f]));
            lines.push(fields.join(" "));
        }
        for payment in project["payments"].as_array().unwrap() {
            let fields = ["contract_year", "no", "amount", "rule", "due", "on"];
            lines.push(format!(
                "paid {}",
                fields.map(|f| shown(&payment[f])).join(" ")
            ));
        }
        lines.extend(
            texts(&project["notes"], "text")
                .iter()
                .map(|n| format!("note {n}")),
        );
        lines.push(format!("undecided {}", project["undecided"]));
        lines.push(format!("computed {}", project["computed"]));
    }
    lines.join("\n")
}

#[test]
fn the_demo_follows_nine_jurisdictions() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let said = run(&["demo", "--once", "--json", "--data", folder]);
    assert_eq!(said.code, 0, "{}", said.err);
    let demo = said.json();
    assert_eq!(demo["consistent"], true);
    let provinces = texts(&demo["jurisdictions"], "province");
    assert_eq!(
        provinces,
        [
            "ningxia-lingwu",
            "ningxia-yuanzhou",
            "tianjin",
            "shaanxi-county",
            "shaanxi-pilot",
            "henan",
            "hebei-zhuolu",
            "shanxi-linfen",
            "county-action-plan"
        ]
    );
    dates_are_those_of_the_documents(&demo);
    amounts_are_those_of_the_documents(&demo);
    people_decide_what_is_open(&demo);
    // Every mail that was planned lies there once, as a real mail.
    let ids = message_ids(&data.path().join("mail"));
    assert_eq!(ids.len() as u64, demo["mails"].as_u64().unwrap());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert!(!ids.is_empty());
    insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("demo", summed_up(&demo));
    });
    the_table_fits_eighty_columns(folder);
    // A second run on the same folder says the same and sends nothing again.
    let again = run(&["demo", "--once", "--json", "--data", folder]);
    assert_eq!((again.code, &again.out), (0, &said.out));
    assert_eq!(message_ids(&data.path().join("mail")).len(), ids.len());
    // The ordinary commands work on the demo's data.
    assert_eq!(run(&["--data", folder, "verify"]).code, 0);
}

/// A line without its millions of instructions: another compiler makes other instructions.
fn without_fuel(line: &str) -> Vec<&str> {
    let is_fuel = |word: &&str| {
        let millions = word.strip_suffix('M').map(str::parse::<f64>);
        millions.is_some_and(|parsed| parsed.is_ok())
    };
    line.split(' ')
        .filter(|word| !is_fuel(word) && !word.is_empty())
        .collect()
}

fn the_table_fits_eighty_columns(folder: &str) {
    let demo = |columns: Option<&str>| -> Said {
        let mut command = liucheng();
        command.args(["demo", "--once", "--data", folder, "--details", "YZ-2021"]);
        match columns {
            Some(columns) => command.env("COLUMNS", columns),
            None => command.env_remove("COLUMNS"),
        };
        command.output().unwrap().into()
    };
    let said = demo(Some("80"));
    assert_eq!(said.code, 0, "{}", said.err);
    let cells = |line: &str| -> usize {
        let wide = |c: char| (c as u32) >= 0x2e80;
        line.chars().map(|c| if wide(c) { 2 } else { 1 }).sum()
    };
    let lines = said.out.lines().filter(|l| !l.contains(folder));
    let too_wide: Vec<&str> = lines.filter(|l| cells(l) > 80).collect();
    assert!(too_wide.is_empty(), "{too_wide:#?}");
    assert!(said.out.contains("YZ-06") && said.out.contains("第46条"));
    // The READMEs show what is really said.
    for name in ["README.md", "README.zh-CN.md"] {
        let readme = fs::read_to_string(root().join(name)).unwrap();
        let samples = readme.split("```text\n").skip(1);
        let samples: Vec<&str> = samples.filter_map(|s| s.split("```").next()).collect();
        assert!(!samples.is_empty(), "{name}");
        for line in samples.iter().flat_map(|s| s.lines()).filter(|l| *l != "…") {
            let mut said = said.out.lines();
            let is_said = said.any(|l| without_fuel(l) == without_fuel(line));
            assert!(is_said, "{name} shows {line}");
        }
    }
    // Where no width is asked for, nothing is cut, and the summary is as wide as anywhere.
    let piped = demo(None);
    assert_eq!(piped.code, 0, "{}", piped.err);
    let summary = piped.out.lines().take_while(|l| !l.starts_with("状态 ="));
    let summary: Vec<&str> = summary.filter(|l| !l.contains(folder)).collect();
    assert!(summary.len() > 50, "{}", piped.out);
    let too_wide: Vec<&&str> = summary.iter().filter(|l| cells(l) > 80).collect();
    assert!(too_wide.is_empty(), "{too_wide:#?}");
    assert!(
        said.out.contains('…') && !piped.out.contains('…'),
        "{}",
        piped.out
    );
}

#[test]
fn one_jurisdiction_alone_can_be_played_and_others_added() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().to_str().unwrap();
    let demo =
        |more: &[&str]| run(&[&["demo", "--once", "--json", "--data", folder], more].concat());
    let alone = demo(&["--only", "shaanxi-pilot"]);
    assert_eq!(alone.code, 0, "{}", alone.err);
    assert_eq!(texts(&alone.json()["projects"], "code"), ["SP-2022"]);
    let both = demo(&["--only", "ningxia-yuanzhou"]);
    assert_eq!(both.code, 0, "{}", both.err);
    assert_eq!(
        texts(&both.json()["projects"], "code"),
        ["YZ-2021", "SP-2022"]
    );
    let unknown = demo(&["--only", "atlantis"]);
    assert_eq!(unknown.code, 2, "{}", unknown.err);
    let unknown = demo(&["--only", "tianjin", "--details", "YZ-2021"]);
    assert_eq!(unknown.code, 3, "{}", unknown.err);
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
    let said = run(&["demo", "--once", "--only", "tianjin", "--data", folder]);
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
    command.args(["demo", "--once", "--json", "--only", "ningxia-yuanzhou"]);
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
