//! Which form the records of a database have, so that an older program says at its start that it cannot
//! read them, and not in the middle of its work.
//!
//! Records only ever gain events and fields (`core/model/src/event.rs`). A program that writes kinds which
//! earlier ones do not know has a higher number here; a database remembers the highest that wrote to it.

use serde::{Deserialize, Serialize};

use crate::{
    error::CommandError,
    ports::{Document, Store},
    record::digest,
};

/// The form that this program writes.
///
/// 1: the first; 2: `verdict-renewed`, `findings-dropped`.
pub const RECORDS: u32 = 2;

/// The kind under which the form is kept.
const KIND: &str = "format";

#[derive(Serialize, Deserialize)]
struct Format {
    records: u32,
}

/// Refuses a database whose records this program cannot read.
///
/// # Errors
/// [`CommandError::Newer`], or the store cannot be read.
pub async fn check(store: &dyn Store) -> Result<(), CommandError> {
    let found = found(store).await?;
    if found > RECORDS {
        return Err(CommandError::Newer {
            found,
            known: RECORDS,
        });
    }
    Ok(())
}

/// Notes that this program writes to the database from here on; from then on, an earlier one is refused.
///
/// # Errors
/// When the store cannot be read or written.
pub async fn note(store: &dyn Store) -> Result<(), CommandError> {
    if found(store).await? >= RECORDS {
        return Ok(());
    }
    let text = serde_json::to_string(&Format { records: RECORDS })?;
    let document = Document {
        kind: KIND.to_owned(),
        digest: digest(&text),
        id: "records".to_owned(),
        version: RECORDS.to_string(),
        bytes: text.into_bytes(),
    };
    Ok(store.put_document(document).await?)
}

/// The highest form that was written; 1 in databases from before it was noted.
async fn found(store: &dyn Store) -> Result<u32, CommandError> {
    let mut highest = 1;
    for document in store.documents(KIND).await? {
        let format: Format = serde_json::from_slice(&document.bytes)?;
        highest = highest.max(format.records);
    }
    Ok(highest)
}
