//! The benchmarks measure something, lose nothing and leave nothing behind; fsyncs are counted.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value as Json;

use crate::{
    nodes::server as postgres,
    support::{Said, liucheng, run},
};

/// Fsyncs for each change with one client: its own, and its share of copying the log.
const FSYNCS_ONE: f64 = 1.15;
/// With 64 clients, which share them.
const FSYNCS_MANY: f64 = 0.08;

fn bench(folder: &Path, args: &[&str]) -> Said {
    liucheng()
        .arg("bench")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}

fn number(report: &Json, key: &str) -> f64 {
    report[key]
        .as_f64()
        .unwrap_or_else(|| panic!("{key}: {report}"))
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

#[test]
fn transitions_are_measured_beside_the_raw_limit() {
    let folder = tempfile::tempdir().unwrap();
    for extra in [&[][..], &["--http"], &["--package", "tianjin"]] {
        let mut args = vec!["lifecycle", "--clients", "8", "--seconds", "1", "--json"];
        args.extend(extra);
        let said = bench(folder.path(), &args);
        assert_eq!(said.code, 0, "{extra:?}: {}", said.err);
        let report = said.json();
        for key in [
            "transitions_per_second",
            "p50_ms",
            "p99_ms",
            "raw_per_second",
            "raw_single_per_second",
            "ratio",
        ] {
            assert!(number(&report, key) > 0.0, "{extra:?}: {key}: {report}");
        }
        assert!(
            number(&report, "p50_ms") <= number(&report, "p99_ms"),
            "{report}"
        );
        assert_eq!(report["clients"], 8);
        assert!(is_empty(folder.path()), "its folder is removed");
    }
}

#[test]
fn a_database_with_projects_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let made = run(&[
        "project", "create", "--data", data, "--code", "N-1", "--name", "n",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    let database = format!("{data}/liucheng.db");
    for what in ["lifecycle", "timers", "recovery"] {
        let said = bench(folder.path(), &[what, "--database", &database]);
        assert_eq!(said.code, 2, "{what}: {}", said.err);
        assert!(
            said.err.contains("E-BENCH-DATABASE"),
            "{what}: {}",
            said.err
        );
    }
}

#[test]
fn timers_fire_and_kills_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let said = bench(
        folder.path(),
        &["timers", "--pending", "2000", "--due", "300", "--json"],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let report = said.json();
    assert!(number(&report, "fired_per_second") > 0.0, "{report}");
    assert!(
        number(&report, "first_late_ms") >= 0.0,
        "never early: {report}"
    );
    let said = bench(
        folder.path(),
        &["recovery", "--in-flight", "50", "--kills", "2", "--json"],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let report = said.json();
    assert_eq!(report["acknowledged_lost"], 0, "{report}");
    assert!(number(&report, "acknowledged_kept") > 0.0, "{report}");
    assert!(is_empty(folder.path()));
}

#[test]
fn starts_are_measured_with_and_without_compiled_code() {
    let folder = tempfile::tempdir().unwrap();
    let said = bench(folder.path(), &["start", "--runs", "2", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let reports = said.json();
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 5, "{reports:?}");
    for report in reports {
        assert_eq!(report["runs"], 2);
        let first = number(report, "first_command_ms");
        assert!(number(report, "listening_ms") <= first, "{report}");
        assert!(first <= number(report, "first_command_max_ms"), "{report}");
        assert!(number(report, "raw_process_ms") > 0.0, "{report}");
        if cfg!(target_os = "linux") {
            assert!(number(report, "rss_mib") > 5.0, "{report}");
        }
    }
    let verdict = |what: &str| {
        let found = reports.iter().find(|report| report["what"] == what);
        number(found.unwrap(), "first_verdict_ms")
    };
    // Compiling takes many times as long as taking what was compiled.
    let compiles = verdict("all packages, new folder, nothing compiled");
    assert!(verdict("all packages, new folder, compiled") < compiles / 2.0);
    assert!(verdict("all packages, existing folder, compiled") < compiles / 2.0);
    assert!(is_empty(folder.path()));
}

#[test]
fn growth_is_measured_by_projects_and_by_history() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "growth",
        "--projects",
        "20,200",
        "--history",
        "3,12",
        "--clients",
        "4",
        "--seconds",
        "1",
        "--seed",
        "7",
        "--json",
    ];
    let said = bench(folder.path(), &args);
    assert_eq!(said.code, 0, "{}", said.err);
    let reports = said.json();
    let reports = reports.as_array().unwrap();
    let kinds: Vec<_> = reports
        .iter()
        .map(|r| {
            let word = |key: &str| r[key].as_str().unwrap().to_owned();
            (word("what"), word("state"), r["count"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("projects", "remembered", 20),
        ("projects", "remembered", 200),
        ("projects", "read", 20),
        ("projects", "read", 200),
        ("history", "read", 3),
        ("history", "read", 12),
    ];
    let expected = expected.map(|(what, state, count)| (what.to_owned(), state.to_owned(), count));
    assert_eq!(kinds, expected);
    for report in reports {
        assert!(number(report, "transitions") > 0.0, "{report}");
        assert!(number(report, "of_first") > 0.0, "{report}");
        assert_eq!(report["seed"], 7);
        let touched = match report["what"].as_str().unwrap() {
            "projects" => number(report, "count"),
            _ => 4.0 * 10.0,
        };
        assert!((number(report, "touched") - touched).abs() < 0.5);
    }
    assert!(is_empty(folder.path()));
    let said = bench(folder.path(), &["growth", "--database", "postgres://x/y"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("E-USAGE"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_do_everything_once() {
    let folder = tempfile::tempdir().unwrap();
    let said = bench(folder.path(), &["nodes"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("E-BENCH-NODES"), "{}", said.err);
    let Some(postgres) = postgres::shared() else {
        return;
    };
    let database = postgres.database().await;
    let args = [
        "nodes",
        "--database",
        &database,
        "--nodes",
        "1,3",
        "--clients",
        "8",
        "--seconds",
        "1",
        "--json",
    ];
    let said = bench(folder.path(), &args);
    assert_eq!(said.code, 0, "{}", said.err);
    let reports = said.json();
    let reports = reports.as_array().unwrap();
    assert_eq!(reports.len(), 2);
    for (report, nodes) in reports.iter().zip([1, 3]) {
        assert_eq!(report["nodes"], nodes);
        assert_eq!(report["clients"], 8);
        assert_eq!(report["acknowledged_lost"], 0, "{report}");
        assert_eq!(report["duplicates"], 0, "{report}");
        let transitions = number(report, "transitions");
        assert!(transitions > 0.0, "{report}");
        // With what was done to warm up, and with openings.
        assert!(number(report, "acknowledged_once") > transitions);
        assert!(number(report, "mails") > 0.0, "{report}");
        assert!(number(report, "raw_per_second") > 0.0, "{report}");
    }
    assert!((number(&reports[0], "of_first") - 1.0).abs() < 1e-9);
    let said = bench(folder.path(), &args);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("E-BENCH-DATABASE"), "{}", said.err);
    assert!(is_empty(folder.path()));
}

#[test]
fn components_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let said = bench(folder.path(), &["plugin", "--calls", "20", "--json"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let reports = said.json();
    let reports = reports.as_array().unwrap();
    assert!(
        reports.len() >= 4,
        "each package with 5 and 50 facts: {reports:?}"
    );
    assert!(
        reports
            .iter()
            .all(|r| number(r, "p50_us") > 0.0 && r["fuel"].as_u64() > Some(0))
    );
    assert!(reports.iter().all(|r| number(r, "load_us") > 0.0));
    let said = bench(folder.path(), &["plugin", "--package", "atlantis"]);
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.err.contains("E-PLUGIN-UNKNOWN"), "{}", said.err);
}

/// Fsyncs for each change: what a longer run has more than a shorter one, which leaves out opening,
/// migrating and closing. `None`, loudly, without strace.
fn fsyncs(clients: &str) -> Option<f64> {
    let (short, few) = count(clients, "1")?;
    let (long, many) = count(clients, "4")?;
    let each = (long - short) / (many - few);
    println!("{clients} clients: {each:.3} fsyncs each: {short} for {few}, {long} for {many}");
    Some(each)
}

/// Counts fsyncs and changes of a whole run.
fn count(clients: &str, seconds: &str) -> Option<(f64, f64)> {
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts");
    let mut command = Command::new("strace");
    command
        .args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"])
        .arg(&counts)
        .arg(env!("CARGO_BIN_EXE_liucheng"))
        .args([
            "bench",
            "lifecycle",
            "--without-raw",
            "--json",
            "--clients",
            clients,
            "--seconds",
            seconds,
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            let required = std::env::var("LIUCHENG_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("strace"), "strace does not run: {error}");
            let word = "\n=== SKIPPED: counting fsyncs. There is no strace. ===\n";
            // Past the test harness, which would keep it to itself.
            std::io::Write::write_all(&mut std::io::stderr(), word.as_bytes()).unwrap();
            return None;
        }
    };
    let said = Said::from(output);
    assert_eq!(said.code, 0, "{}", said.err);
    let text = std::fs::read_to_string(&counts).unwrap();
    let calls: f64 = text
        .lines()
        .filter(|line| line.ends_with("fsync") || line.ends_with("fdatasync"))
        .filter_map(|line| line.split_whitespace().nth(3)?.parse::<f64>().ok())
        .sum();
    assert!(calls > 10.0, "{text}");
    Some((calls, number(&said.json(), "changes")))
}

#[test]
fn fsyncs_are_shared() {
    if let Some(each) = fsyncs("1") {
        assert!(
            each <= FSYNCS_ONE,
            "{each:.3} fsyncs for each change of one client"
        );
    }
    if let Some(each) = fsyncs("64") {
        assert!(
            each <= FSYNCS_MANY,
            "{each:.3} fsyncs for each change of 64 clients"
        );
    }
}

/// Nobody shall believe that the disk under a folder was measured when another one was.
#[test]
fn a_data_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = [
        "lifecycle",
        "timers",
        "recovery",
        "plugin",
        "start",
        "growth",
        "nodes",
    ];
    for bench in all {
        let said = run(&["bench", bench, "--data", data.to_str().unwrap()]);
        assert_eq!(said.code, 2, "{}", said.err);
        assert!(said.err.contains("error[E-USAGE]: --data"), "{}", said.err);
    }
    assert!(!data.exists());
}
