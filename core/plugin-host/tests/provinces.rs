//! The shipped provinces in the real host, with production limits.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(
    clippy::print_stdout,
    reason = "figures for `cargo test -- --nocapture`"
)]

use std::{fs, path::PathBuf, sync::Arc, time::Instant};

use chrono::NaiveDate;
use liucheng_engine::ports::{ProvinceRules, RuleCall};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    fact::{FactValue, Facts, ROWS_MAX, Row, Scalar},
    money::Fen,
    verdict::{Hook, Parameter},
};
use liucheng_plugin_host::{
    CaseOutcome, CaseSource, Limits, PackageReport, PackageSource, Parameters, PluginHost,
    check_package,
};

fn plugins() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../plugins")
}

fn package(id: &str) -> (String, Vec<u8>) {
    let manifest = fs::read_to_string(plugins().join(id).join("plugin.toml")).unwrap();
    let component = fs::read(plugins().join("dist").join(format!("{id}.wasm"))).unwrap();
    (manifest, component)
}

fn cases(id: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = fs::read_dir(plugins().join(id).join("cases"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (
            format!("{id}/cases/{name}"),
            fs::read_to_string(path).unwrap(),
        )
    };
    files.iter().map(read).collect()
}

/// The parameters that a project's questions carry.
fn parameters(id: &str) -> Parameters {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let base = read(plugins().join("../workflows/social-work-station.toml"));
    let overlay = read(plugins().join(id).join("overlay.toml"));
    let source = |text| Source { name: "", text };
    let definition = Definition::load(source(&base), Some(source(&overlay))).unwrap();
    (*definition.parameters).clone()
}

#[test]
fn golden_cases_pass_in_the_real_host() {
    let host = PluginHost::new(Limits::default(), None).unwrap();
    for id in ["ningxia-yuanzhou", "tianjin"] {
        let (manifest, component) = package(id);
        let files = cases(id);
        let overlay = parameters(id);
        let files: Vec<CaseSource<'_>> = files
            .iter()
            .map(|(file, text)| CaseSource { file, text })
            .collect();
        let source = PackageSource {
            manifest: &manifest,
            component: &component,
        };
        let report = check_package(&host, source, &overlay, &files).unwrap();
        for case in &report.cases {
            println!(
                "{:>9} fuel {:>7.3} % {:>5} us  {id} {} {}",
                case.fuel,
                case.fuel_percent,
                case.elapsed.as_micros(),
                case.hook,
                case.name
            );
        }
        let failed: Vec<_> = report
            .cases
            .iter()
            .filter(|c| c.outcome != CaseOutcome::Passed)
            .collect();
        assert!(report.passed(), "{failed:#?}");
        assert!(
            report.heaviest().unwrap().fuel_percent < 10.0,
            "a golden case needs a tenth of the budget"
        );
        // Fuel counts instructions: a second run takes exactly as many.
        let again = check_package(&host, source, &overlay, &files).unwrap();
        let fuel = |report: &PackageReport| report.cases.iter().map(|c| c.fuel).collect::<Vec<_>>();
        assert_eq!(fuel(&report), fuel(&again));
    }
}

/// Cases are judged by the numbers of the overlay, and whatever else their file says is told.
#[test]
fn cases_see_the_parameters_of_the_overlay() {
    let host = PluginHost::new(Limits::default(), None).unwrap();
    let (manifest, component) = package("ningxia-yuanzhou");
    let source = PackageSource {
        manifest: &manifest,
        component: &component,
    };
    let run = |text: &str, overlay: &Parameters| {
        let files = [CaseSource {
            file: "a.toml",
            text,
        }];
        check_package(&host, source, overlay, &files).unwrap()
    };
    let case = "[[case]]\nname = \"floor\"\nhook = \"cap\"\ntoday = 2021-08-20\n\
                [case.facts]\n\"budget.fund_base\" = { money = \"1000000\" }\n\
                \"budget.total\" = { money = \"30000\" }\n\
                [[case.expect.findings]]\nzh = \"30,000.00 元满足 3% 下限的资金基数最高为 1,000,000.00 元\"\n";
    let given = |percent: &str| {
        format!(
            "[parameters]\nfloor-percent = {{ value = {{ percent = \"{percent}\" }}, rule = \"YZ-04\" }}\n{case}"
        )
    };
    let overlay = parameters("ningxia-yuanzhou");
    let passes = |report: &PackageReport| report.passed();
    assert!(passes(&run(case, &overlay)));
    // Another number in the overlay, none at all, or one that is not sent along: the case sees it.
    let changed = |change: fn(&mut Parameters)| {
        let mut overlay = overlay.clone();
        change(&mut overlay);
        overlay
    };
    let other = changed(|overlay| {
        let two = Scalar::Percent("2".parse().unwrap());
        overlay.get_mut("floor-percent").unwrap().value = FactValue::One(two);
    });
    let absent = changed(|overlay| drop(overlay.remove("floor-percent")));
    let elsewhere = changed(|overlay| {
        overlay.get_mut("floor-percent").unwrap().hooks = vec![Hook::Renewal];
    });
    for overlay in [&other, &absent, &elsewhere] {
        assert!(!passes(&run(case, overlay)));
    }
    // The same where the file brings the number itself, with which it would pass.
    assert!(!passes(&run(&given("3"), &elsewhere)));
    assert_eq!(run(&given("3.0"), &overlay).parameters, []);
    let problems = run(&given("3"), &other).parameters;
    assert_eq!(
        (problems[0].key.as_str(), problems[0].offset),
        ("floor-percent", 13)
    );
    assert!(
        problems[0].overlay.as_ref().unwrap().contains("\"2\""),
        "{problems:?}"
    );
    assert_eq!(run(&given("3"), &absent).parameters[0].overlay, None);
    // A single case may differ on purpose.
    let own = case.replace(
        "[[case.expect",
        "[case.parameters]\nfloor-percent = { value = { percent = \"3\" }, rule = \"YZ-04\" }\n[[case.expect",
    );
    let report = run(&own, &other);
    assert!(passes(&report));
    assert_eq!(report.parameters, []);
}

fn call(host: &PluginHost, manifest: &str, component: &[u8]) -> RuleCall {
    let package = host
        .load(PackageSource {
            manifest,
            component,
        })
        .unwrap();
    let percent = FactValue::One(Scalar::Percent("3".parse().unwrap()));
    let parameter = Parameter {
        key: "floor-percent".to_owned(),
        value: percent,
        rule: "YZ-04".to_owned(),
        hooks: Vec::new(),
    };
    RuleCall {
        package: package.info.pin(),
        hook: Hook::Cap,
        transition: String::new(),
        today: NaiveDate::from_ymd_opt(2021, 8, 20).unwrap(),
        facts: Facts::from([(
            "budget.total".to_owned(),
            Scalar::Money(Fen(545_000_000)).into(),
        )]),
        parameters: Arc::new([("floor-percent".to_owned(), parameter)].into()),
        calendar: Arc::new(Calendar::national().unwrap().clone()),
    }
}

#[test]
fn a_verdict_names_package_input_and_fuel_and_repeats() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let host = PluginHost::new(Limits::default(), None).unwrap();
    let (manifest, component) = package("ningxia-yuanzhou");
    let call = call(&host, &manifest, &component);
    let first = runtime.block_on(host.ask(call.clone())).unwrap();
    assert_eq!(first, runtime.block_on(host.ask(call.clone())).unwrap());
    assert_eq!(
        (first.hook, &first.package, first.input.len()),
        (Hook::Cap, &call.package, 64)
    );
    assert!(first.fuel > 0);
    let with = |hook| {
        let mut named = call.clone();
        let parameters = Arc::make_mut(&mut named.parameters);
        parameters.values_mut().for_each(|p| p.hooks = vec![hook]);
        host.ask_blocking(&named)
    };
    assert_eq!(first, with(Hook::Cap).unwrap());
    let lacking = with(Hook::Check).unwrap_err().to_string();
    assert!(lacking.contains("floor-percent"), "{lacking}");
    let other = RuleCall {
        transition: "confirm".to_owned(),
        ..call
    };
    assert_ne!(first.input, host.ask_blocking(&other).unwrap().input);
    let info = &host.packages()[0];
    assert_eq!(
        (info.id.as_str(), info.hooks.contains(&Hook::Cap)),
        ("ningxia-yuanzhou", true)
    );
    assert_eq!(info.imports, ["logging"]);
}

