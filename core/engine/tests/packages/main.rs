//! Packages on a store in memory: installing, going by another version, taking it back, asking again,
//! and components that cannot answer.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod restoring;
mod truth;
mod waiving;
mod world;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use liucheng_engine::{
    Engine,
    commands::DecideIssue,
    library::{Entry, Library},
    planning::{self, Occasion},
    replay::Outcome,
    testing::MemoryStore,
};
use liucheng_model::{
    calendar::{Calendar, CalendarLayer},
    verdict::Hook,
};
use serde_json::json;

use world::*;

#[tokio::test]
async fn a_package_is_there_after_a_start_and_an_old_one_as_long_as_a_project_needs_it() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    let old = world.open("A").await;
    world.install("1.1.0", overlay(5, "")).await;
    let new = world.open("B").await;
    assert_eq!(
        due(&world.project(old).await).as_deref(),
        Some("2023-03-13")
    );
    assert_eq!(
        due(&world.project(new).await).as_deref(),
        Some("2023-03-06")
    );

    // Another process knows nothing yet.
    let world = World::on(store.clone());
    assert!(world.engine.library.entry("example").is_err());
    world.engine.refresh_packages().await.unwrap();
    let entry = world.engine.library.entry("example").unwrap();
    assert_eq!(entry.package, Some(pin("1.1.0")));
    // The version of the older project is loaded when it is needed; a stage entry goes on to the new one.
    world.to_budget(old).await;
    assert_eq!(world.project(old).await.package, Some(pin("1.1.0")));

    world
        .engine
        .remove_package(&actor(), "example", "停用")
        .await
        .unwrap();
    assert!(world.engine.library.entry("example").is_err());
    world.to_budget(new).await;
    world.confirm(new, None).await.unwrap();
    let acts = world.engine.package_acts().await.unwrap();
    let said: Vec<_> = acts
        .iter()
        .map(|act| (act.pin.clone(), act.reason.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            (None, "停用"),
            (Some(pin("1.1.0")), "试用"),
            (Some(pin("1.0.0")), "试用")
        ]
    );
    world.sound().await;
}

#[tokio::test]
async fn another_content_under_the_same_version_is_another_package() {
    let store = Arc::new(MemoryStore::new());
    let world = World::release(&store, overlay(10, "")).await;
    let (stays, goes_on) = (world.open("A").await, world.open("B").await);

    // A release with another overlay: new projects go by it, the others keep theirs until a stage entry.
    let world = World::release(&store, overlay(5, "")).await;
    assert_eq!(
        world.engine.store.documents("package").await.unwrap().len(),
        2
    );
    let new = world.open("C").await;
    let days = async |id| due(&world.project(id).await);
    assert_eq!(days(new).await.as_deref(), Some("2023-03-06"));
    assert_eq!(days(stays).await.as_deref(), Some("2023-03-13"));
    world.to_budget(goes_on).await;
    let (kept, gone_on) = (world.project(stays).await, world.project(goes_on).await);
    assert_eq!(kept.package, gone_on.package);
    assert_ne!(kept.definition.digest, gone_on.definition.digest);
    let taken_in = &world.project(new).await.definition;
    assert_eq!(&gone_on.definition, taken_in);

    // What an operator installed goes before what the program brings along, also under the same version.
    world.install("1.0.0", overlay(8, "")).await;
    let world = World::release(&store, overlay(5, "")).await;
    let newest = world.open("D").await;
    assert_eq!(
        due(&world.project(newest).await).as_deref(),
        Some("2023-03-09")
    );
    world.sound().await;
}

#[tokio::test]
async fn a_node_takes_up_what_another_has_installed() {
    let store = Arc::new(MemoryStore::new());
    let (node, other) = (World::on(store.clone()), World::on(store.clone()));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let engine = node.engine.clone();
    let every = Duration::from_millis(5);
    let watching = tokio::spawn(async move { engine.watch_packages(every, stopped).await });
    other.install("1.0.0", overlay(10, "")).await;
    let installed = async || {
        while node.engine.library.entry("example").is_err() {
            tokio::time::sleep(every).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), installed())
        .await
        .unwrap();
    node.open("A").await;
    stop.send_replace(true);
    watching.await.unwrap();
    node.sound().await;
}

