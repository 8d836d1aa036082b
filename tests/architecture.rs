//! Dependencies point one way, files stay short, the main path is where the map says.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value as Json;

use crate::support::root;

/// Package → packages of this workspace it may depend on.
const ALLOWED: [(&str, &[&str]); 10] = [
    ("liucheng-model", &[]),
    ("liucheng-engine", &["liucheng-model"]),
    ("liucheng-store", &["liucheng-engine", "liucheng-model"]),
    (
        "liucheng-plugin-host",
        &["liucheng-engine", "liucheng-model"],
    ),
    (
        "liucheng-bench",
        &["liucheng-engine", "liucheng-model", "liucheng-store"],
    ),
    (
        "liucheng-app",
        &[
            "liucheng-bench",
            "liucheng-engine",
            "liucheng-guest-build",
            "liucheng-model",
            "liucheng-plugin-host",
            "liucheng-store",
        ],
    ),
    ("liucheng-sdk", &[]),
    (
        "liucheng-faults",
        &[
            "liucheng-engine",
            "liucheng-model",
            "liucheng-plugin-host",
            "liucheng-store",
        ],
    ),
    ("liucheng-guest-build", &[]),
    ("xtask", &["liucheng-guest-build"]),
];

/// Province packages, whatever they are called.
const PROVINCE: (&str, &[&str]) = ("province-", &["liucheng-sdk"]);

/// Package → what it must never reach for: I/O, other people's engines, the network.
const FORBIDDEN: [(&str, &[&str]); 3] = [
    (
        "liucheng-model",
        &[
            "tokio", "sqlx", "wasmtime", "axum", "lettre", "cron", "tracing",
        ],
    ),
    ("liucheng-engine", &["sqlx", "wasmtime", "axum", "lettre"]),
    (
        "liucheng-sdk",
        &["tokio", "sqlx", "wasmtime", "axum", "lettre", "serde_json"],
    ),
];

fn metadata() -> Vec<Json> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let json: Json = serde_json::from_slice(&output.stdout).unwrap();
    json["packages"].as_array().unwrap().clone()
}

fn normal_dependencies(package: &Json) -> Vec<String> {
    let all = package["dependencies"].as_array().unwrap().iter();
    all.filter(|d| d["kind"].is_null())
        .map(|d| d["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<_, _> = ALLOWED.into_iter().collect();
    let packages = metadata();
    let own: Vec<&str> = packages
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        let may = allowed
            .get(name)
            .or_else(|| name.starts_with(PROVINCE.0).then_some(&PROVINCE.1))
            .unwrap_or_else(|| panic!("{name} is new: say in this test what it may depend on"));
        for dependency in normal_dependencies(package) {
            let within = own.contains(&dependency.as_str());
            assert!(
                !within || may.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn inner_packages_do_no_io() {
    let forbidden: BTreeMap<_, _> = FORBIDDEN.into_iter().collect();
    for package in metadata() {
        let name = package["name"].as_str().unwrap();
        for dependency in normal_dependencies(&package) {
            let bad = forbidden
                .get(name)
                .is_some_and(|list| list.contains(&dependency.as_str()));
            assert!(!bad, "{name} must not use {dependency}");
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    assert!(files.len() > 50, "the search found {} files", files.len());
    for file in files {
        let lines = std::fs::read_to_string(&file).unwrap().lines().count();
        assert!(
            lines <= 800,
            "{} has {lines} lines; 800 are the most",
            file.display()
        );
    }
}

#[test]
fn every_test_file_is_compiled() {
    let main = std::fs::read_to_string(root().join("tests/main.rs")).unwrap();
    for entry in std::fs::read_dir(root().join("tests")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let Some(module) = name.strip_suffix(".rs").filter(|m| *m != "main") else {
            continue;
        };
        assert!(
            main.contains(&format!("mod {module};")),
            "tests/{name} is not declared in tests/main.rs"
        );
    }
}
