//! The linter against fixtures, the shipped files, and arbitrary bytes.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use liucheng_model::{
    definition::{
        Definition, Source,
        lint::{CODES, FINDINGS_MAX, LintFinding, lint},
    },
    finding::Severity,
};
use proptest::prelude::*;

const SMALL: &str = include_str!("fixtures/lint/small.toml");
const SMALL_OVERLAY: &str = include_str!("fixtures/lint/small.overlay.toml");

fn source<'a>(name: &'a str, text: &'a str) -> Source<'a> {
    Source { name, text }
}

fn lint_base(text: &str) -> Vec<LintFinding> {
    lint(source("f", text), None)
}

fn lint_overlay(text: &str) -> Vec<LintFinding> {
    lint(source("base", SMALL), Some(source("f", text)))
}

fn fixtures() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lint");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// `line:column code` of each finding.
fn brief(findings: &[LintFinding]) -> Vec<String> {
    let one = |f: &LintFinding| {
        format!(
            "{} {}",
            f.place.strip_prefix("f:").unwrap_or(&f.place),
            f.code
        )
    };
    findings.iter().map(one).collect()
}

#[test]
fn every_fixture_has_exactly_its_findings() {
    let mut covered = BTreeSet::new();
    let mut wrong = Vec::new();
    for (name, text) in fixtures() {
        let is_overlay = name.ends_with(".overlay.toml");
        let findings = if is_overlay {
            lint_overlay(&text)
        } else {
            lint_base(&text)
        };
        let first = text.lines().next().unwrap();
        let expected: Vec<&str> = first
            .strip_prefix("# expects ")
            .map(|list| list.split(", ").collect())
            .unwrap_or_default();
        if brief(&findings) != expected {
            wrong.push(format!("{name} expects {expected:?}, but: {findings:#?}"));
        }
        for finding in &findings {
            assert!(name.starts_with(&finding.code.to_lowercase()), "{name}");
            assert!(
                !finding.message.is_empty() && !finding.hint.is_empty(),
                "{name}"
            );
            covered.insert(finding.code);
        }
        // Loading stops at errors and at nothing else.
        let base = if is_overlay { SMALL } else { &text };
        let overlay = is_overlay.then(|| source("f", &text));
        let has_error = findings.iter().any(|f| f.severity == Severity::Error);
        assert_eq!(
            Definition::load(source("f", base), overlay).is_err(),
            has_error,
            "{name}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Those are about size; they have tests of their own.
    covered.extend(["E-SOURCE-SIZE", "E-FINDINGS-MANY"]);
    let all: BTreeSet<&str> = CODES.iter().map(|code| code.name).collect();
    assert_eq!(covered, all);
}

#[test]
fn all_findings_are_reported_in_order_of_place() {
    let text = SMALL
        .replace(
            "requires = [\"contract.signed\"]",
            "requires = [\"contract.singed\"]",
        )
        .replace("period = \"30 days\"", "period = \"31 days\"")
        .replace("hooks", "hook")
        .replace("at = \"due\"", "at = \"soon\"")
        .replace("calendar = \"cn\"", "calendar = \"cn\"\ncolor = 1");
    let codes: Vec<&str> = lint_base(&text).iter().map(|f| f.code).collect();
    assert_eq!(
        codes,
        [
            "E-KEY-UNKNOWN",
            "E-FACT-UNKNOWN",
            "E-LOOSER-THAN-LAW",
            "E-LADDER-STEP"
        ]
    );
    // What a misspelt key says is checked in the same run.
    let text = SMALL.replace("responsible = \"officer\"", "responsable = \"minister\"");
    let codes: Vec<&str> = lint_base(&text).iter().map(|f| f.code).collect();
    assert_eq!(codes, ["E-KEY-UNKNOWN", "E-ROLE-UNKNOWN"]);
    // Wrong forms in several tables are all found.
    let text = SMALL
        .replace("force = \"law\"", "force = \"lax\"")
        .replace("to = \"done\"", "to = 1");
    let codes: Vec<&str> = lint_base(&text).iter().map(|f| f.code).collect();
    assert_eq!(codes, ["E-SOURCE-SHAPE", "E-SOURCE-SHAPE"]);
}

#[test]
fn the_messages_suggest_what_was_meant() {
    let text = SMALL.replace(
        "requires = [\"contract.signed\"]",
        "requires = [\"contract.singed\"]",
    );
    let finding = lint_base(&text).remove(0);
    assert_eq!(
        finding.message,
        "unknown fact \"contract.singed\"; did you mean \"contract.signed\"?"
    );
    assert_eq!(finding.hint, "use \"contract.signed\"");
    let text = SMALL.replace("period = \"30 days\"", "period = \"31 days\"");
    let finding = lint_base(&text).remove(0);
    assert_eq!(
        finding.message,
        "31 days is looser than the 30 days of 中华人民共和国政府采购法(2014修正)第46条 (CN-CONTRACT-30D)"
    );
}

#[test]
fn findings_of_both_files_name_their_file() {
    let base = SMALL.replace("at = \"due\"", "at = \"soon\"");
    let over = SMALL_OVERLAY.replace("percent = \"50\"", "percent = \"49\"");
    let findings = lint(source("base.toml", &base), Some(source("over.toml", &over)));
    let files: Vec<&str> = findings
        .iter()
        .map(|f| f.place.split(':').next().unwrap())
        .collect();
    assert_eq!(files, ["base.toml", "over.toml"]);
}

#[test]
fn the_shipped_files_have_no_finding() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let base = fs::read_to_string(root.join("workflows/social-work-station.toml")).unwrap();
    let base = source("social-work-station.toml", &base);
    assert_eq!(lint(base, None), []);
    Definition::load(base, None).unwrap();
    let mut overlays = 0;
    for entry in fs::read_dir(root.join("plugins")).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path().join("overlay.toml")) else {
            continue;
        };
        overlays += 1;
        let over = source("overlay.toml", &text);
        assert_eq!(lint(base, Some(over)), []);
        Definition::load(base, Some(over)).unwrap();
    }
    assert!(overlays >= 2, "the province packages are missing");
}

