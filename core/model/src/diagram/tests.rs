//! Snapshots of the three forms on a small definition, and hostile texts.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    dot, mermaid, svg,
    text::{fit, text_width, wrap},
};
use crate::{
    definition::{Definition, Source},
    text::Language,
};

const SMALL: &str = include_str!("../../tests/fixtures/lint/small.toml");

/// The small definition with a way that leaves every state, one that stays, and a second region.
fn small() -> Definition {
    let more = r#"
[[transition]]
id = "publish"
region = "main"
from = ["service"]
to = "."
title = { zh = "公示", en = "Publish" }
roles = ["officer"]

[[region]]
id = "pause"
title = { zh = "中止", en = "Suspension" }
initial = "a"
state = [
    { id = "a", title = { zh = "甲", en = "A" }, open-ended = { zh = "无", en = "none" } },
    { id = "b", title = { zh = "乙", en = "B" }, open-ended = { zh = "无", en = "none" } },
    { id = "c", title = { zh = "丙", en = "C" }, open-ended = { zh = "无", en = "none" } },
    { id = "d", title = { zh = "丁", en = "D" }, open-ended = { zh = "无", en = "none" } },
    { id = "end", title = { zh = "止", en = "End" }, final = true },
]
"#;
    let mut text = SMALL.to_owned() + more;
    for (id, from, to) in [
        ("ab", "a", "b"),
        ("bc", "b", "c"),
        ("ac", "a", "c"),
        ("cd", "c", "d"),
        ("da", "d", "a"),
        ("stop", "*", "end"),
    ] {
        text += &format!(
            "[[transition]]\nid = \"{id}\"\nregion = \"pause\"\nfrom = [\"{from}\"]\nto = \"{to}\"\ntitle = {{ zh = \"{id}：转换\", en = \"{id} & <more>\" }}\nroles = [\"officer\"]\n"
        );
    }
    load(&text)
}

fn load(text: &str) -> Definition {
    Definition::load(
        Source {
            name: "small",
            text,
        },
        None,
    )
    .unwrap()
}

fn states() -> BTreeMap<String, String> {
    [("main", "service"), ("pause", "c")]
        .map(|(r, s)| (r.to_owned(), s.to_owned()))
        .into()
}

#[test]
fn mermaid_is_stable() {
    insta::assert_snapshot!(mermaid(&small(), None, Some(&states()), Language::Zh));
}

#[test]
fn dot_is_stable() {
    insta::assert_snapshot!(dot(&small(), None, Some(&states()), Language::En));
}

#[test]
fn svg_is_stable() {
    insta::assert_snapshot!(svg(&small(), None, Some(&states()), Language::Zh));
}

#[test]
fn one_region_can_be_drawn_alone() {
    let definition = small();
    for draw in [mermaid, dot, svg] {
        let one = draw(&definition, Some("pause"), None, Language::Zh);
        assert!(one.contains('甲') && !one.contains("定标"));
        let none = draw(&definition, Some("nowhere"), None, Language::Zh);
        assert!(!none.contains('甲'));
    }
}

#[test]
fn classes_say_where_a_project_stands() {
    let drawn = svg(&small(), None, Some(&states()), Language::En);
    for part in [
        "class=\"state done\" data-state=\"a\"",
        "class=\"state possible\" data-state=\"award\"",
        "class=\"state current\" data-state=\"service\"",
        "class=\"state possible\" data-state=\"done\"",
        "class=\"state possible\" data-state=\"d\"",
        "class=\"state possible\" data-state=\"end\"",
    ] {
        assert!(drawn.contains(part), "{part}");
    }
    let drawn = svg(&small(), None, None, Language::En);
    assert!(!drawn.contains("class=\"state done\"") && !drawn.contains("class=\"state current\""));
}

#[test]
fn bounds_are_noted_with_their_rule() {
    let definition = small();
    for draw in [mermaid, dot, svg] {
        let drawn = draw(&definition, None, None, Language::Zh);
        assert!(drawn.contains("30日内 CN-CONTRACT-30D"));
    }
}

#[test]
fn lines_keep_to_their_width() {
    assert_eq!(fit("合同", 10, 100), "合同");
    assert_eq!(fit("签订政府采购合同", 10, 45), "签订政…");
    assert_eq!(
        wrap("发出中标（成交）通知书", 10, 60, 3),
        ["发出中标（成", "交）通知书"]
    );
    assert_eq!(
        wrap("Start the mid-term evaluation", 10, 90, 2),
        ["Start the", "mid-term eval…"]
    );
    for line in wrap("Issue the award notice to the winning supplier", 11, 90, 2) {
        assert!(text_width(&line, 11) <= 90, "{line}");
    }
}

fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| format!("\\U{:08X}", u32::from(c)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_escaped(title in "[<>&\"'\\\\{}:;#%\n\r\u{0}-\u{1f}a-z\u{FFFE}签 -]{1,30}", id in "[a-z<&\"'-]{1,8}") {
        prop_assume!(!title.trim().is_empty());
        let state = format!("id = \"{}\"\ntitle = {{ zh = \"{}\", en = \"Award\" }}", quoted(&id), quoted(&title));
        let text = SMALL
            .replace("id = \"award\"\ntitle = { zh = \"定标\", en = \"Award\" }", &state)
            .replace("\"award\"", &format!("\"{}\"", quoted(&id)));
        let definition = load(&text);
        let plain = load(SMALL);
        let drawn = svg(&definition, None, None, Language::Zh);
        let count = |text: &str, c: char| text.matches(c).count();
        let expected = svg(&plain, None, None, Language::Zh);
        prop_assert_eq!(count(&drawn, '<'), count(&expected, '<'));
        prop_assert_eq!(count(&drawn, '>'), count(&expected, '>'));
        prop_assert_eq!(count(&drawn, '"'), count(&expected, '"'));
        prop_assert!(drawn.chars().all(|c| c == '\n' || !c.is_control()));
        let (one, two) = (mermaid(&definition, None, None, Language::Zh), mermaid(&plain, None, None, Language::Zh));
        prop_assert_eq!(one.lines().count(), two.lines().count());
        prop_assert_eq!(count(&one, '"'), count(&two, '"'));
        let (one, two) = (dot(&definition, None, None, Language::Zh), dot(&plain, None, None, Language::Zh));
        prop_assert_eq!(one.lines().count(), two.lines().count());
    }
}