#[tokio::test]
async fn an_upgrade_is_shown_before_it_is_made_and_can_be_taken_back() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    let before = world.project(id).await;
    world.install("1.1.0", overlay(5, "")).await;
    let entry = world.engine.library.entry("example").unwrap();
    let changes = world.engine.preview_upgrades(&entry).await.unwrap();
    let [change] = changes.as_slice() else {
        panic!("{changes:?}");
    };
    assert_eq!(change.facts[0].key, "report.note");
    assert_eq!(change.dates.len(), 1);
    assert_eq!(change.dates[0].before.unwrap().to_string(), "2023-03-13");
    assert_eq!(change.dates[0].after.unwrap().to_string(), "2023-03-06");
    assert_eq!(change.at_next_question[0].hook, Hook::Cap);
    // Nothing has changed by looking.
    assert_eq!(world.project(id).await, before);

    assert!(world.engine.upgrade(&actor(), id, "新办法").await.unwrap());
    assert!(!world.engine.upgrade(&actor(), id, "再来").await.unwrap());
    let upgraded = world.project(id).await;
    assert_eq!(due(&upgraded).as_deref(), Some("2023-03-06"));
    assert!(upgraded.facts.contains_key("report.note"));

    assert!(world.engine.roll_back(&actor(), id, "有误").await.unwrap());
    let back = world.project(id).await;
    assert_eq!(
        (&back.package, &back.facts, due(&back)),
        (&before.package, &before.facts, due(&before))
    );
    let again = world.engine.roll_back(&actor(), id, "又来").await;
    assert_eq!(again.unwrap_err().code(), "E-NO-UPGRADE");
    // What somebody took back does not come again by itself.
    world.to_budget(id).await;
    assert_eq!(world.project(id).await.package, Some(pin("1.0.0")));
    assert!(world.engine.upgrade(&actor(), id, "核对后").await.unwrap());
    world.sound().await;
}

#[tokio::test]
async fn past_verdicts_are_reproduced_by_the_component_that_gave_them() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    world.confirm(id, None).await.unwrap();
    world.install("1.1.0", overlay(5, "")).await;
    world.engine.upgrade(&actor(), id, "新办法").await.unwrap();
    // What the old component found was asked of the new one with the upgrade.
    let replayed = world.engine.replay(id).await.unwrap();
    let outcomes: Vec<_> = replayed.iter().map(|r| (&r.package, &r.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            (&pin("1.0.0"), &Outcome::Same),
            (&pin("1.1.0"), &Outcome::Same)
        ]
    );
    // A decision lets the component answer anew, and that can be asked again as well.
    world.install("1.2.0", overlay(5, OPEN_POINT)).await;
    world
        .engine
        .upgrade(&actor(), id, "含待定事项")
        .await
        .unwrap();
    let decide = DecideIssue {
        issue: "XX-A1".to_owned(),
        option: Some("yes".to_owned()),
        reason: "本县口径".to_owned(),
        expected_version: None,
    };
    let decided = world
        .engine
        .decide(&actor(), id, decide, None)
        .await
        .unwrap();
    let said = &decided.findings[0].message.en;
    assert!(said.contains("decision.xx_a1"), "{said}");
    let replayed = world.engine.replay(id).await.unwrap();
    let outcomes: Vec<_> = replayed.iter().map(|r| (&r.package, &r.outcome)).collect();
    assert_eq!(
        outcomes,
        [
            (&pin("1.0.0"), &Outcome::Same),
            (&pin("1.1.0"), &Outcome::Same),
            (&pin("1.2.0"), &Outcome::Same),
            (&pin("1.2.0"), &Outcome::Same)
        ]
    );
    // Another calendar has come since; the one of then is kept.
    world
        .engine
        .library
        .keep_in(&*world.engine.store)
        .await
        .unwrap();
    let layer = CalendarLayer::parse(LAYER).unwrap();
    let calendar = Calendar::national().unwrap().with_layer(&layer).unwrap();
    let national = Entry::clone(&*world.engine.library.entry("").unwrap());
    let current = BTreeMap::from([(String::new(), national)]);
    let later = Engine {
        library: Arc::new(Library::new(Arc::new(calendar), current)),
        ..world.engine.clone()
    };
    let replayed = later.replay(id).await.unwrap();
    assert_eq!(replayed[0].outcome, Outcome::Same);
    *world.rules.broken.lock().unwrap() = true;
    let replayed = world.engine.replay(id).await.unwrap();
    assert!(matches!(replayed[0].outcome, Outcome::NoAnswer(_)));
}

