//! Timers and mails, documents and tokens.

use std::sync::Arc;

use liucheng_engine::{
    audit::{
        journal::{Act, Entry},
        verify::verify,
    },
    ports::{
        AnswerPlace, Document, Instant, MailOutcome, MailState, Store, TokenAct, TokenChange,
        TokenRow,
    },
};

use super::Database;
use crate::samples::{answer, change, id, mail, opening, timer};

pub async fn due_timers_in_order_and_never_early(database: &impl Database) {
    let store = database.open().await;
    for (number, at) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
        let mut commit = opening(number);
        commit.set_timers = vec![timer(id(number), "t", at, 1)];
        store.commit(commit).await.unwrap();
    }
    let due = async |now, limit| {
        let timers = store.due_timers(Instant(now), limit).await.unwrap();
        let at = timers.iter().map(|t| (t.project.0.as_u128(), t.at.0));
        at.collect::<Vec<_>>()
    };
    assert_eq!(due(9, 9).await, []);
    assert_eq!(due(10, 9).await, [(2, 10), (4, 10)]);
    assert_eq!(due(29, 9).await, [(2, 10), (4, 10), (3, 20)]);
    assert_eq!(due(i64::MAX, 9).await.len(), 4);
    assert_eq!(due(30, 2).await, [(2, 10), (4, 10)]);
}

pub async fn timers_are_replaced_and_cleared(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.set_timers = ["a", "b", "c"].map(|key| timer(id(1), key, 10, 1)).into();
    store.commit(commit).await.unwrap();
    let mut commit = change(id(1), 1, "li");
    commit.clear_timers = vec!["a".to_owned(), "b".to_owned(), "unknown".to_owned()];
    commit.set_timers = vec![timer(id(1), "b", 20, 2), timer(id(1), "d", 5, 1)];
    store.commit(commit).await.unwrap();
    let left = [
        timer(id(1), "b", 20, 2),
        timer(id(1), "c", 10, 1),
        timer(id(1), "d", 5, 1),
    ];
    assert_eq!(store.timers(id(1)).await.unwrap(), left);
}

pub async fn postponing_needs_the_generation(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.set_timers = vec![timer(id(1), "t", 10, 2)];
    store.commit(commit).await.unwrap();
    for old in [1, 3] {
        store
            .postpone_timer(timer(id(1), "t", 99, old))
            .await
            .unwrap();
    }
    assert_eq!(store.timers(id(1)).await.unwrap()[0].at, Instant(10));
    store
        .postpone_timer(timer(id(1), "t", 15, 2))
        .await
        .unwrap();
    assert_eq!(
        store.timers(id(1)).await.unwrap(),
        [timer(id(1), "t", 15, 2)]
    );
    assert_eq!(store.load(id(1)).await.unwrap().unwrap().version, 1);
    // Many at once, of which only those of the stored generation count.
    let postpone = |n: i64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let wanted = timer(id(1), "t", 100 + n, 1 + n.unsigned_abs() % 3);
            store.postpone_timer(wanted).await
        })
    };
    for task in (0..12).map(postpone).collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let at = store.timers(id(1)).await.unwrap()[0].at.0;
    assert_eq!((at >= 100, (at - 100) % 3), (true, 1), "{at}");
}

