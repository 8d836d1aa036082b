//! `liucheng migrate`.

use super::Global;
use crate::{
    compose,
    output::{Exit, Failure, document, line},
};

/// Brings the database to this version's schema, making it if there is none.
pub async fn run(global: &Global) -> Result<Exit, Failure> {
    let dir = global.data_dir();
    let done = compose::migrate(&global.place()).await?;
    if global.json {
        document(&serde_json::json!({"from": done.from, "schema": done.to}))?;
    } else if done.from == done.to {
        line(format!(
            "{}: schema {} is up to date",
            dir.display(),
            done.to
        ))?;
    } else {
        line(format!(
            "{}: schema {} → {}",
            dir.display(),
            done.from,
            done.to
        ))?;
    }
    Ok(Exit::Ok)
}
