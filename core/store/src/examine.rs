//! What somebody should know about a database before trusting it: for `liucheng doctor`.

use std::path::Path;

use sqlx::{Connection, PgConnection, Row};

use crate::{Kind, StoreError, clock, damage::said, kind, latest_schema_version, postgres, sqlite};

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Somebody should see to it.
    Warn,
    /// It does not work, or data is at risk.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: a stable code, `D-…`.
    pub code: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub detail: String,
    /// What to do about it; empty where there is nothing to do.
    pub hint: String,
}

impl Finding {
    /// A finding without a hint.
    pub fn new(code: &'static str, level: Level, detail: impl Into<String>) -> Self {
        Self {
            code,
            level,
            detail: detail.into(),
            hint: String::new(),
        }
    }

    /// Says what to do, unless all is well.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        if self.level != Level::Ok {
            self.hint = hint.into();
        }
        self
    }
}

/// The oldest PostgreSQL the statements are written for.
const POSTGRES_MIN: i64 = 140_000;

/// Clocks may differ so far without anybody noticing, in microseconds.
const SKEW_FINE_MICROS: i64 = 5_000_000;

/// Beyond this a node gets no work.
const SKEW_MAX_MICROS: i64 = 60_000_000;

/// An SQLite log longer than this is held by a reader that stays, in bytes.
const LOG_LONG_BYTES: u64 = 64 << 20;

/// Looks at the database at a location without changing it, beside a server that may be running.
///
/// # Errors
/// [`StoreError`] where it cannot be opened or read; what is merely wrong with it is a finding.
pub async fn examine(location: &str) -> Result<Vec<Finding>, StoreError> {
    match kind(location) {
        Kind::Sqlite => examine_sqlite(location).await,
        Kind::Postgres => examine_postgres(location).await,
    }
}

fn schema(found: i64) -> Finding {
    let known = latest_schema_version();
    let level = if found == known {
        Level::Ok
    } else {
        Level::Bad
    };
    let hint = if found < known {
        "start the server once, or run `liucheng migrate`"
    } else {
        "install the newer version, or restore a backup from before it"
    };
    let detail = format!("schema {found}, this program was built for {known}");
    Finding::new("D-SCHEMA", level, detail).hint(hint)
}

async fn examine_sqlite(location: &str) -> Result<Vec<Finding>, StoreError> {
    let path = sqlite::locate(location)?;
    let mut connection = sqlite::connect_for_reading(&path).await?;
    let failed = |error: sqlx::Error| StoreError::Open {
        location: path.display().to_string(),
        reason: error.to_string(),
    };
    let checked: Result<Vec<String>, _> = sqlx::query_scalar("PRAGMA quick_check(5)")
        .fetch_all(&mut connection)
        .await;
    let rows = match checked {
        Ok(rows) => rows,
        Err(error) if sqlite::is_damage(&error) => vec![said(&error)],
        Err(error) => return Err(failed(error)),
    };
    let mut found = vec![integrity(&rows)];
    // What a damaged file says about itself is worth nothing.
    if rows != ["ok"] {
        return Ok(found);
    }
    found.push(schema(sqlite::version(&mut connection, &path).await?));
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let level = if mode == "wal" {
        Level::Ok
    } else {
        Level::Warn
    };
    found.push(
        Finding::new(
            "D-DURABILITY",
            level,
            format!("journal mode {mode}, every commit waits for the disk"),
        )
        .hint("start the server once: it sets the mode"),
    );
    found.push(log(&path));
    connection.close().await.map_err(failed)?;
    Ok(found)
}

fn integrity(rows: &[String]) -> Finding {
    if rows == ["ok"] {
        return Finding::new("D-INTEGRITY", Level::Ok, "the file is sound");
    }
    // SQLite begins with a headline of its own.
    let mut lines = rows.iter().flat_map(|row| row.lines());
    let first = lines.find(|line| !line.starts_with("***"));
    let first = first.unwrap_or("no answer");
    Finding::new(
        "D-INTEGRITY",
        Level::Bad,
        format!("the file is damaged: {first}"),
    )
    .hint("stop the server, keep the file as it is, and restore the last backup")
}

fn log(database: &Path) -> Finding {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let bytes = std::fs::metadata(&log).map_or(0, |log| log.len());
    let level = if bytes > LOG_LONG_BYTES {
        Level::Warn
    } else {
        Level::Ok
    };
    let detail = format!("the write-ahead log has {} KiB", bytes >> 10);
    Finding::new("D-LOG", level, detail)
        .hint("a program reads the database for very long; end it and the log becomes short again")
}

