//! `liucheng restore`.

use super::{
    Global,
    backup::{FileArgs, as_json, described},
    database,
};
use crate::{
    backup,
    output::{Exit, Failure, document, line, paragraph},
    progress::Bar,
};

/// Restores a backup into the place that the options name.
pub async fn run(global: &Global, args: FileArgs) -> Result<Exit, Failure> {
    let bar = Bar::new(global.json);
    let restored = backup::restore(&global.place(), &args.file, &bar).await?;
    let (summary, checks) = (&restored.summary, &restored.checks);
    if global.json {
        let rest = database::as_json(summary, checks);
        document(&as_json(&restored.manifest, rest))?;
    } else {
        line(format!("restored into {}", summary.target))?;
        paragraph(&described(&restored.manifest), ("", "  "))?;
    }
    database::report(global, checks)
}
