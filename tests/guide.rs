//! The author's guide, `plugins/README.md`, followed literally.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use liucheng_guest_build::Compiler;

use crate::support::{Said, liucheng, root, run};

/// A fenced block of the guide that is followed or compared.
struct Block {
    /// What stands behind the language: `guide`, `guide compiler`, a file's name.
    info: String,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some((_, info)) = fence.split_once(' ') {
            blocks.push(Block {
                info: info.to_owned(),
                text: text.join("\n"),
            });
        }
    }
    blocks
}

/// Says loudly that a part was not done, or fails where it has to be done.
fn skipped(what: &str, why: &str) {
    let required = std::env::var("LIUCHENG_TEST_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|word| word == "guests"),
        "{what}: {why}"
    );
    println!("SKIPPED: {what}: {why}");
}

/// What stands in for the build where it cannot be done: the component that this repository keeps.
fn prebuilt() -> String {
    let component = root().join("plugins/dist/example-county.wasm");
    format!(
        "cp '{}' .\nsed -i \"s/^sha256 = .*/sha256 = \\\"$(sha256sum example-county.wasm | cut -c1-64)\\\"/\" plugin.toml",
        component.display()
    )
}

/// Runs the guide's commands in one shell in an empty folder.
fn follow(blocks: &[Block], cargo: bool, compiler: bool) -> (tempfile::TempDir, Said) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let program = liucheng().get_program().to_owned();
    std::os::unix::fs::symlink(program, bin.join("liucheng")).unwrap();
    let work = folder.path().join("work");
    fs::create_dir(&work).unwrap();
    let mut script = String::from("set -eux\n");
    for block in blocks {
        let text = match block.info.as_str() {
            "guide" => block.text.clone(),
            "guide cargo" if cargo => block.text.clone(),
            "guide compiler" if compiler => block.text.clone(),
            "guide compiler" => prebuilt(),
            _ => continue,
        };
        script.push_str(&text);
        script.push('\n');
    }
    // What is compiled is kept between runs; the standard library is that of `cargo xtask guests`.
    let target = root().join("target/guide");
    fs::create_dir_all(&target).unwrap();
    fs::create_dir_all(root().join("target/guests")).unwrap();
    let _ = std::os::unix::fs::symlink("../guests", target.join("guests"));
    let path = std::env::var("PATH").unwrap();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &script])
        .current_dir(&work)
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("CARGO_TARGET_DIR", target)
        .env_remove("LIUCHENG_DATA")
        .env_remove("LIUCHENG_DATABASE")
        .stdin(Stdio::null());
    let said = shell.output().unwrap().into();
    (folder, said)
}

/// Whether cargo can find what a new package depends on, here or by the network.
fn has_crates() -> bool {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    assert_eq!(
        run(&["plugin", "new", "--lang", "rust", "probe", "--dir", dir]).code,
        0
    );
    let mut cargo = Command::new("cargo");
    cargo
        .args(["fetch", "--quiet"])
        .current_dir(folder.path().join("probe"));
    cargo.output().is_ok_and(|output| output.status.success())
}

#[test]
fn the_guide_leads_from_nothing_to_an_installed_package() {
    let guide = fs::read_to_string(root().join("plugins/README.md")).unwrap();
    let blocks = blocks(&guide);
    let followed = blocks
        .iter()
        .filter(|block| block.info.starts_with("guide"));
    assert!(followed.count() >= 9, "the guide's commands are found");
    let cargo = has_crates();
    if !cargo {
        skipped(
            "`cargo test` and `plugin build` of the guide",
            "crates cannot be fetched",
        );
    }
    let mut compiler = cargo && Compiler::find().is_ok();
    if cargo && !compiler {
        skipped("`plugin build` of the guide", "there is no wasm compiler");
    }
    let (mut folder, mut said) = follow(&blocks, cargo, compiler);
    let offline = ["failed to download", "failed to get", "Could not resolve"];
    if said.code != 0 && compiler && offline.iter().any(|word| said.err.contains(word)) {
        skipped(
            "`plugin build` of the guide",
            "the standard library's crates cannot be fetched",
        );
        compiler = false;
        (folder, said) = follow(&blocks, cargo, compiler);
    }
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    assert!(
        said.out.contains("0 failed") && said.out.contains("EX-2026"),
        "{}",
        said.out
    );
    for block in blocks.iter().filter(|block| block.info.contains('/')) {
        let file = folder.path().join("work").join(&block.info);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.trim_end(), block.text.trim_end(), "{}", block.info);
    }
}

fn link(from: &Path, to: &Path, name: &str) {
    std::os::unix::fs::symlink(from.join(name), to.join(name)).unwrap();
}

#[test]
fn the_example_in_javascript_builds_and_passes() {
    let example = root().join("plugins/examples/example-county-js");
    let tool = example.join("node_modules/@bytecodealliance/componentize-js");
    if !tool.exists() {
        println!(
            "SKIPPED: the example in JavaScript: run `npm install` in {}",
            example.display()
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let new = [
        "plugin",
        "new",
        "--lang",
        "js",
        "example-county-js",
        "--dir",
        dir,
    ];
    assert_eq!(run(&new).code, 0);
    let package = folder.path().join("example-county-js");
    link(&example, &package, "node_modules");
    let path = package.to_str().unwrap();
    let built = run(&["plugin", "build", path]);
    assert_eq!(built.code, 0, "{}{}", built.out, built.err);
    let checked = run(&["plugin", "check", path, "--json"]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);
    assert_eq!(
        checked.json()["imports"],
        serde_json::json!(["calendar", "logging"])
    );
    assert_eq!(checked.json()["cases"].as_array().unwrap().len(), 5);
}
