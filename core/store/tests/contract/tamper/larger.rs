//! Tampering that leaves each table right by itself.

use liucheng_engine::{
    audit::{
        Code, ProjectCheck,
        verify::{Report, verify_store},
    },
    ports::{Epoch, Instant, ProjectId, Seal},
    record::Record,
};
use liucheng_model::project::Project;

use super::{TABLES, databases::Tampered, found, report, world::World};

/// Truncates, drops and rolls back consistently, as somebody who knows the schema would.
pub async fn larger_ones(database: &impl Tampered, world: &World) {
    let [first, second] = world.projects;
    for id in [first, second] {
        dropped(database, world, id).await;
    }
    rolled_back(database, world, first).await;
    epochs_cut_off(database, world).await;
    unsigned(database, world).await;
    tokens(database, world).await;
}

/// A token that somebody writes into the database, and one that is made good again.
async fn tokens(database: &impl Tampered, world: &World) {
    let hash = "e".repeat(64);
    let insert =
        format!("INSERT INTO token (hash, actor, roles, at) VALUES ('{hash}', 'x', '*', 5)");
    let report = found(database, world, &insert).await.unwrap();
    let first = report.first.as_ref().unwrap();
    assert_eq!((report.problems.len(), first.code), (1, Code::Token));
    assert!(first.text.contains(&hash[..12]), "{first}");
    restore(database).await;
    let back = format!(
        "UPDATE token SET revoked_at = NULL WHERE hash = '{0}';
         DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
        "b".repeat(64)
    );
    let report = found(database, world, &back).await.unwrap();
    assert!(has(&report, Code::Journal), "{report:#?}");
    restore(database).await;
}

async fn restore(database: &impl Tampered) {
    for table in &TABLES {
        database.restore(table.name).await;
    }
}

fn has(report: &Report, code: Code) -> bool {
    report
        .first
        .iter()
        .chain(&report.problems)
        .any(|problem| problem.code == code)
}

/// A whole project with all its rows; with its leaves or without.
async fn dropped(database: &impl Tampered, world: &World, id: ProjectId) {
    let id = database
        .literals(
            &["id"],
            &format!("FROM project WHERE code = '{}'", code(world, id)),
        )
        .await;
    let id = &id[0][0];
    let tables = ["history", "timer", "outbox", "answer", "unsealed"];
    let rows: Vec<_> = tables
        .iter()
        .map(|table| format!("DELETE FROM {table} WHERE project = {id}; "))
        .collect();
    let all = format!("{} DELETE FROM project WHERE id = {id}", rows.concat());
    let report = found(database, world, &all).await.unwrap();
    assert!(
        has(&report, Code::Leaf) || has(&report, Code::ProjectMissing),
        "{report:#?}"
    );
    let all = format!("{all}; DELETE FROM epoch_leaf WHERE project = {id}");
    let report = found(database, world, &all).await;
    if let Some(report) = report {
        assert!(has(&report, Code::EpochRoot), "{report:#?}");
    }
    restore(database).await;
}

fn code(world: &World, id: ProjectId) -> &'static str {
    if world.projects[0] == id {
        "T-1"
    } else {
        "T-2"
    }
}

