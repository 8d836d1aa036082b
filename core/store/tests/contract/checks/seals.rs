//! Sealing: what is in an epoch, and that nothing is ever in none.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use liucheng_engine::{
    audit::{Signer, epoch::root, registry::Registry},
    ports::{
        Document, Epoch, Instant, JOURNAL, Leaf, MailState, REGISTRY, SEAL_MAX, Seal, Store,
        TokenRow,
    },
};

use super::Database;
use crate::samples::{answer, change, id, mail, opening, timer, together};

fn unsigned(at: i64) -> Seal {
    Seal {
        at: Instant(at),
        signer: None,
        unmarked: false,
    }
}

/// Brings a database back to what it was before there were epochs.
pub const WITHOUT_EPOCHS: &str = "
DROP TABLE transfer; DROP INDEX outbox_dead; DROP TABLE journal;
DROP TABLE unsealed; DROP TABLE epoch; DROP TABLE epoch_leaf;
DROP INDEX document_unsealed; DROP INDEX token_unsealed;
ALTER TABLE document DROP COLUMN epoch; ALTER TABLE token DROP COLUMN epoch;
ALTER TABLE token DROP COLUMN revoked_at;
DELETE FROM _sqlx_migrations WHERE version >= 3";

/// Seals what older programs have left: what was there before the first epoch is marked, and what
/// nodes change that mark nothing (`unmark` does what they do) is sealed when asked for.
pub async fn seal_what_older_programs_left(store: &dyn Store, unmark: impl AsyncFnOnce()) {
    assert_eq!(store.unsealed(9).await.unwrap(), 2);
    let first = store.seal(unsigned(1)).await.unwrap().unwrap();
    assert_eq!((first.number, first.leaves), (1, 2));
    store.commit(change(id(1), 1, "li")).await.unwrap();
    unmark().await;
    assert_eq!(store.seal(unsigned(1)).await.unwrap(), None);
    let all = || Seal {
        unmarked: true,
        ..unsigned(1)
    };
    store.seal(all()).await.unwrap().unwrap();
    let leaves = store.epoch_leaves(2, 9).await.unwrap();
    let leaves: Vec<_> = leaves
        .iter()
        .map(|leaf| (leaf.project, leaf.version))
        .collect();
    assert_eq!(leaves, [(id(1), 2)]);
    assert_eq!(store.seal(all()).await.unwrap(), None);
}

/// Project and version of each leaf.
async fn sealed(store: &Arc<dyn Store>, epoch: u64) -> Vec<(u128, u64)> {
    let leaves = store.epoch_leaves(epoch, SEAL_MAX + 2).await.unwrap();
    let leaves = leaves.iter();
    leaves
        .map(|leaf| (leaf.project.0.as_u128(), leaf.version))
        .collect()
}

pub async fn an_epoch_seals_what_changed(database: &impl Database) {
    let store = database.open().await;
    assert_eq!(store.seal(unsigned(1)).await.unwrap(), None);
    assert_eq!(store.last_epoch().await.unwrap(), None);
    for number in [3, 1, 2] {
        store.commit(opening(number)).await.unwrap();
    }
    store.commit(change(id(1), 1, "li")).await.unwrap();
    assert_eq!(store.unsealed(2).await.unwrap(), 2);
    assert_eq!(store.unsealed(9).await.unwrap(), 3);
    let first = store.seal(unsigned(7)).await.unwrap().unwrap();
    assert_eq!(
        (first.number, first.leaves, first.sealed_at),
        (1, 3, Instant(7))
    );
    assert_eq!(sealed(&store, 1).await, [(1, 2), (2, 1), (3, 1)]);
    let leaves = store.epoch_leaves(1, 9).await.unwrap();
    assert_eq!(root(&leaves), Some(first.root));
    let row = store.load(id(1)).await.unwrap().unwrap();
    assert_eq!((&leaves[0].head, leaves[0].epoch), (&row.head, 1));
    // Nothing has changed since; then one has.
    assert_eq!(store.unsealed(9).await.unwrap(), 0);
    assert_eq!(store.seal(unsigned(8)).await.unwrap(), None);
    store.commit(change(id(2), 1, "li")).await.unwrap();
    let second = store.seal(unsigned(9)).await.unwrap().unwrap();
    assert_eq!((second.number, second.leaves), (2, 1));
    assert_eq!(sealed(&store, 2).await, [(2, 2)]);
    // A refused change marks nothing.
    store.commit(change(id(2), 1, "li")).await.unwrap_err();
    assert_eq!(store.unsealed(9).await.unwrap(), 0);
}