/// Repeats lines of a definition up to 1 MB.
fn large(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for i in 0.. {
        let next = line(i);
        if text.len() + next.len() >= 1_000_000 {
            break;
        }
        text += &next;
    }
    text
}

#[test]
fn large_files_take_bounded_time() {
    let title = "title = { zh = \"一\", en = \"a\" }";
    let sources = [
        ("unknown keys", large("", |i| format!("k{i} = 1\n"))),
        (
            "unknown names",
            large(SMALL, |i| {
                format!(
                    "[[notice]]\nrule=\"\"\ncode=\"violation\"\nseverity=\"info\"\nmessage={{zh=\"a\",en=\"b\"}}\nfacts=[\"contract.signe{i}\"]\n"
                )
            }),
        ),
        (
            "transitions",
            large(SMALL, |i| {
                format!(
                    "[[transition]]\nid=\"t{i}\"\non=\"e\"\nregion=\"main\"\nfrom=[\"*\"]\nto=\".\"\n{title}\nroles=[\"officer\"]\n"
                )
            }),
        ),
        (
            "guards",
            large(SMALL, |i| {
                let guard = (0..20)
                    .map(|j| format!("(eval.grade=='pass'||{i}<{j})"))
                    .collect::<Vec<_>>()
                    .join("&&");
                format!(
                    "[[transition]]\nid=\"t{i}\"\non=\"e\"\nregion=\"main\"\nfrom=[\"*\"]\nto=\".\"\n{title}\nroles=[\"officer\"]\nguard=\"{guard}\"\n"
                )
            }),
        ),
        (
            "states",
            large(SMALL, |i| {
                format!(
                    "[[region]]\nid=\"r{i}\"\n{title}\ninitial=\"a\"\n[[region.state]]\nid=\"b\"\n{title}\n"
                )
            }),
        ),
        (
            "chain",
            large(SMALL, |i| {
                format!(
                    "[[obligation]]\nid=\"o{i}\"\nrule=\"\"\n{title}\nforce=\"law\"\nbasis={{text=\"\"}}\nafter-due-of=\"o{}\"\nperiod=\"1 day\"\n",
                    i + 1
                )
            }),
        ),
        (
            "same duty",
            large(SMALL, |i| {
                format!(
                    "[[obligation]]\nid=\"o{i}\"\nrule=\"\"\n{title}\nforce=\"law\"\nbasis={{source=\"x\",text=\"\"}}\nanchor=[\"contract.signed\"]\nmet-by=[\"contract.signed\"]\nperiod=\"1 day\"\n"
                )
            }),
        ),
        (
            "shapes",
            large(SMALL, |_| "[[tranche]]\nno = \"x\"\n".to_owned()),
        ),
        ("syntax", large("", |_| "= = \"\n".to_owned())),
        ("brackets", large("a = ", |_| "[".to_owned())),
        ("dots", large("", |_| "a.".to_owned())),
        ("one line", large("a = [", |_| "1,".to_owned())),
    ];
    for (what, text) in &sources {
        let begin = Instant::now();
        let findings = lint_base(text);
        let with_overlay = lint_overlay(text);
        assert!(findings.len() <= FINDINGS_MAX + 1 && with_overlay.len() <= FINDINGS_MAX + 1);
        // Generous: debug build, a busy machine.
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "{what}: {:?}",
            begin.elapsed()
        );
    }
    let many = lint_base(&sources[0].1);
    assert_eq!(many.last().map(|f| f.code), Some("E-FINDINGS-MANY"));
}

