//! A server without room: changes are refused for what it is, and go on by themselves.

use std::time::{Duration, Instant};

use liucheng_engine::ports::{CommitError, Store};
use liucheng_store::Options;

use super::database;
use crate::samples::{change, id, opening};

/// What a full disk looks like from here.
const NO_ROOM: &str = "
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full';
    END $$;
    CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON project
        FOR EACH ROW EXECUTE FUNCTION no_room();";

#[tokio::test]
async fn a_full_server_is_read_only_until_it_has_room() {
    let database = database!();
    let store = database.node(Options::DEFAULT).await;
    store.commit(opening(1)).await.unwrap();
    assert_eq!(store.health().full, None);
    database.execute(NO_ROOM).await;
    let refused = store.commit(change(id(1), 1, "li")).await.unwrap_err();
    assert!(matches!(refused, CommitError::Full(_)), "{refused}");
    assert!(
        refused.to_string().contains("could not extend file"),
        "{refused}"
    );
    assert!(store.health().full.is_some());
    // The next one does not even ask, and reading goes on.
    let asked = Instant::now();
    let refused = store.commit(opening(2)).await.unwrap_err();
    assert!(matches!(refused, CommitError::Full(_)), "{refused}");
    assert!(asked.elapsed() < Duration::from_millis(500));
    assert_eq!(store.load(id(1)).await.unwrap().unwrap().version, 1);
    database.execute("DROP TRIGGER no_room ON project").await;
    let end = Instant::now() + Duration::from_secs(10);
    while store.health().full.is_some() {
        assert!(Instant::now() < end, "it did not look again by itself");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store.commit(change(id(1), 1, "li")).await.unwrap();
    store.commit(opening(2)).await.unwrap();
    assert_eq!(store.history(id(1), 0, 10).await.unwrap().len(), 2);
    store.close().await;
}

#[tokio::test]
async fn an_examination_finds_nothing_bad() {
    let database = database!();
    database.node(Options::DEFAULT).await.close().await;
    let findings = liucheng_store::examine(&database.url).await.unwrap();
    let codes: Vec<_> = findings.iter().map(|finding| finding.code).collect();
    for code in [
        "D-SCHEMA",
        "D-VERSION",
        "D-DURABILITY",
        "D-ROLE",
        "D-CONNECTIONS",
        "D-CLOCK",
    ] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    let bad = findings
        .iter()
        .filter(|f| f.level == liucheng_store::Level::Bad);
    assert_eq!(bad.count(), 0, "{findings:?}");
}