#[test]
fn more_calls_than_places_wait_for_their_turn() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let host = PluginHost::new(
        Limits {
            parallel_calls: 1,
            ..Limits::default()
        },
        None,
    )
    .unwrap();
    let (manifest, component) = package("ningxia-yuanzhou");
    let call = call(&host, &manifest, &component);
    runtime.block_on(async {
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let (host, call) = (host.clone(), call.clone());
                tokio::spawn(async move { host.ask(call).await })
            })
            .collect();
        for answer in asked {
            answer.await.unwrap().unwrap();
        }
    });
}

#[test]
fn the_longest_roster_stays_within_the_budget() {
    let host = PluginHost::new(Limits::default(), None).unwrap();
    let (manifest, component) = package("tianjin");
    let person = |n: usize| {
        Row::from([
            ("id".to_owned(), Scalar::Text(format!("p{n}"))),
            (
                "station".to_owned(),
                Scalar::Text(format!("第{}社工站", n / 3)),
            ),
            ("role".to_owned(), Scalar::Text("social-worker".to_owned())),
            ("age".to_owned(), Scalar::Int(30)),
            ("qualified".to_owned(), Scalar::Bool(n.is_multiple_of(3))),
        ])
    };
    let roster = FactValue::Rows((0..ROWS_MAX).map(person).collect());
    let parameter = |key: &str, n| {
        let value = FactValue::One(Scalar::Int(n));
        let rule = "TJ-05".to_owned();
        (
            key.to_owned(),
            Parameter {
                key: key.to_owned(),
                value,
                rule,
                hooks: Vec::new(),
            },
        )
    };
    let parameters = [
        ("per-station-min", 2),
        ("per-station-max", 3),
        ("qualified-min", 1),
    ];
    let call = RuleCall {
        hook: Hook::Staffing,
        facts: Facts::from([
            ("staff.roster".to_owned(), roster),
            ("stations".to_owned(), Scalar::Int(667).into()),
        ]),
        parameters: Arc::new(parameters.map(|(key, n)| parameter(key, n)).into()),
        ..call(&host, &manifest, &component)
    };
    let started = Instant::now();
    let verdict = host.ask_blocking(&call).unwrap();
    println!(
        "{} fuel, {:?}: {ROWS_MAX} rows",
        verdict.fuel,
        started.elapsed()
    );
    assert_eq!(
        verdict.answer.findings.len(),
        1,
        "{:?}",
        verdict.answer.findings
    );
    assert!(verdict.fuel < host.limits().fuel / 2);
}