/// The last record and everything that came with it: what is left is the project as it was before.
async fn rolled_back(database: &impl Tampered, world: &World, id: ProjectId) {
    let store = database.store();
    let mut records = store.history(id, 0, 999).await.unwrap();
    let version = records.pop().unwrap().seq;
    let last = records.last().unwrap();
    let opened: Vec<Record> = records
        .iter()
        .map(|row| Record::open(row).unwrap())
        .collect();
    let before = Project::fold(opened.iter().flat_map(|record| &record.events)).unwrap();
    let of_project = format!("FROM project WHERE code = '{}'", code(world, id));
    let id = database
        .literals(&["id"], &of_project)
        .await
        .remove(0)
        .remove(0);
    let head = format!("FROM history WHERE project = {id} AND seq = {}", last.seq);
    let head = database
        .literals(&["hash"], &head)
        .await
        .remove(0)
        .remove(0);
    let due = before
        .next_due()
        .map_or("NULL".to_owned(), |due| format!("'{due}'"));
    let timers = before.timers.iter().map(|(key, timer)| {
        let at = Instant::at(timer.at.date(), timer.at.time()).0;
        let generation = timer.generation;
        format!(
            "INSERT INTO timer (project, key, fire_at, generation)
             VALUES ({id}, {}, {at}, {generation});",
            quoted(key)
        )
    });
    let cut = format!(
        "DELETE FROM outbox WHERE project = {id} AND seq >= {version};
         DELETE FROM history WHERE project = {id} AND seq >= {version};
         DELETE FROM timer WHERE project = {id};
         {}
         UPDATE project SET version = {}, head = {head}, changed_by = {}, changed_at = {},
             stage = {}, next_due = {due}, state = {} WHERE id = {id}",
        timers.collect::<String>(),
        last.seq,
        quoted(&last.actor),
        last.at.0,
        quoted(&before.stage()),
        quoted(&serde_json::to_string(&before).unwrap()),
    );
    let mut problems = Vec::new();
    database.execute(&cut).await.unwrap();
    let mut tell = |check: ProjectCheck| problems.extend(check.problems);
    let report = verify_store(store, world.options.clone(), &mut tell)
        .await
        .unwrap();
    // Nothing but the epoch speaks of it.
    let codes: Vec<_> = problems.iter().map(|p| (p.code, p.seq)).collect();
    assert_eq!(codes, [(Code::Leaf, Some(version))], "{problems:#?}");
    assert_eq!(report.first.as_ref(), problems.first());
    restore(database).await;
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The last epochs with their leaves: what is left is in order, and only an anchor tells.
async fn epochs_cut_off(database: &impl Tampered, world: &World) {
    let last = world.head.number;
    for from in 1..=last {
        let registry = format!(
            "UPDATE document SET epoch = NULL WHERE epoch >= {from};
             UPDATE token SET epoch = NULL WHERE epoch >= {from}"
        );
        let cut = format!(
            "{registry}; DELETE FROM epoch WHERE number >= {from};
             DELETE FROM epoch_leaf WHERE epoch >= {from};
             DELETE FROM unsealed; INSERT INTO unsealed (project) SELECT id FROM project"
        );
        database.execute(&cut).await.unwrap();
        let mut options = world.options.clone();
        options.keys.clear();
        let unaware = report(database.store(), &options).await;
        assert!(unaware.is_good(), "{unaware:#?}");
        options.anchors = vec![world.head.clone()];
        let aware = report(database.store(), &options).await;
        assert!(has(&aware, Code::Anchor), "{aware:#?}");
        restore(database).await;
    }
}

/// Somebody without the key cannot make the last epoch again.
async fn unsigned(database: &impl Tampered, world: &World) {
    let last = world.head.number;
    let bare = format!("UPDATE epoch SET key = '', signature = '' WHERE number = {last}");
    let report = found(database, world, &bare).await.unwrap();
    assert!(has(&report, Code::EpochHash), "{report:#?}");
    let mut forged = world.head.clone();
    (forged.key, forged.signature) = (String::new(), String::new());
    let seal = Seal {
        at: forged.sealed_at,
        signer: None,
        unmarked: false,
    };
    // As the program would make it, over the same leaves, but without the key.
    let leaves = database.store().epoch_leaves(last, 9).await.unwrap();
    let epochs = database.store().epochs(last - 2, 1).await.unwrap();
    let forged = Epoch::next(epochs.first(), &leaves, &seal).unwrap();
    let again = format!(
        "UPDATE epoch SET key = '', signature = '', hash = '{}' WHERE number = {last}",
        forged.hash
    );
    let report = found(database, world, &again).await.unwrap();
    assert!(has(&report, Code::Signature), "{report:#?}");
    restore(database).await;
}
