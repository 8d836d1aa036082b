//! What only the PostgreSQL store promises: several nodes, a server that comes and goes.

mod faults;
mod nodes;
mod proxy;
mod room;
mod schema;

use std::sync::Arc;

use liucheng_engine::ports::Store;
use liucheng_store::{Options, PostgresStore, StoreError, connect, postgres::open};
use sqlx::{Connection, PgConnection};

use crate::{
    checks::{Database, store_contract},
    server,
};

/// One database of a server.
pub struct Postgres {
    url: String,
}

impl Postgres {
    /// A node that writes.
    async fn node(&self, options: Options) -> PostgresStore {
        self.store(options).await.unwrap()
    }

    async fn store(&self, options: Options) -> Result<PostgresStore, StoreError> {
        open(&self.url, options).await
    }

    async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    async fn execute(&self, sql: &'static str) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Database for Postgres {
    async fn new() -> Option<Self> {
        let url = server::shared()?.database().await;
        Some(Self { url })
    }

    async fn open(&self) -> Arc<dyn Store> {
        connect(&self.url, Options::DEFAULT).await.unwrap()
    }
}

store_contract!(Postgres);

/// Ends the test where there is no server.
macro_rules! database {
    () => {
        match <$crate::postgres::Postgres as $crate::checks::Database>::new().await {
            Some(database) => database,
            None => return,
        }
    };
}
pub(crate) use database;