pub async fn mails_are_unique_and_due_in_order(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.outbox = vec![
        mail(id(1), "z", 20),
        mail(id(1), "a", 10),
        mail(id(1), "z", 1),
    ];
    store.commit(commit).await.unwrap();
    let mut commit = change(id(1), 1, "li");
    commit.outbox = vec![mail(id(1), "a", 1), mail(id(1), "b", 15)];
    store.commit(commit).await.unwrap();
    let mut commit = opening(2);
    commit.outbox = vec![mail(id(2), "a", 12)];
    store.commit(commit).await.unwrap();
    assert_eq!(store.due_mail(Instant(9), 9).await.unwrap(), []);
    let due = store.due_mail(Instant(15), 9).await.unwrap();
    let expected = [
        mail(id(1), "a", 10),
        mail(id(2), "a", 12),
        mail(id(1), "b", 15),
    ];
    assert_eq!(due, expected);
    assert_eq!(store.due_mail(Instant(99), 1).await.unwrap().len(), 1);
    let all = store.mail(id(1)).await.unwrap();
    let keys: Vec<_> = all.iter().map(|m| m.row.key.as_str()).collect();
    assert_eq!(keys, ["z", "a", "b"], "in the order they were planned");
    assert!(
        all.iter()
            .all(|m| m.state == MailState::Pending && m.sent_at.is_none())
    );
}

async fn with_mail(store: &Arc<dyn Store>) {
    let mut commit = opening(1);
    commit.outbox = vec![mail(id(1), "m", 10)];
    store.commit(commit).await.unwrap();
}

pub async fn mail_is_retried_then_sent(database: &impl Database) {
    let store = database.open().await;
    with_mail(&store).await;
    let retry = MailOutcome::Retry {
        not_before: Instant(50),
        error: "450 忙\0".to_owned(),
    };
    store.finish_mail(id(1), "m", retry).await.unwrap();
    assert_eq!(store.due_mail(Instant(49), 9).await.unwrap(), []);
    let due = store.due_mail(Instant(50), 9).await.unwrap();
    assert_eq!(
        (due[0].attempts, due[0].mail.clone()),
        (1, mail(id(1), "m", 1).mail)
    );
    assert_eq!(
        store.mail(id(1)).await.unwrap()[0].last_error,
        "450 忙\u{FFFD}"
    );
    let sent = MailOutcome::Sent(Instant(51));
    store.finish_mail(id(1), "m", sent).await.unwrap();
    let record = store.mail(id(1)).await.unwrap().remove(0);
    assert_eq!(
        (record.state, record.sent_at),
        (MailState::Sent, Some(Instant(51)))
    );
    assert_eq!((record.last_error.as_str(), record.row.attempts), ("", 2));
    assert_eq!(store.due_mail(Instant(i64::MAX), 9).await.unwrap(), []);
}

pub async fn dead_mail_stays_dead(database: &impl Database) {
    let store = database.open().await;
    with_mail(&store).await;
    let dead = MailOutcome::Dead {
        error: "550 无此人".to_owned(),
    };
    store.finish_mail(id(1), "m", dead).await.unwrap();
    let sent = MailOutcome::Sent(Instant(1));
    store.finish_mail(id(1), "m", sent).await.unwrap();
    let record = store.mail(id(1)).await.unwrap().remove(0);
    assert_eq!((record.state, record.sent_at), (MailState::Dead, None));
    assert_eq!(record.last_error, "550 无此人");
    assert_eq!(store.next_wake().await.unwrap(), None);
}

pub async fn finishing_mail_twice_counts_once(database: &impl Database) {
    let store = database.open().await;
    with_mail(&store).await;
    for _ in 0..3 {
        let error = "timeout".to_owned();
        let not_before = Instant(20);
        let retry = MailOutcome::Retry { not_before, error };
        store.finish_mail(id(1), "m", retry).await.unwrap();
    }
    assert_eq!(store.mail(id(1)).await.unwrap()[0].row.attempts, 1);
    for at in [30, 40] {
        let sent = MailOutcome::Sent(Instant(at));
        store.finish_mail(id(1), "m", sent).await.unwrap();
    }
    let record = store.mail(id(1)).await.unwrap().remove(0);
    assert_eq!(
        (record.sent_at, record.row.attempts),
        (Some(Instant(30)), 2)
    );
}

