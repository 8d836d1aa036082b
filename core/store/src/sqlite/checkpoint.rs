//! Copying the write-ahead log into the database.
//!
//! Left to itself, SQLite copies within the `COMMIT` that happens to cross a limit, and all who wait for
//! that one wait for the copying and its two fsyncs as well. Here the work is done beside the writer:
//!
//! * When the log has grown to its limit, or after a while without writing, a connection of its own copies
//!   all it can (`PASSIVE`: it waits for nobody, and nobody waits for it).
//! * Then, between two groups, the writer copies the few pages that came meanwhile. Now all is copied,
//!   and the next group begins the log anew at the start of its file, which keeps its size.
//! * A reader that stays holds the pages it sees, and the log grows. When it is twice as long as it should
//!   be, the writer waits for readers, for a moment and once a second at most.
//!
//! A process that dies in between leaves a log that the next one reads; nothing depends on a checkpoint.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection, Error, Row, SqliteConnection};
use tokio::{task::JoinHandle, time::Instant};
use tracing::{debug, warn};

use super::{
    failure::{is_doubtful, is_full},
    schema,
};
use crate::stats::Counters;

/// How long the log's file may become before it is copied, in bytes. Up to 4,062 pages, 16 MiB with the
/// log's own headers, the index of the log is a single block of shared memory.
pub(crate) const LOG_BYTES: u64 = 12 << 20;

/// Beyond this, the writer waits for readers.
const LONG_LOG_BYTES: u64 = 2 * LOG_BYTES;

/// For how long.
const READERS_WAIT: Duration = Duration::from_millis(50);

/// How often.
const READERS_PAUSE: Duration = Duration::from_secs(1);

/// Without a write for this long, the log is copied whatever its length.
const IDLE: Duration = Duration::from_secs(2);

/// The pause after a pass that could not copy everything.
const PAUSE: Duration = Duration::from_millis(250);

const PASSIVE: &str = "PRAGMA wal_checkpoint(PASSIVE)";
const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// What a pass has done.
#[derive(Debug, Clone, Copy)]
struct Pass {
    /// All pages of the log are in the database.
    complete: bool,
}

/// When to copy, and how far it is.
pub(crate) struct Checkpoints {
    database: PathBuf,
    log: PathBuf,
    counters: Arc<Counters>,
    /// The pass that runs beside the writer, and how many groups were written when it began.
    beside: Option<(JoinHandle<Result<Pass, Error>>, u64)>,
    /// The one that has ended.
    ended: Option<(Result<Pass, Error>, u64)>,
    /// Groups written so far.
    written: u64,
    /// Groups written when the log was last known to be copied.
    copied: u64,
    last_write: Instant,
    not_before: Instant,
    readers_not_before: Instant,
}