#[tokio::test]
async fn findings_are_asked_for_again_when_facts_change_and_go_when_they_are_not_found() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    world.confirm(id, None).await.unwrap();
    let found = async || world.project(id).await.findings[&Hook::Cap].clone();
    let before = found().await;
    let note = async |text: &str| {
        let facts = json!({ "report.note": text });
        world.fire(id, "record-facts", facts, None).await.unwrap();
        let records = world.engine.store.history(id, 0, 100).await.unwrap();
        let last = records.last().unwrap().payload.clone();
        last.contains("verdict-renewed")
    };
    assert!(note("甲").await);
    let after = found().await;
    assert_ne!(before, after);
    assert!(after[0].message.en.contains("report.note"));
    assert!(!note("乙").await, "it finds the same");

    *world.rules.silent.lock().unwrap() = true;
    assert!(note("丙").await);
    assert_eq!(found().await, []);
    assert!(!note("丁").await, "nothing is left that could be asked for");
    *world.rules.silent.lock().unwrap() = false;

    // A component that cannot answer now keeps nobody from recording facts.
    let other = world.open("B").await;
    world.to_budget(other).await;
    world.confirm(other, None).await.unwrap();
    *world.rules.broken.lock().unwrap() = true;
    let facts = json!({ "report.note": "戊" });
    world
        .fire(other, "record-facts", facts, None)
        .await
        .unwrap();
    let project = world.project(other).await;
    assert!(project.incidents.is_empty() && !project.findings[&Hook::Cap].is_empty());
    *world.rules.broken.lock().unwrap() = false;
    for project in [id, other] {
        for replayed in world.engine.replay(project).await.unwrap() {
            // It was silent then and is not now.
            let silent = replayed.seq == 7;
            assert_eq!(replayed.outcome == Outcome::Same, !silent, "{replayed:?}");
        }
    }
    world.sound().await;
}

#[tokio::test]
async fn a_component_that_cannot_answer_is_an_incident_that_a_person_may_go_on_from() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    // Without an incident the component has to be asked.
    let refused = world.confirm(id, Some("急")).await.unwrap_err();
    assert_eq!(refused.code(), "E-NO-INCIDENT");
    *world.rules.broken.lock().unwrap() = true;
    for _ in 0..3 {
        let refused = world.confirm(id, None).await.unwrap_err();
        assert_eq!(refused.code(), "E-PLUGIN-TRAP");
    }
    let project = world.project(id).await;
    assert_eq!(project.incidents[&Hook::Cap].code, "E-PLUGIN-TRAP");
    // Whoever is reminded of the project reads of it.
    let definition = &world.engine.library.entry("example").unwrap().definition;
    let now = world.engine.clock.now();
    let mut mails = project
        .obligations
        .keys()
        .filter_map(|key| planning::reminder(&project, definition, key, Occasion::Reminder, now));
    let told = &mails.next().unwrap().incidents[0];
    assert_eq!(
        (told.hook.as_str(), told.code.as_str()),
        ("cap", "E-PLUGIN-TRAP")
    );
    let row = world.engine.store.load(id).await.unwrap().unwrap();
    let records = world.engine.store.history(id, 0, 100).await.unwrap();
    let incidents = records
        .iter()
        .filter(|r| r.payload.contains("incident-opened"));
    assert_eq!(
        (incidents.count(), row.version),
        (1, 4),
        "one record however often it fails"
    );
    let refused = world.confirm(id, Some("  ")).await.unwrap_err();
    assert_eq!(refused.code(), "E-REASON");
    world
        .confirm(id, Some("组件故障，已人工核对上限"))
        .await
        .unwrap();
    let project = world.project(id).await;
    assert_eq!(
        (
            project.incidents.len(),
            project.states["lifecycle"].as_str()
        ),
        (0, "procurement")
    );

    // A component that answers again closes its incident by itself.
    let other = world.open("B").await;
    world.to_budget(other).await;
    world.confirm(other, None).await.unwrap_err();
    *world.rules.broken.lock().unwrap() = false;
    world.confirm(other, None).await.unwrap();
    assert!(world.project(other).await.incidents.is_empty());
    world.sound().await;
}