pub async fn two_fates_of_one_mail_at_once(database: &impl Database) {
    let store = database.open().await;
    with_mail(&store).await;
    let finish = |n: i64| {
        let store = Arc::clone(&store);
        let not_before = Instant(100 + n);
        let error = n.to_string();
        let retry = MailOutcome::Retry { not_before, error };
        tokio::spawn(async move { store.finish_mail(id(1), "m", retry).await })
    };
    for task in (0..6).map(finish).collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.mail(id(1)).await.unwrap()[0].row.attempts, 6);
}

pub async fn next_wake_is_the_earliest(database: &impl Database) {
    let store = database.open().await;
    let mut commit = opening(1);
    commit.set_timers = vec![timer(id(1), "t", 30, 1)];
    commit.outbox = vec![mail(id(1), "m", 20)];
    store.commit(commit).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(Instant(20)));
    let sent = MailOutcome::Sent(Instant(20));
    store.finish_mail(id(1), "m", sent).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), Some(Instant(30)));
    let mut commit = change(id(1), 1, "li");
    commit.clear_timers = vec!["t".to_owned()];
    store.commit(commit).await.unwrap();
    assert_eq!(store.next_wake().await.unwrap(), None);
}

pub async fn documents_are_kept_once(database: &impl Database) {
    let store = database.open().await;
    let document = |version: &str| Document {
        kind: "calendar".to_owned(),
        digest: format!("digest of {version}"),
        id: "cn".to_owned(),
        version: version.to_owned(),
        bytes: vec![0, 255, 10, 13, 0],
    };
    for version in ["2025", "2026", "2025"] {
        store.put_document(document(version)).await.unwrap();
    }
    let kept = store.documents("calendar").await.unwrap();
    assert_eq!(kept, [document("2026"), document("2025")], "newest first");
    assert_eq!(store.documents("definition").await.unwrap(), []);
    let found = store.document("calendar", "digest of 2026").await.unwrap();
    assert_eq!(found, Some(document("2026")));
    assert_eq!(
        store.document("package", "digest of 2026").await.unwrap(),
        None
    );

    // What has the digest of its bytes gets them again where they were damaged, and keeps its place.
    let component = |version: &str, bytes: &[u8]| Document {
        kind: "component".to_owned(),
        bytes: bytes.to_vec(),
        ..document(version)
    };
    for (version, bytes) in [("1", b"damaged"), ("2", b"another"), ("1", b"genuine")] {
        store.put_document(component(version, bytes)).await.unwrap();
    }
    let kept = store.documents("component").await.unwrap();
    assert_eq!(
        kept,
        [component("2", b"another"), component("1", b"genuine")]
    );
    let mut other = document("2026");
    other.bytes = vec![1];
    store.put_document(other).await.unwrap();
    let kept = store.documents("calendar").await.unwrap();
    assert_eq!(kept, [document("2026"), document("2025")]);
}

pub async fn tokens_are_kept(database: &impl Database) {
    let store = database.open().await;
    let token = TokenRow {
        hash: "cd".repeat(32),
        actor: "李某".to_owned(),
        roles: "purchaser,finance".to_owned(),
        at: Instant(7),
    };
    store.put_token(token.clone()).await.unwrap();
    store.put_token(token.clone()).await.unwrap();
    assert_eq!(store.token_count().await.unwrap(), 1);
    assert_eq!(store.token(&token.hash).await.unwrap(), Some(token));
}

