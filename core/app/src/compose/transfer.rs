//! Databases as a whole: copied, backed up, looked over.

use std::path::Path;

use liucheng_engine::{
    audit::{ProjectCheck, verify::verify_at},
    ports::Clock,
};
use liucheng_store::{Options, transfer};

use super::{Place, SystemClock, open_read_only, store_failure};
use crate::{output::Failure, progress::Bar};

pub use liucheng_store::transfer::{Contents, LastEpoch, Order, Progress, Step, Summary};

/// Copies a database into another one that is empty, or goes on with a copy that was cut short.
pub async fn copy(order: Order<'_>, bar: &Bar) -> Result<Summary, Failure> {
    let done = transfer::copy(order, &|progress| bar.show(progress)).await;
    bar.clear();
    done.map_err(store_failure)
}

/// Writes everything a database holds into an SQLite file, beside its server.
pub async fn snapshot(place: &Place, file: &Path, bar: &Bar) -> Result<(), Failure> {
    let done = transfer::snapshot(&place.database, file, &|progress| bar.show(progress)).await;
    bar.clear();
    done.map_err(store_failure)
}

/// What a database holds.
pub async fn contents(location: &str) -> Result<Contents, Failure> {
    transfer::contents(location).await.map_err(store_failure)
}

/// What is wrong with an SQLite file, page by page.
pub async fn damage(file: &Path) -> Result<Vec<String>, Failure> {
    transfer::damage(file).await.map_err(store_failure)
}

/// Brings a file to this version's schema; returns the version it had.
pub async fn bring_up_to_date(location: &str) -> Result<i64, Failure> {
    let done = liucheng_store::migrate(location, Options::default()).await;
    done.map(|migrated| migrated.from).map_err(store_failure)
}

/// Checks every project of a database.
pub async fn verify_all(place: &Place) -> Result<Vec<ProjectCheck>, Failure> {
    let store = open_read_only(place).await?;
    let checks = verify_at(&*store, SystemClock.now()).await?;
    store.close().await;
    Ok(checks)
}
