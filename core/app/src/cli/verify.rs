//! `liucheng verify`.

use liucheng_engine::verify::verify;
use serde_json::json;

use super::Global;
use crate::{
    compose,
    output::{Exit, Failure, document, line},
};

/// Checks every project of the data folder.
pub async fn run(global: &Global) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.place()).await?;
    let checks = verify(&*store).await?;
    let bad = checks.iter().filter(|c| !c.problems.is_empty()).count();
    if global.json {
        document(&json!({"projects": checks.len(), "bad": bad, "checks": checks}))?;
    } else {
        for check in &checks {
            let verdict = if check.problems.is_empty() {
                "ok"
            } else {
                "BAD"
            };
            line(format!(
                "{verdict:4} {:24} {} records",
                check.code, check.records
            ))?;
            for problem in &check.problems {
                line(format!("       {problem}"))?;
            }
        }
        line(format!(
            "{} projects checked, {bad} bad: state = fold(history)",
            checks.len()
        ))?;
    }
    Ok(if bad == 0 { Exit::Ok } else { Exit::Rejected })
}