#[test]
fn unknown_packages_and_mistaken_parameters_are_coded() {
    let host = PluginHost::new(Limits::default(), None).unwrap();
    let (manifest, component) = package("ningxia-yuanzhou");
    let good = call(&host, &manifest, &component);
    let mut stale = good.clone();
    stale.package.component = "0".repeat(64);
    let error = host.ask_blocking(&stale).unwrap_err();
    assert_eq!(error.code(), "E-PLUGIN-MISSING");
    assert_eq!(
        error.to_string(),
        "plugin ningxia-yuanzhou: version 0.1.0 with component 000000000000 is not installed"
    );
    let bare = RuleCall {
        parameters: Arc::default(),
        ..good
    };
    let error = host.ask_blocking(&bare).unwrap_err();
    assert_eq!(error.code(), "E-PLUGIN-ANSWER");
    assert!(error.to_string().contains("floor-percent"), "{error}");
}

#[test]
fn compiled_code_is_cached_privately_and_broken_files_are_made_anew() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("compiled");
    let (manifest, component) = package("tianjin");
    let load = || {
        let host = PluginHost::new(Limits::default(), Some(folder.clone())).unwrap();
        let started = Instant::now();
        let source = PackageSource {
            manifest: &manifest,
            component: &component,
        };
        let info = host.load(source).unwrap().info.clone();
        println!("loaded in {:?}", started.elapsed());
        info
    };
    let first = load();
    let file = || {
        let files: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        assert_eq!(files.len(), 1, "one file, and nothing left over: {files:?}");
        files[0].clone()
    };
    let whole = fs::read(file()).unwrap();
    assert_eq!(load(), first);
    for broken in [
        Vec::new(),
        whole[..whole.len() / 2].to_vec(),
        flipped(&whole, 5),
        flipped(&whole, whole.len() - 9),
    ] {
        fs::write(file(), &broken).unwrap();
        assert_eq!(load(), first);
        assert_eq!(
            fs::read(file()).unwrap().len(),
            whole.len(),
            "the broken file was not replaced"
        );
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
            0o700
        );
        // A folder that others may write to is not used at all.
        fs::remove_file(file()).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o770)).unwrap();
        assert_eq!(load(), first);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