/// Answers are found page by page and removed; one that was given at another time stays.
pub async fn answers_are_removed(database: &impl Database) {
    let store = database.open().await;
    for number in [2, 1, 3] {
        let mut commit = opening(number);
        commit.answer = Some(answer("b", "{}"));
        store.commit(commit).await.unwrap();
        let mut commit = change(id(number), 1, "li");
        commit.answer = Some(answer("a", "{}"));
        store.commit(commit).await.unwrap();
    }
    let mut seen: Vec<AnswerPlace> = Vec::new();
    loop {
        let page = store.answers(seen.last().cloned(), 4).await.unwrap();
        assert!(page.len() <= 4);
        let last = page.len() < 4;
        seen.extend(page);
        if last {
            break;
        }
    }
    let names: Vec<_> = seen
        .iter()
        .map(|place| (place.project.0.as_u128(), place.key.as_str(), place.at.0))
        .collect();
    let expected = [1, 2, 3].map(|number| [(number, "a", 5), (number, "b", 5)]);
    assert_eq!(names, expected.concat());
    let mut other = seen[0].clone();
    other.at = Instant(6);
    let gone = vec![seen[1].clone(), seen[2].clone(), other];
    store.remove_answers(gone.clone()).await.unwrap();
    store.remove_answers(gone).await.unwrap();
    let left = store.answers(None, 9).await.unwrap();
    assert_eq!(left, [&seen[..1], &seen[3..]].concat());
    assert_eq!(store.answer(id(1), "b").await.unwrap(), None);
    assert!(store.answer(id(1), "a").await.unwrap().is_some());
    // Its key is free again.
    let mut commit = change(id(1), 2, "li");
    commit.answer = Some(answer("b", "{\"n\":2}"));
    store.commit(commit).await.unwrap();
    let again = store.answer(id(1), "b").await.unwrap();
    assert_eq!(again, Some(answer("b", "{\"n\":2}")));
}

/// What is done to tokens is a chain of records, and nothing else is.
pub async fn token_changes_are_recorded(database: &impl Database) {
    let store = database.open().await;
    assert_eq!(acts(&store).await, [("system".to_owned(), Act::Began)]);
    let token = |number: i64| TokenRow {
        hash: format!("{number:064}"),
        actor: "li".to_owned(),
        roles: "*".to_owned(),
        at: Instant(number),
    };
    let act = |at: i64, change: TokenChange| {
        let (store, by, at) = (Arc::clone(&store), "wang".to_owned(), Instant(at));
        async move {
            store
                .change_token(TokenAct { by, at, change })
                .await
                .unwrap()
        }
    };
    act(1, TokenChange::Made(token(1))).await;
    act(2, TokenChange::Made(token(2))).await;
    // One that is there stays as it is.
    let mut other = token(2);
    other.roles = "officer".to_owned();
    act(3, TokenChange::Made(other)).await;
    act(4, TokenChange::Revoked(token(1).hash)).await;
    act(5, TokenChange::Revoked(token(1).hash)).await;
    act(5, TokenChange::Revoked(token(9).hash)).await;
    let by = |act: Act| ("wang".to_owned(), act);
    let expected = [
        ("system".to_owned(), Act::Began),
        by(Act::TokenMade(token(1))),
        by(Act::TokenMade(token(2))),
        by(Act::TokenRevoked(token(1))),
    ];
    assert_eq!(acts(&store).await, expected);
    let records = store.journal(1, 2).await.unwrap();
    assert_eq!(records.iter().map(|r| r.seq).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(records[1].prev_hash, records[0].hash);
    assert_eq!(store.token(&token(1).hash).await.unwrap(), None);
    assert_eq!(store.token(&token(2).hash).await.unwrap(), Some(token(2)));
    let kept = store.kept_tokens(None, 9).await.unwrap();
    let revoked: Vec<_> = kept.iter().map(|token| token.revoked_at).collect();
    assert_eq!(revoked, [Some(Instant(4)), None]);
    assert_eq!(store.token_count().await.unwrap(), 2);
    // Many at once are one chain.
    let many = (10..30).map(|number| act(number, TokenChange::Made(token(number))));
    let many: Vec<_> = many.map(tokio::spawn).collect();
    for made in many {
        made.await.unwrap();
    }
    assert_eq!(acts(&store).await.len(), 24);
    assert!(verify(&*store).await.unwrap().is_empty());
}

async fn acts(store: &Arc<dyn Store>) -> Vec<(String, Act)> {
    let records = store.journal(0, 99).await.unwrap();
    let open = |row| {
        let entry = Entry::open(row).unwrap();
        (entry.actor, entry.act)
    };
    records.iter().map(open).collect()
}
