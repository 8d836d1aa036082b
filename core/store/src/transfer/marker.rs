//! The row that says that a database is being filled, and by which run of the program.
//!
//! Every transaction of a copy begins by touching it: a run that was overtaken by another, or that
//! wakes after another has finished, finds its name gone and stops before it writes.

use uuid::Uuid;

use super::{
    TransferError,
    side::Side,
    tables::{Column, Kind, TABLES},
    value::Value,
};
use crate::{StoreError, clock};

/// What is copied into the database; no row if nothing is.
pub(crate) const UNFINISHED: &str = "SELECT source FROM transfer";

/// A node that may be at work, by the database's clock.
const LIVING_NODE: &str = "SELECT name FROM node WHERE alive_until > \
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint LIMIT 1";

const NAME: [Column; 1] = [Column {
    name: "name",
    kind: Kind::Text,
    nullable: false,
}];

/// The right of one run to fill a database.
pub(crate) struct Marker {
    run: String,
    /// Whether an earlier run has begun it.
    pub resumed: bool,
}

impl Marker {
    /// Marks an empty database, or takes over from the run that was filling it from the same source.
    pub(crate) async fn set(target: &mut Side, source: &str) -> Result<Self, StoreError> {
        let run = Uuid::now_v7().to_string();
        let now = clock::micros();
        target.begin().await?;
        if target.is_postgres() {
            // Two copies may begin at once.
            let lock = "LOCK TABLE transfer IN SHARE ROW EXCLUSIVE MODE";
            target.run(lock.to_owned(), &[]).await?;
        }
        let found = target.first(UNFINISHED).await?;
        let resumed = found.is_some();
        match found {
            Some(found) if found != source => {
                return Err(TransferError::OtherSource {
                    location: target.name.clone(),
                    found,
                    given: source.to_owned(),
                }
                .into());
            }
            Some(_) => {
                let take = "UPDATE transfer SET run = $1".to_owned();
                target.run(take, &[Value::Text(run.clone())]).await?;
            }
            None => {
                refuse_full(target).await?;
                let insert = "INSERT INTO transfer (source, run, started_at) VALUES ($1, $2, $3)";
                let values = [
                    Value::Text(source.to_owned()),
                    Value::Text(run.clone()),
                    Value::Number(now),
                ];
                target.run(insert.to_owned(), &values).await?;
            }
        }
        target.commit().await?;
        let marker = Self { run, resumed };
        // A server looks for the mark after it has begun its epoch, and we look for epochs after we
        // have set the mark: whichever was later sees the other.
        if target.is_postgres()
            && let Some(node) = target.first(LIVING_NODE).await?
        {
            if !resumed {
                marker.remove(target).await?;
            }
            let location = target.name.clone();
            return Err(TransferError::InUse { location, node }.into());
        }
        Ok(marker)
    }

    /// Makes sure, to the end of the transaction, that no other run writes.
    pub(crate) async fn hold(&self, target: &mut Side) -> Result<(), StoreError> {
        let hold = "UPDATE transfer SET run = run WHERE run = $1".to_owned();
        let held = target.run(hold, &[Value::Text(self.run.clone())]).await?;
        self.owned(held, target)
    }

    /// Says that the copy is complete, with the transaction it stands in.
    pub(crate) async fn remove(&self, target: &mut Side) -> Result<(), StoreError> {
        let remove = "DELETE FROM transfer WHERE run = $1".to_owned();
        let removed = target.run(remove, &[Value::Text(self.run.clone())]).await?;
        self.owned(removed, target)
    }

    fn owned(&self, rows: u64, target: &Side) -> Result<(), StoreError> {
        if rows == 1 {
            return Ok(());
        }
        let location = target.name.clone();
        Err(TransferError::Taken { location }.into())
    }
}

impl Side {
    /// The first text that a statement without parameters finds.
    async fn first(&mut self, sql: &str) -> Result<Option<String>, StoreError> {
        let rows = self.rows(sql.to_owned(), &[], &NAME).await?;
        let first = rows.first().and_then(|row| row[0].text());
        Ok(first.map(str::to_owned))
    }
}

/// Refuses a database that is the unfinished copy of another one.
pub(crate) async fn refuse_unfinished(side: &mut Side) -> Result<(), StoreError> {
    let found = side.first(UNFINISHED).await?;
    refused(found, &side.name)
}

/// What is to be said about a database in which [`UNFINISHED`] found something.
pub(crate) fn refused(found: Option<String>, location: &str) -> Result<(), StoreError> {
    let Some(source_name) = found else {
        return Ok(());
    };
    let location = location.to_owned();
    Err(TransferError::Unfinished {
        location,
        source_name,
    }
    .into())
}

/// Refuses a database that holds anything.
async fn refuse_full(target: &mut Side) -> Result<(), StoreError> {
    for table in &TABLES {
        // Every journal has its first record.
        let own = if table.name == "journal" {
            "WHERE seq > 1"
        } else {
            ""
        };
        let some = format!("SELECT '' FROM {} {own} LIMIT 1", table.name);
        if target.first(&some).await?.is_some() {
            return Err(TransferError::NotEmpty {
                location: target.name.clone(),
                table: table.name,
            }
            .into());
        }
    }
    Ok(())
}
