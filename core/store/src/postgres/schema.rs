//! Connecting: where the server is, how its sessions are set up, which migrations it has.

use std::{str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions, Connection, Error, PgConnection, PgPool, Row,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{
    failure::{is_crowded, is_passing, is_read_only},
    journal, sql,
};
use crate::{
    StoreError, check,
    damage::{is_damage, not_migrated, refuse_lost_tables, said},
    sql as shared,
    transfer::marker,
};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long a reader waits for one of the connections, or for a server that went away.
const READER_WAIT: Duration = Duration::from_secs(10);

/// The first pause before a read is tried again; it doubles.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// A connection that was idle for longer than this is tried before it is used.
const IDLE: Duration = Duration::from_secs(1);

/// Where a database is.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub options: PgConnectOptions,
    /// For people: without the password.
    pub name: String,
}

impl Place {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`.
    pub(crate) fn parse(location: &str) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(location)
            // The text may hold a password, so it is not repeated.
            .map_err(|error| StoreError::Location(format!("postgres://… ({error})")))?
            .application_name("liucheng")
            .disable_statement_logging();
        let host = options.get_socket().map_or_else(
            || format!("{}:{}", options.get_host(), options.get_port()),
            |socket| socket.display().to_string(),
        );
        let (user, database) = (options.get_username(), options.get_database());
        let database = database.unwrap_or(user);
        Ok(Self {
            name: format!("postgres://{user}@{host}/{database}"),
            options,
        })
    }

    /// Options of sessions that read and claim.
    pub(crate) fn read_options(&self) -> PgConnectOptions {
        self.options.clone().options(LIMITS)
    }

    /// Options of the session that writes.
    ///
    /// Its statements reach rows by their keys, always. Left alone, PostgreSQL would plan them anew
    /// each time, which takes longer than running them, or remember a plan for the empty tables of
    /// the first day.
    pub(crate) fn write_options(&self) -> PgConnectOptions {
        self.options.clone().options(LIMITS).options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
        ])
    }

    /// Wraps what the system or PostgreSQL said.
    pub(crate) fn error(&self, error: &Error) -> StoreError {
        let location = self.name.clone();
        if is_damage(error) {
            let reason = said(error);
            return StoreError::Damaged { location, reason };
        }
        if is_crowded(error) {
            let reason = said(error);
            return StoreError::Crowded { location, reason };
        }
        if is_read_only(error) {
            let reason = said(error);
            return StoreError::Unwritable { location, reason };
        }
        let reason = error.to_string();
        StoreError::Connect { location, reason }
    }

    /// Refuses a server whose sessions may only read, such as a standby.
    pub(crate) async fn refuse_read_only(&self, pool: &PgPool) -> Result<(), StoreError> {
        let setting = "SELECT current_setting('transaction_read_only')";
        let read_only: String = sqlx::query_scalar(setting)
            .fetch_one(pool)
            .await
            .map_err(|error| self.error(&error))?;
        if read_only == "off" {
            return Ok(());
        }
        Err(StoreError::Unwritable {
            location: self.name.clone(),
            reason: format!("its sessions may only read (transaction_read_only is {read_only})"),
        })
    }

    /// Connections to read with; none is opened yet.
    pub(crate) fn pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(READER_WAIT)
            // Asking each time would double the trips.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(self.read_options())
    }

    /// One connection without limits, for migrating.
    pub(crate) async fn connect(&self) -> Result<PgConnection, StoreError> {
        connect(&self.options)
            .await
            .map_err(|error| self.error(&error))
    }

    /// Reads the schema version; 0 for an empty database. One of this version has all its tables.
    pub(crate) async fn version(&self, connection: &mut PgConnection) -> Result<i64, StoreError> {
        let failed = |error: Error| self.error(&error);
        let found = sqlx::query(sql::INSPECT)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let migrated: i64 = found.try_get(0).map_err(failed)?;
        let tables: i64 = found.try_get(1).map_err(failed)?;
        let ours: i64 = found.try_get(2).map_err(failed)?;
        // The mark is on the table `project`, which may be what was lost.
        let lost = tables > 0 && ours == 0 && migrated > 0;
        let ours = ours > 0 || (lost && self.is_ours(connection).await?);
        if tables > 0 && !ours {
            return Err(StoreError::Foreign {
                location: self.name.clone(),
            });
        }
        if migrated == 0 && tables == 0 {
            return Ok(0);
        }
        let found: i64 = sqlx::query_scalar(shared::SCHEMA_VERSION)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        if found == crate::latest_schema_version() {
            let present: Vec<String> = sqlx::query_scalar(sql::TABLE_NAMES)
                .fetch_all(connection)
                .await
                .map_err(failed)?;
            refuse_lost_tables(&present, &self.name)?;
        }
        Ok(found)
    }

    /// Whether the migrations that were applied are ours.
    async fn is_ours(&self, connection: &mut PgConnection) -> Result<bool, StoreError> {
        let first = MIGRATIONS.iter().find(|migration| migration.version == 1);
        let checksum = first.map_or(&[][..], |migration| &migration.checksum);
        let found: Result<i64, Error> = sqlx::query_scalar(sql::IS_OURS)
            .bind(checksum)
            .fetch_one(connection)
            .await;
        match found {
            Ok(count) => Ok(count > 0),
            // Another program may have a table of that name with other columns.
            Err(Error::Database(_)) => Ok(false),
            Err(error) => Err(self.error(&error)),
        }
    }

    /// Refuses a database that is being filled with the contents of another one.
    pub(crate) async fn refuse_unfinished(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), StoreError> {
        let found = sqlx::query_scalar(marker::UNFINISHED)
            .fetch_optional(connection)
            .await
            .map_err(|error| self.error(&error))?;
        marker::refused(found, &self.name)
    }

    /// Applies the missing migrations; returns the version before.
    pub(crate) async fn migrate(&self, connection: &mut PgConnection) -> Result<i64, StoreError> {
        let before = self.version(connection).await?;
        check::not_newer(before, &self.name)?;
        if before < crate::latest_schema_version() {
            // Nodes that start together take turns: sqlx holds an advisory lock meanwhile.
            MIGRATIONS
                .run(&mut *connection)
                .await
                .map_err(|error| not_migrated(self.name.clone(), &error))?;
        }
        let begun = journal::begin(connection).await;
        begun.map_err(|error| StoreError::Migration {
            location: self.name.clone(),
            reason: error.to_string(),
        })?;
        Ok(before)
    }
}

/// Limits of every session: nobody waits for ever, and no invariant needs more than READ COMMITTED.
const LIMITS: [(&str, &str); 5] = [
    ("statement_timeout", "15s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("default_transaction_isolation", "read committed"),
    ("jit", "off"),
];

/// Opens one connection whose commits are durable when they are answered.
pub(crate) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    // Stricter settings, which wait for standbys, are left as they are.
    let settings: (String, Option<String>) = sqlx::query_as(
        "SELECT current_setting('fsync'),
            CASE WHEN current_setting('synchronous_commit') = 'off'
                THEN set_config('synchronous_commit', 'on', false) END",
    )
    .fetch_one(&mut connection)
    .await?;
    if settings.0 == "off" {
        warn!(
            "this PostgreSQL runs with fsync = off: a crash of the machine loses what was acknowledged"
        );
    }
    Ok(connection)
}

/// Reads, again and again while the server is away, up to a limit.
pub(crate) async fn retry<T, F>(mut read: impl FnMut() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let give_up = Instant::now() + READER_WAIT;
    let mut pause = RETRY_PAUSE;
    loop {
        match read().await {
            Err(error) if is_passing(&error) && Instant::now() < give_up => {}
            result => return result,
        }
        sleep(pause).await;
        pause = (pause * 2).min(READER_WAIT / 20);
    }
}
