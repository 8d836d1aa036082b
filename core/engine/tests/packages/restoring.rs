//! Packages that a store has lost something of, and how they come back.

use std::sync::Arc;

use liucheng_engine::{
    inventory::inventory,
    packages::{Candidate, PackageFiles},
    testing::MemoryStore,
};

use crate::world::*;

impl World {
    async fn candidate(&self, version: &str) -> Candidate {
        let files = PackageFiles {
            manifest: version.to_owned(),
            overlay: Some(overlay(10, "")),
            component: version.as_bytes().to_vec(),
            signed_by: None,
        };
        self.engine.examine_package(files).await.unwrap()
    }
}

#[tokio::test]
async fn what_the_store_has_lost_of_a_package_is_put_back_by_installing_it_again() {
    type Harm = fn(&MemoryStore);
    let harms: [(Harm, &str, &[&str]); 3] = [
        (
            |store| store.drop_documents("component"),
            "E-PLUGIN-MISSING",
            &["component"],
        ),
        (
            |store| store.damage_documents("component"),
            "E-PLUGIN-DIGEST",
            &["component"],
        ),
        (
            |store| store.drop_documents("package"),
            "E-PLUGIN-MISSING",
            &["package"],
        ),
    ];
    for (harm, code, lost) in harms {
        let store = Arc::new(MemoryStore::new());
        let world = World::on(store.clone());
        world.install("1.0.0", overlay(10, "")).await;
        let id = world.open("A").await;
        world.to_budget(id).await;
        let candidate = world.candidate("1.0.0").await;
        assert!(
            world
                .engine
                .lost_parts(&candidate)
                .await
                .unwrap()
                .is_empty()
        );

        harm(&store);
        // Another process finds it so.
        let world = World::on(store.clone());
        world.engine.refresh_packages().await.unwrap();
        assert!(world.engine.library.entry("example").is_err());
        let gone = world.engine.unavailable_packages().await.unwrap();
        assert_eq!(gone[0].0, pin("1.0.0"));
        let found = inventory(&*store, &world.engine.library).await.unwrap();
        let standing = &found.packages[0];
        assert_eq!(
            (standing.is_missing, standing.is_damaged),
            (code == "E-PLUGIN-MISSING", code == "E-PLUGIN-DIGEST")
        );
        let refused = world.confirm(id, None).await.unwrap_err();
        assert_eq!(refused.code(), code);
        assert!(refused.hint().contains("restores"), "{}", refused.hint());

        let candidate = world.candidate("1.0.0").await;
        assert_eq!(world.engine.lost_parts(&candidate).await.unwrap(), lost);
        let actor = actor();
        let restored = world.engine.restore_package(&actor, candidate, "补装");
        assert_eq!(restored.await.unwrap(), lost);
        let acts = world.engine.package_acts().await.unwrap();
        assert_eq!(acts[0].restored, Some(pin("1.0.0")));
        assert_eq!(acts[0].package, acts[1].package);

        let world = World::on(store.clone());
        world.engine.refresh_packages().await.unwrap();
        assert!(
            world
                .engine
                .unavailable_packages()
                .await
                .unwrap()
                .is_empty()
        );
        world.confirm(id, None).await.unwrap();
        assert!(world.project(id).await.incidents.is_empty());
        let found = inventory(&*store, &world.engine.library).await.unwrap();
        let standing = &found.packages[0];
        assert!(!standing.is_missing && !standing.is_damaged && standing.is_current);
        let act = standing.installed.as_ref().unwrap();
        assert_eq!(act.reason, "试用", "who installed it, not who put it back");
        world.sound().await;
    }
}

#[tokio::test]
async fn an_older_version_comes_back_for_its_projects_and_new_ones_go_by_the_newest() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    let id = world.open("A").await;
    world.install("1.1.0", overlay(10, "")).await;
    store.drop_documents("component");
    let world = World::on(store.clone());
    for version in ["1.0.0", "1.1.0"] {
        let candidate = world.candidate(version).await;
        let actor = actor();
        let restored = world.engine.restore_package(&actor, candidate, "补装");
        assert_eq!(restored.await.unwrap(), ["component"]);
    }
    let world = World::on(store.clone());
    world.engine.refresh_packages().await.unwrap();
    let entry = world.engine.library.entry("example").unwrap();
    assert_eq!(entry.package, Some(pin("1.1.0")));
    assert_eq!(world.project(id).await.package, Some(pin("1.0.0")));
    // One that was never here has lost nothing: it has to be installed.
    let candidate = world.candidate("2.0.0").await;
    assert!(
        world
            .engine
            .lost_parts(&candidate)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_package_that_cannot_be_loaded_can_be_removed() {
    let store = Arc::new(MemoryStore::new());
    let world = World::on(store.clone());
    world.install("1.0.0", overlay(10, "")).await;
    store.drop_documents("component");
    let world = World::on(store.clone());
    world.engine.refresh_packages().await.unwrap();
    let engine = &world.engine;
    engine
        .remove_package(&actor(), "example", "遗失")
        .await
        .unwrap();
    assert!(engine.unavailable_packages().await.unwrap().is_empty());
    let again = engine.remove_package(&actor(), "example", "遗失").await;
    assert_eq!(again.unwrap_err().code(), "E-PROVINCE-UNKNOWN");
}
