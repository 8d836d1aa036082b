//! How a store is, and what waits in it.

use liucheng_engine::ports::{Backlog, Instant, MailOutcome, StoreHealth};

use super::Database;
use crate::samples::{change, id, mail, opening, timer};

pub async fn what_waits_is_counted(database: &impl Database) {
    let store = database.open().await;
    assert_eq!(store.backlog().await.unwrap(), Backlog::default());
    let mut commit = opening(1);
    commit.set_timers = vec![timer(id(1), "t", 50, 1), timer(id(1), "s", 40, 1)];
    commit.outbox = vec![
        mail(id(1), "a", 30),
        mail(id(1), "b", 20),
        mail(id(1), "c", 10),
    ];
    store.commit(commit).await.unwrap();
    let fates = [
        ("c", MailOutcome::Sent(Instant(11))),
        (
            "b",
            MailOutcome::Dead {
                error: "no such user".to_owned(),
            },
        ),
    ];
    for (key, fate) in fates {
        // Where several processes share a database, a mail has to be claimed before.
        store.due_mail(Instant(100), 10).await.unwrap();
        store.finish_mail(id(1), key, fate).await.unwrap();
    }
    let backlog = store.backlog().await.unwrap();
    let expected = Backlog {
        mails_pending: 1,
        mail_earliest: Some(Instant(30)),
        mails_dead: 1,
        timer_earliest: Some(Instant(40)),
    };
    assert_eq!(backlog, expected);
    let mut commit = change(id(1), 1, "li");
    commit.clear_timers = vec!["s".to_owned(), "t".to_owned()];
    store.commit(commit).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().timer_earliest, None);
}

pub async fn a_store_that_works_has_no_trouble(database: &impl Database) {
    let store = database.open().await;
    store.commit(opening(1)).await.unwrap();
    let health = store.health();
    assert_eq!(health.trouble(), None);
    let skew = health.clock_skew_micros.unwrap_or_default();
    assert!(skew.abs() < 5_000_000, "{skew}");
    assert_eq!(
        StoreHealth {
            clock_skew_micros: None,
            ..health
        },
        StoreHealth::default()
    );
    let schema = store.schema().await.unwrap();
    assert_eq!(schema.found, schema.known);
}