#[tokio::test]
async fn an_incident_is_noted_although_another_process_was_faster() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    let other = World::on(store.clone());
    other.engine.refresh_packages().await.unwrap();
    let note = json!({"report.note": "他处登记"});
    other.fire(id, "record-facts", note, None).await.unwrap();
    // What this one remembers is of before.
    *world.rules.broken.lock().unwrap() = true;
    let refused = world.confirm(id, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-TRAP");
    let project = world.project(id).await;
    assert_eq!(project.incidents[&Hook::Cap].code, "E-PLUGIN-TRAP");
    assert!(project.facts.contains_key("report.note"));
    world.sound().await;
}

#[tokio::test]
async fn a_package_that_rests_leaves_nothing_on_a_project_that_was_not_asked() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let (waits, goes_on) = (world.open("A").await, world.open("B").await);
    world.to_budget(waits).await;
    world.to_budget(goes_on).await;
    let before = world.project(waits).await;
    *world.rules.resting.lock().unwrap() = true;
    let refused = world.confirm(waits, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-RESTING");
    assert_eq!(world.project(waits).await, before, "nothing to note");

    // Whoever cannot wait says why; the history says what was not asked.
    world
        .confirm(goes_on, Some("已人工核对上限"))
        .await
        .unwrap();
    let project = world.project(goes_on).await;
    assert_eq!(
        (
            project.incidents.len(),
            project.states["lifecycle"].as_str()
        ),
        (0, "procurement")
    );
    let records = world.engine.store.history(goes_on, 0, 100).await.unwrap();
    let last = &records.last().unwrap().payload;
    let (opened, waived) = (last.find("incident-opened"), last.find("verdict-waived"));
    assert!(opened.is_some() && opened < waived, "{last}");

    *world.rules.resting.lock().unwrap() = false;
    world.confirm(waits, None).await.unwrap();
    assert!(world.project(waits).await.incidents.is_empty());
    world.sound().await;
}

#[tokio::test]
async fn nobody_goes_on_without_a_component_that_speaks_for_law() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, LAW)).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    *world.rules.broken.lock().unwrap() = true;
    world.confirm(id, None).await.unwrap_err();
    let refused = world.confirm(id, Some("急")).await.unwrap_err();
    assert_eq!(refused.code(), "E-WAIVE-LAW");
    assert!(refused.hint().contains("法定上限"));
}

#[tokio::test]
async fn a_missing_component_is_never_passed_over() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    world.rules.known.lock().unwrap().clear();
    store.drop_documents("package");
    let refused = world.confirm(id, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-MISSING");
    assert_eq!(
        world.project(id).await.incidents[&Hook::Cap].code,
        "E-PLUGIN-MISSING"
    );
}

const OPEN_POINT: &str = r#"
[[issue]]
id = "XX-A1"
text = "十日是否含当日"
message = { zh = "是否含当日？", en = "Does the day itself count?" }
severity = "warning"
taken = "no"
options = [
  { id = "no", zh = "不含", en = "no" },
  { id = "yes", zh = "含", en = "yes" },
]
"#;

