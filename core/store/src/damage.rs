//! What says that a database is damaged, as opposed to out of reach: only a backup mends it.

use std::error::Error as StdError;

use liucheng_engine::ports::CommitError;
use sqlx::{Error, migrate::MigrateError, postgres::PgDatabaseError, sqlite::SqliteError};

use crate::{StoreError, sqlite, transfer::tables::TABLES};

/// What the program needs beside the tables that are moved.
const OWN_TABLES: [&str; 2] = ["node", "transfer"];

/// Whether a database is not what was written: its pages are broken, something that its migrations have
/// made is gone, or a value is none of its column's.
///
/// Meant for databases whose schema is known to be of this version.
pub(crate) fn is_damage(error: &Error) -> bool {
    match error {
        Error::Database(database) => {
            if let Some(error) = database.try_downcast_ref::<PgDatabaseError>() {
                return is_damage_of_postgres(error.code());
            }
            let absent = database.try_downcast_ref::<SqliteError>().is_some()
                && ["no such table", "no such column"]
                    .iter()
                    .any(|text| database.message().starts_with(text));
            absent || sqlite::is_damage(error)
        }
        Error::ColumnDecode { .. } | Error::Decode(_) => true,
        _ => false,
    }
}

fn is_damage_of_postgres(code: &str) -> bool {
    const UNDEFINED_TABLE: &str = "42P01";
    const UNDEFINED_COLUMN: &str = "42703";
    const DATA_CORRUPTED: &str = "XX001";
    const INDEX_CORRUPTED: &str = "XX002";
    [
        UNDEFINED_TABLE,
        UNDEFINED_COLUMN,
        DATA_CORRUPTED,
        INDEX_CORRUPTED,
    ]
    .contains(&code)
}

/// The same for errors of other kinds that carry one of a database.
pub(crate) fn means_damage(error: &(dyn StdError + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<Error>() {
        return is_damage(error);
    }
    match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
            is_damage(error)
        }
        _ => false,
    }
}

/// Why a change was not written.
pub(crate) fn refusal(error: &Error) -> CommitError {
    if is_damage(error) {
        CommitError::Damaged(said(error))
    } else {
        CommitError::Unavailable(error.to_string())
    }
}

/// What a database said, without what sqlx says about who said it.
pub(crate) fn said(error: &(dyn StdError + 'static)) -> String {
    let error = match error.downcast_ref::<MigrateError>() {
        Some(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => error,
        _ => error,
    };
    match error.downcast_ref::<Error>() {
        Some(Error::Database(database)) => database.message().to_owned(),
        _ => error.to_string(),
    }
}

/// Why a database was not migrated.
pub(crate) fn not_migrated(location: String, error: &MigrateError) -> StoreError {
    if means_damage(error) {
        let reason = said(error);
        return StoreError::Damaged { location, reason };
    }
    let reason = error.to_string();
    StoreError::Migration { location, reason }
}

/// Refuses a database of this version that lacks a table.
pub(crate) fn refuse_lost_tables(found: &[String], location: &str) -> Result<(), StoreError> {
    let needed = TABLES.iter().map(|table| table.name).chain(OWN_TABLES);
    let lost = needed.filter(|name| found.iter().all(|found| found != name));
    let lost: Vec<String> = lost.map(|name| format!("`{name}`")).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let are = if lost.len() == 1 {
        "the table"
    } else {
        "the tables"
    };
    let gone = if lost.len() == 1 {
        "is gone"
    } else {
        "are gone"
    };
    Err(StoreError::Damaged {
        location: location.to_owned(),
        reason: format!("{are} {} {gone}", lost.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_tables_are_named() {
        let all: Vec<String> = TABLES
            .iter()
            .map(|table| table.name)
            .chain(OWN_TABLES)
            .map(str::to_owned)
            .collect();
        assert!(refuse_lost_tables(&all, "x.db").is_ok());
        let without = |names: &[&str]| -> Vec<String> {
            let kept = all.iter().filter(|name| !names.contains(&name.as_str()));
            kept.cloned().collect()
        };
        let said = |found: &[String]| refuse_lost_tables(found, "x.db").unwrap_err().to_string();
        assert_eq!(
            said(&without(&["timer"])),
            "the database x.db is damaged: the table `timer` is gone"
        );
        assert_eq!(
            said(&without(&["timer", "node"])),
            "the database x.db is damaged: the tables `timer`, `node` are gone"
        );
    }

    #[test]
    fn what_may_pass_is_no_damage() {
        assert!(!is_damage(&Error::PoolTimedOut));
        assert!(!is_damage(&Error::Io(
            std::io::ErrorKind::ConnectionReset.into()
        )));
        assert!(is_damage(&Error::Decode("not a number".into())));
        assert!(is_damage_of_postgres("42P01"));
        for code in ["42501", "53100", "57P01", "08006"] {
            assert!(!is_damage_of_postgres(code), "{code}");
        }
        assert!(!means_damage(&std::io::Error::from(
            std::io::ErrorKind::PermissionDenied
        )));
    }
}
