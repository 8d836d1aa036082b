//! The documents speak of what is there.

use crate::support::root;

/// Every relative link of the Markdown files leads somewhere.
#[test]
fn links_lead_somewhere() {
    for name in [
        "README.md",
        "README.zh-CN.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "plugins/README.md",
        "migrations/README.md",
        "docs/operations.md",
        "docs/configuration.md",
        "docs/api.md",
        "docs/logging.md",
        "docs/testing.md",
        "docs/audit.md",
        "docs/backup.md",
        "docs/benchmarks.md",
        "docs/scaling.md",
    ] {
        let path = root().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(
                path.parent().unwrap().join(file).exists(),
                "{name} links to {target}"
            );
        }
    }
}

/// Paths in backticks that look like files of this repository exist.
#[test]
fn files_that_the_map_names_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut seen = 0;
    for word in text.split('`').skip(1).step_by(2) {
        let looks_like_file = word.starts_with("core/")
            || word.starts_with("plugins/")
            || word.starts_with("workflows/")
            || word.starts_with("tests/");
        if looks_like_file && !word.contains(['<', '*', '{', ' ']) {
            seen += 1;
            assert!(root().join(word).exists(), "ARCHITECTURE.md names {word}");
        }
    }
    assert!(seen > 20, "the map names {seen} files only");
}