#[tokio::test]
async fn a_jurisdiction_decides_for_all_its_projects_that_have_no_decision_of_their_own() {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, OPEN_POINT)).await;
    let (plain, own) = (world.open("A").await, world.open("B").await);
    let engine = &world.engine;
    let decide = DecideIssue {
        issue: "XX-A1".to_owned(),
        option: Some("no".to_owned()),
        reason: "本县口径".to_owned(),
        expected_version: None,
    };
    engine.decide(&actor(), own, decide, None).await.unwrap();
    let key = "decision.xx_a1";
    let said = async |id| {
        let project = world.project(id).await;
        project
            .facts
            .get(key)
            .and_then(|fact| fact.as_text().map(str::to_owned))
    };
    for (choice, reason, code) in [
        (("XX-A2", Some("yes")), "依据", "E-ISSUE-UNKNOWN"),
        (("XX-A1", Some("perhaps")), "依据", "E-ISSUE-OPTION"),
        (("XX-A1", Some("yes")), "", "E-REASON"),
    ] {
        let refused = engine.rule(&actor(), "example", choice, reason).await;
        assert_eq!(refused.unwrap_err().code(), code);
    }
    let choice = ("XX-A1", Some("yes"));
    assert_eq!(
        engine.rule(&actor(), "example", choice, "省厅答复").await,
        Ok(1)
    );
    assert_eq!(said(plain).await.as_deref(), Some("yes"));
    assert_eq!(said(own).await.as_deref(), Some("no"));
    // Repeated, as after a crash, it changes nothing; a new project has it from the beginning.
    assert_eq!(
        engine.rule(&actor(), "example", choice, "省厅答复").await,
        Ok(0)
    );
    let later = world.open("C").await;
    assert_eq!(said(later).await.as_deref(), Some("yes"));
    let rulings = engine.rulings("example").await.unwrap();
    assert_eq!(
        (
            rulings["XX-A1"].actor.as_str(),
            rulings["XX-A1"].reason.as_str()
        ),
        ("wang", "省厅答复")
    );
    assert_eq!(engine.store.documents("decision").await.unwrap().len(), 1);

    assert_eq!(
        engine
            .rule(&actor(), "example", ("XX-A1", None), "撤回")
            .await,
        Ok(2)
    );
    assert_eq!(said(plain).await, None);
    assert_eq!(said(own).await.as_deref(), Some("no"));
    let newest = world.open("D").await;
    assert_eq!(said(newest).await, None);
    world.sound().await;
}

#[tokio::test]
async fn a_thousand_projects_are_shown_upgraded_and_taken_back() {
    const COUNT: usize = 1_000;
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let mut ids = Vec::new();
    for n in 0..COUNT {
        ids.push(world.open(&format!("P-{n:04}")).await);
    }
    // One asked its component before; one has ended and stays with what it was decided by.
    world.to_budget(ids[0]).await;
    world.confirm(ids[0], None).await.unwrap();
    let end = json!({"termination.reason": "撤销"});
    world.fire(ids[1], "terminate", end, None).await.unwrap();
    let mut before = Vec::new();
    for id in &ids {
        before.push(world.project(*id).await);
    }

    world.install("1.1.0", overlay(5, "")).await;
    let entry = world.engine.library.entry("example").unwrap();
    let changes = world.engine.preview_upgrades(&entry).await.unwrap();
    assert_eq!(changes.len(), COUNT - 1);
    assert!(
        changes
            .iter()
            .all(|c| c.refused.is_none() && c.at_next_question.len() + c.renewed.len() == 1)
    );
    // The survey of the first is reported already due; all others move.
    assert_eq!(
        changes.iter().filter(|c| c.dates.len() == 1).count(),
        COUNT - 1
    );
    for id in ids.iter().filter(|id| **id != ids[1]) {
        assert!(world.engine.upgrade(&actor(), *id, "新办法").await.unwrap());
    }
    assert!(
        world
            .engine
            .preview_upgrades(&entry)
            .await
            .unwrap()
            .is_empty()
    );
    // What was decided before is what the old component said, and it says so again.
    let replayed = world.engine.replay(ids[0]).await.unwrap();
    assert_eq!(
        (&replayed[0].package, &replayed[0].outcome),
        (&pin("1.0.0"), &Outcome::Same)
    );
    assert_eq!(world.project(ids[1]).await, before[1]);

    let back = world
        .engine
        .roll_back_all(&actor(), "example", "有误")
        .await
        .unwrap();
    assert_eq!(
        back.iter().filter(|(_, outcome)| outcome.is_ok()).count(),
        COUNT - 1
    );
    for (id, before) in ids.iter().zip(&before) {
        let now = world.project(*id).await;
        assert_eq!(
            (&now.package, &now.facts, due(&now)),
            (&before.package, &before.facts, due(before))
        );
    }
    world.sound().await;
}