pub async fn an_epoch_has_a_limit(database: &impl Database) {
    let store = database.open().await;
    let count = u128::from(SEAL_MAX) + 6;
    let results = together(&store, (1..=count).map(opening).collect()).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(store.unsealed(SEAL_MAX).await.unwrap(), u64::from(SEAL_MAX));
    let first = store.seal(unsigned(1)).await.unwrap().unwrap();
    let second = store.seal(unsigned(1)).await.unwrap().unwrap();
    assert_eq!((first.leaves, second.leaves), (u64::from(SEAL_MAX), 6));
    assert_eq!(store.seal(unsigned(1)).await.unwrap(), None);
    assert_eq!(sealed(&store, 1).await.len(), SEAL_MAX as usize);
    let ids = store.project_ids(None, 700).await.unwrap();
    let rest = store.project_ids(ids.last().copied(), 700).await.unwrap();
    let all: Vec<_> = ids.iter().chain(&rest).map(|id| id.0.as_u128()).collect();
    assert_eq!(all, (1..=count).collect::<Vec<_>>());
}

pub async fn epochs_are_chained_and_signed(database: &impl Database) {
    let store = database.open().await;
    let signer = Arc::new(Signer::new(&[7; 32]));
    let mut made = Vec::new();
    for number in 1..=5 {
        store.commit(opening(number)).await.unwrap();
        let signer = (number % 2 == 0).then(|| Arc::clone(&signer));
        let seal = Seal {
            signer,
            ..unsigned(10 - i64::try_from(number).unwrap())
        };
        made.push(store.seal(seal).await.unwrap().unwrap());
    }
    assert_eq!(store.epochs(0, 9).await.unwrap(), made);
    assert_eq!(store.epochs(1, 2).await.unwrap(), made[1..3]);
    assert_eq!(store.last_epoch().await.unwrap().as_ref(), made.last());
    for (before, epoch) in made.iter().zip(&made[1..]) {
        assert_eq!(
            (epoch.number, &epoch.previous),
            (before.number + 1, &before.hash)
        );
        assert!(epoch.sealed_at >= before.sealed_at);
    }
    assert!(made.iter().all(|epoch| epoch.check().is_ok()));
    assert_eq!(made.iter().filter(|epoch| epoch.is_signed()).count(), 2);
    assert_eq!(made[1].key, signer.public());
}

pub async fn documents_and_tokens_are_sealed_once(database: &impl Database) {
    let store = database.open().await;
    let document = |digest: &str| Document {
        kind: "calendar".to_owned(),
        digest: digest.repeat(64),
        id: "cn".to_owned(),
        version: "1".to_owned(),
        bytes: vec![0, 255, 7],
    };
    let token = |hash: &str| TokenRow {
        hash: hash.repeat(64),
        actor: "li".to_owned(),
        roles: "*".to_owned(),
        at: Instant(5),
    };
    store.put_document(document("b")).await.unwrap();
    store.put_document(document("a")).await.unwrap();
    store.put_token(token("c")).await.unwrap();
    let first = store.seal(unsigned(1)).await.unwrap().unwrap();
    assert_eq!(first.leaves, 2, "the journal has grown, too");
    // The same again is nothing new.
    store.put_document(document("a")).await.unwrap();
    assert_eq!(store.seal(unsigned(1)).await.unwrap(), None);
    store.put_token(token("d")).await.unwrap();
    store.commit(opening(1)).await.unwrap();
    let second = store.seal(unsigned(1)).await.unwrap().unwrap();
    assert_eq!(second.leaves, 3);
    let documents = store.kept_documents(None, 9).await.unwrap();
    let tokens = store.kept_tokens(None, 9).await.unwrap();
    let order: Vec<_> = documents
        .iter()
        .map(|d| (&d.digest[..1], d.position, d.epoch))
        .collect();
    assert_eq!(order, [("a", 2, Some(1)), ("b", 1, Some(1))]);
    assert_eq!(documents[0].bytes, [0, 255, 7]);
    let order: Vec<_> = tokens.iter().map(|t| (&t.hash[..1], t.epoch)).collect();
    assert_eq!(order, [("c", Some(1)), ("d", Some(2))]);
    let leaf = store.epoch_leaves(1, 9).await.unwrap().remove(0);
    assert_eq!(leaf.project, REGISTRY);
    assert_eq!(
        Registry::of(&documents, &tokens[..1]).unwrap().leaf(1),
        leaf
    );
    let after = Some((documents[0].kind.clone(), documents[0].digest.clone()));
    assert_eq!(
        store.kept_documents(after, 9).await.unwrap(),
        documents[1..]
    );
    let after = Some(tokens[0].hash.clone());
    assert_eq!(store.kept_tokens(after, 9).await.unwrap(), tokens[1..]);
    let leaf = store.epoch_leaves(2, 9).await.unwrap().remove(2);
    let journal = store.journal(0, 9).await.unwrap();
    assert_eq!((leaf.project, leaf.version), (JOURNAL, 3));
    assert_eq!((journal.len(), &leaf.head), (3, &journal[2].hash));
    // What stands for documents and tokens, or for the journal, is no project.
    let ids = store.project_ids(None, 9).await.unwrap();
    assert_eq!(ids, [id(1)]);
}