/// The settings that decide about what an acknowledgement is worth, and about room for nodes.
const POSTGRES_SETTINGS: &str = "
SELECT current_setting('server_version_num')::bigint, current_setting('fsync'),
    current_setting('synchronous_commit'), current_setting('full_page_writes'),
    current_setting('max_connections')::bigint,
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    pg_is_in_recovery(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    current_setting('server_version'), current_setting('default_transaction_isolation')";

async fn examine_postgres(location: &str) -> Result<Vec<Finding>, StoreError> {
    let place = postgres::Place::parse(location)?;
    let failed = |error: sqlx::Error| place.error(&error);
    let mut connection = PgConnection::connect_with(&place.read_options())
        .await
        .map_err(failed)?;
    let mut found = vec![schema(place.version(&mut connection).await?)];
    let before = clock::micros();
    let row = sqlx::query(POSTGRES_SETTINGS)
        .fetch_one(&mut connection)
        .await
        .map_err(failed)?;
    let middle = before.midpoint(clock::micros());
    let text = |index: usize| row.try_get::<String, _>(index).map_err(failed);
    let number = |index: usize| row.try_get::<i64, _>(index).map_err(failed);
    found.push(version(number(0)?, &text(8)?));
    found.push(durability(&text(1)?, &text(2)?, &text(3)?));
    let in_recovery: bool = row.try_get(6).map_err(failed)?;
    let level = if in_recovery { Level::Bad } else { Level::Ok };
    let what = if in_recovery {
        "a standby, which cannot be written to"
    } else {
        "the primary"
    };
    let detail = format!("{what}; isolation {}", text(9)?);
    found.push(Finding::new("D-ROLE", level, detail).hint("name the primary in --database"));
    found.push(connections(number(5)?, number(4)?));
    found.push(clock(number(7)? - middle));
    connection.close().await.map_err(failed)?;
    Ok(found)
}

fn version(number: i64, name: &str) -> Finding {
    let level = if number >= POSTGRES_MIN {
        Level::Ok
    } else {
        Level::Bad
    };
    Finding::new("D-VERSION", level, format!("PostgreSQL {name}"))
        .hint("liucheng needs 14 or later")
}

fn durability(fsync: &str, synchronous_commit: &str, full_page_writes: &str) -> Finding {
    let detail = format!(
        "fsync {fsync}, synchronous_commit {synchronous_commit}, full_page_writes {full_page_writes}"
    );
    let (level, hint) = if fsync == "off" || full_page_writes == "off" {
        (
            Level::Bad,
            "set fsync and full_page_writes to on: a crash loses or damages what was acknowledged",
        )
    } else if synchronous_commit == "off" {
        (
            Level::Warn,
            "set synchronous_commit to on; nodes set it for themselves meanwhile",
        )
    } else {
        (Level::Ok, "")
    };
    Finding::new("D-DURABILITY", level, detail).hint(hint)
}

fn connections(used: i64, most: i64) -> Finding {
    // A node takes ten with the usual configuration.
    let level = if most - used < 10 {
        Level::Warn
    } else {
        Level::Ok
    };
    Finding::new(
        "D-CONNECTIONS",
        level,
        format!("{used} of {most} connections are used"),
    )
    .hint("raise max_connections, or lower [database] connections of the nodes")
}

fn clock(skew_micros: i64) -> Finding {
    let level = match skew_micros.abs() {
        0..=SKEW_FINE_MICROS => Level::Ok,
        skew if skew <= SKEW_MAX_MICROS => Level::Warn,
        _ => Level::Bad,
    };
    let detail = format!(
        "the database's clock minus this machine's: {:.1} s",
        skew_micros as f64 / 1e6
    );
    Finding::new("D-CLOCK", level, detail)
        .hint("synchronise the clocks (NTP); beyond 60 s a node gets no timers and no mails")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_lose_data_are_bad() {
        let level = |a, b, c| durability(a, b, c).level;
        assert_eq!(level("on", "on", "on"), Level::Ok);
        assert_eq!(level("on", "remote_apply", "on"), Level::Ok);
        assert_eq!(level("on", "off", "on"), Level::Warn);
        assert_eq!(level("off", "on", "on"), Level::Bad);
        assert_eq!(level("on", "on", "off"), Level::Bad);
    }

    #[test]
    fn numbers_have_limits() {
        assert_eq!(version(139_999, "13").level, Level::Bad);
        assert_eq!(version(150_004, "15.4").level, Level::Ok);
        assert_eq!(connections(95, 100).level, Level::Warn);
        assert_eq!(connections(20, 100).level, Level::Ok);
        assert_eq!(clock(-4_000_000).level, Level::Ok);
        assert_eq!(clock(6_000_000).level, Level::Warn);
        assert_eq!(clock(-61_000_000).level, Level::Bad);
        assert_eq!(schema(0).level, Level::Bad);
        assert_eq!(schema(latest_schema_version()).hint, "");
    }

    #[test]
    fn damage_names_the_first_place() {
        let rows = ["row 3 missing from index".to_owned(), "more".to_owned()];
        let finding = integrity(&rows);
        assert_eq!(finding.level, Level::Bad);
        assert!(finding.detail.contains("row 3"), "{}", finding.detail);
        let headed = "*** in database main ***\nTree 16 page 16 cell 2: overflow list length is 24";
        let finding = integrity(&[headed.to_owned()]);
        assert_eq!(
            finding.detail,
            "the file is damaged: Tree 16 page 16 cell 2: overflow list length is 24"
        );
        assert_eq!(integrity(&["ok".to_owned()]).level, Level::Ok);
        assert_eq!(integrity(&[]).level, Level::Bad);
    }
}
