//! A table that is lost while a store is open: told as damage to readers and writers alike.

use liucheng_engine::ports::{CommitError, ReadError};
use liucheng_store::{Options, connect};
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::{
    samples::{change, id, opening},
    server,
};

/// Loses a table behind the back of whoever has the database open.
async fn lose_timers(location: &str) {
    if location.starts_with("postgres") {
        let mut connection = PgConnection::connect(location).await.unwrap();
        let lost = sqlx::query("DROP TABLE timer CASCADE");
        lost.execute(&mut connection).await.unwrap();
    } else {
        let mut connection = SqliteConnection::connect(location).await.unwrap();
        let lost = sqlx::query("DROP TABLE timer");
        lost.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_table_lost_under_an_open_store_is_damage() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.db").to_str().unwrap().to_owned();
    let mut places = vec![file];
    if let Some(server) = server::shared() {
        places.push(server.database().await);
    }
    for place in places {
        let store = connect(&place, Options::default()).await.unwrap();
        store.commit(opening(1)).await.unwrap();
        lose_timers(&place).await;
        let read = store.timers(id(1)).await.unwrap_err();
        assert!(matches!(read, ReadError::Damaged(_)), "{place}: {read}");
        assert_eq!(read.code(), "E-STORE-DAMAGED");
        let written = store.commit(change(id(1), 1, "li")).await.unwrap_err();
        let damaged = matches!(written, CommitError::Damaged(_));
        assert!(damaged, "{place}: {written}");
        assert!(store.health().damaged.is_some(), "{place}");
        // What does not need the table is as good as ever.
        let row = store.load(id(1)).await.unwrap().unwrap();
        assert_eq!(row.version, 1);
        store.close().await;
        for read_only in [true, false] {
            let options = Options {
                read_only,
                ..Options::default()
            };
            let refused = connect(&place, options).await.err().unwrap();
            assert_eq!(refused.code(), "E-STORE-DAMAGED", "{place}");
            assert!(refused.to_string().contains("`timer`"), "{refused}");
        }
    }
}
