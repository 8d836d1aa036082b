//! What is said about a change of version is what happens, and taking it back restores what was.

use std::sync::Arc;

use liucheng_engine::{difference::FindingChange, testing::MemoryStore};
use liucheng_model::{
    fact::{FactValue, Facts, Scalar},
    verdict::Hook,
};
use serde_json::json;

use crate::world::*;

const COMPUTED: &str = r#"
[facts."report.share"]
type = "text"
title = { zh = "份额", en = "Share" }
computed = true
"#;

/// Facts that only the first version knows.
const FORMER: &str = r#"
[facts."report.former"]
type = "text"
title = { zh = "旧项", en = "Former" }
[facts."report.gone"]
type = "text"
title = { zh = "废项", en = "Gone" }
"#;

/// The second version still has a word for one of them.
const LATER: &str = r#"
[facts."report.gone"]
type = "text"
title = { zh = "废项", en = "Gone" }
[facts."report.later"]
type = "text"
title = { zh = "新项", en = "Later" }
"#;

fn text(word: &str) -> FactValue {
    FactValue::One(Scalar::Text(word.to_owned()))
}

#[tokio::test]
async fn what_changes_at_once_is_told_apart_from_what_the_next_question_changes() {
    let world = World::on(Arc::new(MemoryStore::new()));
    let proposes = |share: &str| -> Facts { [("report.share".to_owned(), text(share))].into() };
    world.install("1.0.0", overlay(10, COMPUTED)).await;
    *world.rules.proposes.lock().unwrap() = proposes("one");
    let id = world.open("A").await;
    world.to_budget(id).await;
    world.confirm(id, None).await.unwrap();
    world.install("1.1.0", overlay(5, COMPUTED)).await;

    let entry = world.engine.library.entry("example").unwrap();
    let before = world.project(id).await;
    let change = world.engine.preview_upgrade(id, &entry).await.unwrap();
    let upgraded = world.engine.upgrade(&actor(), id, "新办法").await;
    assert_eq!(upgraded, Ok(true));
    let after = world.project(id).await;
    // At once: exactly the facts and findings that differ now.
    let facts = liucheng_engine::difference::facts(&before.facts, &after.facts);
    assert_eq!(change.facts, facts);
    assert_eq!(facts.len(), 1);
    let [renewed] = change.renewed.as_slice() else {
        panic!("{change:?}");
    };
    let said = |change: &FindingChange| {
        let message = |said: &Option<liucheng_engine::difference::Said>| {
            said.as_ref().map(|said| said.message.en.clone())
        };
        (message(&change.before), message(&change.after))
    };
    let stood = |project: &liucheng_model::project::Project| {
        Some(project.findings[&Hook::Cap][0].message.en.clone())
    };
    assert_eq!(said(&renewed.findings[0]), (stood(&before), stood(&after)));
    assert_eq!(after.facts["report.share"], text("one"));

    // The next question: what the component would set then.
    let json = serde_json::to_value(&change).unwrap();
    assert_eq!(json["at_next_question"], json!([]), "it sets the same");
    world.engine.roll_back(&actor(), id, "核对").await.unwrap();
    *world.rules.share.lock().unwrap() = true;
    let change = world.engine.preview_upgrade(id, &entry).await.unwrap();
    let next = &change.at_next_question[0];
    assert_eq!((next.hook, next.findings.len()), (Hook::Cap, 0));
    assert_eq!(next.values[0].key, "report.share");
    assert_eq!(next.values[0].after, Some(json!("share of 1.1.0")));
    world.engine.upgrade(&actor(), id, "新办法").await.unwrap();
    assert_eq!(world.project(id).await.facts["report.share"], text("one"));
    world.sound().await;
}

#[tokio::test]
async fn taking_a_version_back_restores_what_it_changed_and_keeps_what_people_recorded() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, FORMER)).await;
    let (plain, worked_on) = (world.open("A").await, world.open("B").await);
    for id in [plain, worked_on] {
        world.to_budget(id).await;
        world.confirm(id, None).await.unwrap();
        let facts = json!({"report.note": "甲", "report.former": "乙", "report.gone": "丙"});
        world.fire(id, "record-facts", facts, None).await.unwrap();
    }
    let before = (world.project(plain).await, world.project(worked_on).await);
    assert!(!before.0.findings[&Hook::Cap].is_empty());

    // The later version drops a fact, has no word for another, sets a third, and finds nothing.
    world.install("1.1.0", overlay(5, LATER)).await;
    *world.rules.drops.lock().unwrap() = vec!["report.gone".to_owned()];
    *world.rules.silent.lock().unwrap() = true;
    for id in [plain, worked_on] {
        let upgraded = world.engine.upgrade(&actor(), id, "新办法").await;
        assert_eq!(upgraded, Ok(true));
        let now = world.project(id).await;
        assert!(!now.facts.contains_key("report.former") && !now.facts.contains_key("report.gone"));
        assert!(now.findings[&Hook::Cap].is_empty());
    }
    // One is worked on meanwhile: what the migration set is recorded as it is, and a later fact.
    let note = world.project(worked_on).await.facts["report.note"].to_json();
    let facts = json!({"report.note": note, "report.later": "丁"});
    world
        .fire(worked_on, "record-facts", facts, None)
        .await
        .unwrap();

    *world.rules.silent.lock().unwrap() = false;
    let shown = world.engine.preview_roll_back(plain).await.unwrap();
    assert_eq!((shown.facts.len(), shown.renewed.len()), (3, 1));
    for id in [plain, worked_on] {
        let back = world.engine.roll_back(&actor(), id, "有误").await;
        assert_eq!(back, Ok(true));
    }
    let now = world.project(plain).await;
    assert_eq!(now.facts, before.0.facts);
    assert_eq!(now.findings, before.0.findings);
    assert_eq!(due(&now), due(&before.0));
    let now = world.project(worked_on).await;
    let mut facts = before.1.facts.clone();
    facts.insert(
        "report.note".to_owned(),
        FactValue::One(Scalar::Text(note.as_str().unwrap().to_owned())),
    );
    assert_eq!(
        now.facts, facts,
        "the older version has no word for the later fact"
    );
    world.sound().await;
}