pub async fn a_dossier_is_complete(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.set_timers = ["b", "a"].map(|key| timer(id(1), key, 10, 1)).into();
    commit.outbox = vec![mail(id(1), "z", 4), mail(id(1), "y", 5)];
    commit.answer = Some(answer("k", "{}"));
    store.commit(commit.clone()).await.unwrap();
    store.seal(unsigned(1)).await.unwrap().unwrap();
    let mut next = change(id(1), 1, "li");
    next.outbox = vec![mail(id(1), "x", 6)];
    store.commit(next.clone()).await.unwrap();
    let dossier = store.dossier(id(1)).await.unwrap();
    assert_eq!(dossier.row, Some(next.row));
    assert!(dossier.unsealed);
    assert_eq!(dossier.leaves.len(), 1);
    assert_eq!(dossier.timers, store.timers(id(1)).await.unwrap());
    assert_eq!(dossier.answers, [commit.answer.clone().unwrap()]);
    let mails: Vec<_> = dossier
        .mails
        .iter()
        .map(|m| (m.key.as_str(), m.seq, m.ordinal, m.not_before.0))
        .collect();
    assert_eq!(mails, [("z", 1, 0, 4), ("y", 1, 1, 5), ("x", 2, 0, 6)]);
    let text = serde_json::to_string(&commit.outbox[0].mail).unwrap();
    assert_eq!(dossier.mails[0].mail, text);
    assert!(
        dossier
            .mails
            .iter()
            .all(|m| m.state == MailState::Pending && m.attempts == 0)
    );
    let nobody = store.dossier(id(9)).await.unwrap();
    assert_eq!(
        (nobody.row, nobody.unsealed, nobody.leaves.len()),
        (None, false, 0)
    );
}

pub async fn nothing_is_lost_while_sealing(database: &impl Database) {
    let store = database.open().await;
    seal_while_changing(&[Arc::clone(&store), store]).await;
}

/// Changes projects through all stores, and seals through all of them, at the same time.
pub async fn seal_while_changing(stores: &[Arc<dyn Store>]) {
    const COMMITTERS: u128 = 8;
    const CHANGES: u64 = 40;
    let stopped = Arc::new(AtomicBool::new(false));
    let mut committers = Vec::new();
    for number in 1..=COMMITTERS {
        let store = Arc::clone(&stores[number as usize % stores.len()]);
        committers.push(tokio::spawn(async move {
            for version in 0..CHANGES {
                store
                    .commit(change(id(number), version, "li"))
                    .await
                    .unwrap();
                // However fast this is, something is sealed before the end.
                while version == CHANGES / 2 && store.last_epoch().await.unwrap().is_none() {
                    tokio::task::yield_now().await;
                }
            }
        }));
    }
    let mut sealers = Vec::new();
    for store in stores {
        let (store, stopped) = (Arc::clone(store), Arc::clone(&stopped));
        sealers.push(tokio::spawn(async move {
            while !stopped.load(Ordering::Relaxed) {
                store.seal(unsigned(1)).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }));
    }
    for committer in committers {
        committer.await.unwrap();
    }
    stopped.store(true, Ordering::Relaxed);
    for sealer in sealers {
        sealer.await.unwrap();
    }
    let store = &stores[0];
    store.seal(unsigned(1)).await.unwrap();
    assert_eq!(store.unsealed(9).await.unwrap(), 0);
    let mut last: BTreeMap<u128, Leaf> = BTreeMap::new();
    let epochs: Vec<Epoch> = store.epochs(0, u32::MAX >> 1).await.unwrap();
    for (epoch, number) in epochs.iter().zip(1..) {
        assert_eq!((epoch.number, epoch.check()), (number, Ok(())));
        let leaves = store.epoch_leaves(number, 99).await.unwrap();
        assert_eq!(root(&leaves).as_ref(), Some(&epoch.root));
        for leaf in leaves {
            let known = last.insert(leaf.project.0.as_u128(), leaf.clone());
            assert!(
                known.is_none_or(|known| known.version < leaf.version),
                "{leaf:?}"
            );
        }
    }
    for number in 1..=COMMITTERS {
        let row = store.load(id(number)).await.unwrap().unwrap();
        let leaf = &last[&number];
        assert_eq!((leaf.version, &leaf.head), (CHANGES, &row.head));
    }
    assert!(epochs.len() > 1, "sealed while projects changed");
}

pub async fn sealing_at_once_makes_one_chain(database: &impl Database) {
    let store = database.open().await;
    for number in 1..=3 {
        store.commit(opening(number)).await.unwrap();
    }
    let seal = || store.seal(unsigned(1));
    let (a, b, c, d) = tokio::join!(seal(), seal(), seal(), seal());
    let made = [a, b, c, d].map(Result::unwrap);
    assert_eq!(made.iter().flatten().count(), 1, "{made:?}");
}
