//! Going on without a component: only where it was asked and again gave no answer.

use std::sync::Arc;

use liucheng_engine::testing::MemoryStore;
use liucheng_model::{
    fact::{FactValue, Scalar},
    verdict::Hook,
};

use crate::world::*;

/// A project whose component could not answer once.
async fn with_incident() -> (World, liucheng_engine::ports::ProjectId) {
    let world = World::on(Arc::new(MemoryStore::new()));
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    *world.rules.broken.lock().unwrap() = true;
    let refused = world.confirm(id, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-TRAP");
    *world.rules.broken.lock().unwrap() = false;
    (world, id)
}

async fn payloads(world: &World, id: liucheng_engine::ports::ProjectId) -> Vec<String> {
    let records = world.engine.store.history(id, 0, 100).await.unwrap();
    records.into_iter().map(|record| record.payload).collect()
}

#[tokio::test]
async fn an_old_incident_lets_nobody_pass_over_what_the_component_says_now() {
    let (world, id) = with_incident().await;
    *world.rules.strict.lock().unwrap() = true;
    for why in [None, Some("上次故障"), None, Some("上次故障")] {
        let refused = world.confirm(id, why).await.unwrap_err();
        assert_eq!(refused.code(), "E-RULE");
    }
    assert_eq!(world.project(id).await.states["lifecycle"], "budget");

    // A mended version: what the one before could not answer is over.
    world.install("1.1.0", overlay(10, "")).await;
    let upgraded = world.engine.upgrade(&actor(), id, "修复版").await;
    assert_eq!(upgraded, Ok(true));
    assert!(world.project(id).await.incidents.is_empty());
    assert!(
        payloads(&world, id)
            .await
            .last()
            .unwrap()
            .contains("incident-closed")
    );
    let refused = world.confirm(id, Some("上次故障")).await.unwrap_err();
    assert_eq!(refused.code(), "E-RULE");

    // It fails in its turn: noted first, passed over by a person who has seen that.
    *world.rules.broken.lock().unwrap() = true;
    let refused = world.confirm(id, Some("急")).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-TRAP");
    assert_eq!(
        world.project(id).await.incidents[&Hook::Cap].package,
        pin("1.1.0")
    );
    world
        .confirm(id, Some("组件故障，已人工核对"))
        .await
        .unwrap();
    assert!(
        payloads(&world, id)
            .await
            .last()
            .unwrap()
            .contains("verdict-waived")
    );
    world.sound().await;
}

#[tokio::test]
async fn a_component_that_answers_again_is_not_waived_although_somebody_would() {
    let (world, id) = with_incident().await;
    world.confirm(id, Some("上次故障")).await.unwrap();
    let project = world.project(id).await;
    assert_eq!(project.states["lifecycle"], "procurement");
    assert!(project.incidents.is_empty() && !project.findings[&Hook::Cap].is_empty());
    let last = payloads(&world, id).await.pop().unwrap();
    assert!(
        last.contains("verdict-given") && !last.contains("verdict-waived"),
        "{last}"
    );

    // Nothing failed, so that there is nothing to waive, and the hint says what to do.
    let other = world.open("B").await;
    world.to_budget(other).await;
    let refused = world.confirm(other, Some("急")).await.unwrap_err();
    assert_eq!(refused.code(), "E-NO-INCIDENT");
    assert!(
        refused.hint().starts_with("repeat the command without"),
        "{}",
        refused.hint()
    );
    world.sound().await;
}

#[tokio::test]
async fn the_last_fault_is_the_one_that_is_shown() {
    let (world, id) = with_incident().await;
    *world.rules.broken.lock().unwrap() = true;
    let mut noted = payloads(&world, id).await.len();
    for code in ["E-PLUGIN-FUEL", "E-PLUGIN-TIME"] {
        *world.rules.code.lock().unwrap() = Some(code);
        for _ in 0..2 {
            world.confirm(id, None).await.unwrap_err();
        }
        noted += 1;
        assert_eq!(world.project(id).await.incidents[&Hook::Cap].code, code);
        assert_eq!(
            payloads(&world, id).await.len(),
            noted,
            "one record for each fault"
        );
    }
    world.sound().await;
}

#[tokio::test]
async fn a_fact_that_the_component_may_not_set_is_its_fault() {
    for (key, why) in [
        ("budget.total", "recorded by people"),
        ("no.such", "no such fact"),
    ] {
        let world = World::on(Arc::new(MemoryStore::new()));
        world.install("1.0.0", overlay(10, "")).await;
        let id = world.open("A").await;
        world.to_budget(id).await;
        let value = FactValue::One(Scalar::Text("一".to_owned()));
        *world.rules.proposes.lock().unwrap() = [(key.to_owned(), value)].into();
        let refused = world.confirm(id, None).await.unwrap_err();
        assert_eq!(refused.code(), "E-PLUGIN-FACT");
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(refused.hint().contains("--waive"), "{}", refused.hint());
        assert_eq!(
            world.project(id).await.incidents[&Hook::Cap].code,
            "E-PLUGIN-FACT"
        );
        world
            .confirm(id, Some("组件越权，已人工核对"))
            .await
            .unwrap();
        let project = world.project(id).await;
        assert!(project.incidents.is_empty());
        assert_eq!(project.states["lifecycle"], "procurement");
        world.sound().await;
    }
}

#[tokio::test]
async fn a_component_that_is_missing_again_may_be_waived() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.to_budget(id).await;
    world.rules.known.lock().unwrap().clear();
    store.drop_documents("component");
    let refused = world.confirm(id, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-PLUGIN-MISSING");
    assert!(
        refused
            .hint()
            .contains("install exactly that package again")
    );
    world
        .confirm(id, Some("组件遗失，已人工核对"))
        .await
        .unwrap();
    assert_eq!(world.project(id).await.states["lifecycle"], "procurement");
    world.sound().await;
}