#[test]
fn files_beyond_the_limit_are_refused() {
    let text = format!("{SMALL}\n# {}", "x".repeat(1_000_000));
    assert_eq!(brief(&lint_base(&text)), ["1:1 E-SOURCE-SIZE"]);
    assert_eq!(brief(&lint_overlay(&text)), ["1:1 E-SOURCE-SIZE"]);
    assert!(Definition::load(source("f", &text), None).is_err());
}

#[test]
fn long_guards_do_not_exhaust_the_stack() {
    for guard in [
        format!("1{} == 1", " + 1".repeat(250)),
        format!("supplier{}", ".a".repeat(500)),
        format!("true{}", " && true".repeat(120)),
        format!("true{}", " || has(supplier.name)".repeat(40)),
        format!("true{}", " ? true : true".repeat(60)),
        format!("{}1{}", "[".repeat(16), "]".repeat(16)),
        format!("size(supplier){}", ".size()".repeat(140)),
    ] {
        let text = SMALL.replace("has(award.notice_issued)", &guard);
        survives(&text).unwrap();
    }
}

/// Neither linting nor loading panics, and both agree.
fn survives(text: &str) -> Result<(), TestCaseError> {
    for (base, overlay) in [(text, None), (SMALL, Some(text))] {
        let overlay = overlay.map(|text| source("f", text));
        let findings = lint(source("f", base), overlay);
        let has_error = findings.iter().any(|f| f.severity == Severity::Error);
        let loaded = Definition::load(source("f", base), overlay);
        prop_assert!(!has_error || loaded.is_err());
        for finding in findings {
            let mut numbers = finding.place.rsplit(':').map(str::parse::<usize>);
            prop_assert!(matches!(
                (numbers.next(), numbers.next()),
                (Some(Ok(1..)), Some(Ok(1..)))
            ));
        }
    }
    Ok(())
}

/// One change of a text.
#[derive(Debug, Clone)]
enum Change {
    Delete(prop::sample::Index, usize),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, String),
}

fn change() -> impl Strategy<Value = Change> {
    use Change::*;
    prop_oneof![
        (any::<prop::sample::Index>(), 1..12_usize).prop_map(|(at, n)| Delete(at, n)),
        any::<prop::sample::Index>().prop_map(Double),
        any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Swap(a, b)),
        (
            any::<prop::sample::Index>(),
            "[\"'\\[\\]{}=.,&|!()a-z0-9 \\\\\n-]{1,4}|\u{FEFF}|字"
        )
            .prop_map(|(at, s)| Insert(at, s)),
    ]
}

fn mutate(text: &str, changes: &[Change]) -> String {
    let mut text = text.to_owned();
    for change in changes {
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if lines.is_empty() {
            return text;
        }
        text = match change {
            Change::Delete(at, n) => {
                let chars: Vec<char> = text.chars().collect();
                let at = at.index(chars.len());
                chars[..at]
                    .iter()
                    .chain(chars.iter().skip(at + n))
                    .collect()
            }
            Change::Insert(at, more) => {
                let chars: Vec<char> = text.chars().collect();
                let (before, after) = chars.split_at(at.index(chars.len()));
                before
                    .iter()
                    .copied()
                    .chain(more.chars())
                    .chain(after.iter().copied())
                    .collect()
            }
            Change::Double(at) => {
                let at = at.index(lines.len());
                lines.insert(at, lines[at]);
                lines.concat()
            }
            Change::Swap(a, b) => {
                let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                lines.swap(a, b);
                lines.concat()
            }
        };
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_texts_never_panic(text in any::<String>()) {
        survives(&text)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        survives(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn mutated_definitions_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        survives(&mutate(SMALL, &changes))?;
    }

    #[test]
    fn mutated_overlays_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        survives(&mutate(SMALL_OVERLAY, &changes))?;
    }

    #[test]
    fn arbitrary_guards_never_panic(guard in "[a-z.()!&|=<> '0-9?:,\\[\\]-]{0,60}") {
        let quoted = guard.replace('\'', "\\u0027");
        survives(&SMALL.replace("guard = \"has(award.notice_issued)\"", &format!("guard = \"{quoted}\"")))?;
    }
}
