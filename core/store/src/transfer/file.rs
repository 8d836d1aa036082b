//! SQLite files that are no place of work: backups.

use std::path::Path;

use super::{
    TransferError, marker,
    side::Side,
    tables::{Column, Kind},
    value::Value,
};
use crate::{StoreError, sqlite::schema};

/// What SQLite says about a file, and where a row refers to one that is not there.
const CHECKS: [&str; 2] = [
    "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "SELECT 'a row of ' || \"table\" || ' refers to no ' || parent FROM pragma_foreign_key_check LIMIT 100",
];

const LINE: [Column; 1] = [Column {
    name: "line",
    kind: Kind::Text,
    nullable: false,
}];

/// Copies an SQLite database into a new file, in one snapshot and beside its writer.
pub(crate) async fn vacuum_into(location: &str, file: &Path) -> Result<(), StoreError> {
    let path = schema::locate(location)?;
    let mut side = Side::file(&path).await?;
    marker::refuse_unfinished(&mut side).await?;
    let name = file.to_str().ok_or_else(|| TransferError::Stopped {
        location: file.display().to_string(),
        reason: "SQLite takes file names in UTF-8 only".to_owned(),
    })?;
    let into = [Value::Text(name.to_owned())];
    let made = side.run("VACUUM INTO $1".to_owned(), &into).await;
    made.map_err(|error| match error {
        // What has no room is the new file, not the database that is read.
        StoreError::Transfer(TransferError::Full { reason, .. }) => TransferError::Full {
            location: name.to_owned(),
            reason,
        }
        .into(),
        other => other,
    })?;
    side.close().await
}

/// Reads all pages of an SQLite file; returns what is wrong with them.
///
/// # Errors
/// [`StoreError`] where it cannot be read at all.
pub async fn damage(file: &Path) -> Result<Vec<String>, StoreError> {
    let mut side = Side::file(file).await?;
    let mut found = Vec::new();
    for check in CHECKS {
        let lines = side.rows(check.to_owned(), &[], &LINE).await?;
        let lines = lines.iter().filter_map(|row| row[0].text());
        found.extend(lines.map(str::to_owned));
    }
    side.close().await?;
    Ok(found)
}