impl Checkpoints {
    /// Nothing written yet; what an earlier process left is copied when there is time.
    pub(crate) fn new(database: &Path, counters: Arc<Counters>) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        let now = Instant::now();
        Self {
            database: database.to_owned(),
            log: log.into(),
            counters,
            beside: None,
            ended: None,
            written: 1,
            copied: 0,
            last_write: now,
            not_before: now,
            readers_not_before: now,
        }
    }

    /// Waits until there is something to do without a group. May be dropped at any time.
    pub(crate) async fn due(&mut self) {
        if self.beside.is_some() {
            return self.wait_for_pass().await;
        }
        if self.written == self.copied {
            return std::future::pending().await;
        }
        tokio::time::sleep_until((self.last_write + IDLE).max(self.not_before)).await;
    }

    /// A group was written.
    pub(crate) fn wrote(&mut self) {
        self.written += 1;
        self.last_write = Instant::now();
    }

    /// Begins a pass beside the writer, or ends one, if it is time.
    ///
    /// # Errors
    /// When the file is in doubt and nothing more must be written.
    pub(crate) async fn step(&mut self, writer: &mut SqliteConnection) -> Result<(), Error> {
        let length = self.length();
        self.counters.log(length);
        let long = length > LOG_BYTES;
        match &self.beside {
            Some((pass, _)) if !pass.is_finished() => return Ok(()),
            _ => self.wait_for_pass().await,
        }
        if let Some((result, written)) = self.ended.take() {
            self.note(result, written)?;
            if long {
                self.finish(writer, length).await?;
            }
            return Ok(());
        }
        let idle = self.written != self.copied && self.last_write.elapsed() >= IDLE;
        if (long || idle) && Instant::now() >= self.not_before {
            self.begin();
        }
        Ok(())
    }

    /// Copies what there is, at the end.
    pub(crate) async fn end(&mut self, writer: &mut SqliteConnection) {
        self.wait_for_pass().await;
        if let Err(error) = pass(writer, PASSIVE).await {
            warn!(%error, "the log was not copied into the database");
        }
    }

    fn begin(&mut self) {
        let database = self.database.clone();
        let pass = tokio::spawn(async move { copy_beside(&database).await });
        self.beside = Some((pass, self.written));
    }

    async fn wait_for_pass(&mut self) {
        let Some((pass, written)) = &mut self.beside else {
            return;
        };
        // A pass that was cut off has copied less, which is no harm.
        let result = pass.await.unwrap_or(Err(Error::WorkerCrashed));
        self.ended = Some((result, *written));
        self.beside = None;
    }

    /// The pages that came while the others were copied.
    async fn finish(&mut self, writer: &mut SqliteConnection, length: u64) -> Result<(), Error> {
        let result = pass(writer, PASSIVE).await;
        self.note(result, self.written)?;
        let now = Instant::now();
        if length > LONG_LOG_BYTES && now >= self.readers_not_before {
            self.readers_not_before = now + READERS_PAUSE;
            set_patience(writer, READERS_WAIT).await?;
            let result = pass(writer, TRUNCATE).await;
            set_patience(writer, schema::BUSY_TIMEOUT).await?;
            self.note(result, self.written)?;
            let (before, after) = (length, self.length());
            self.counters.log(after);
            debug!(
                bytes_before = before,
                bytes = after,
                "waited for readers of a long log"
            );
        }
        Ok(())
    }

    fn note(&mut self, result: Result<Pass, Error>, written: u64) -> Result<(), Error> {
        let complete = match result {
            Ok(pass) => {
                self.counters.checkpoint();
                pass.complete
            }
            Err(error) if is_doubtful(&error) && !is_full(&error, &self.database) => {
                return Err(error);
            }
            Err(error) => {
                warn!(%error, "the log is not copied into the database now");
                self.not_before = Instant::now() + READERS_PAUSE;
                return Ok(());
            }
        };
        if complete {
            self.copied = written;
        } else {
            let long = self.length() > LOG_BYTES;
            self.not_before = Instant::now() + if long { PAUSE } else { IDLE };
        }
        Ok(())
    }

    fn length(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |log| log.len())
    }
}

async fn copy_beside(database: &Path) -> Result<Pass, Error> {
    let mut connection =
        SqliteConnection::connect_with(&schema::checkpoint_options(database)).await?;
    let done = pass(&mut connection, PASSIVE).await;
    let closed = connection.close().await;
    let done = done?;
    closed.map(|()| done)
}

async fn pass(connection: &mut SqliteConnection, how: &'static str) -> Result<Pass, Error> {
    let row = sqlx::query(how).fetch_one(connection).await?;
    let (busy, log, copied): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(Pass {
        complete: busy == 0 && log == copied,
    })
}

async fn set_patience(connection: &mut SqliteConnection, wait: Duration) -> Result<(), Error> {
    let pragma = format!("PRAGMA busy_timeout = {}", wait.as_millis());
    sqlx::raw_sql(AssertSqlSafe(pragma))
        .execute(connection)
        .await
        .map(drop)
}
