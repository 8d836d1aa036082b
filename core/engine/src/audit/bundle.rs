//! Bundles: everything that a check needs, in one file of JSON lines.
//!
//! The same data makes the same bytes. The first line names the format, the last one says how many
//! pieces of each kind there were; `docs/audit.md` describes the lines between.

use std::io::{BufRead, Write};

use serde::{Deserialize, Serialize};

use super::{
    problem::{Code, Problem},
    verify::Verifier,
    walk::{Counts, Item, Sink, walk},
};
use crate::{
    error::CommandError,
    ports::{Epoch, Store},
};

/// The format's name and version, on the first line.
pub const FORMAT: &str = "liucheng-bundle-2";
/// The version before, which had no journal.
pub const FORMAT_BEFORE: &str = "liucheng-bundle-1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
}

/// Writes everything a store keeps for a check; returns how much that was.
///
/// # Errors
/// When the store cannot be read or the output not be written.
pub async fn export(
    store: &dyn Store,
    output: &mut (dyn Write + Send),
) -> Result<Counts, CommandError> {
    let mut exporter = Exporter {
        output,
        counts: Counts::default(),
    };
    let format = FORMAT.to_owned();
    exporter.line(&Header { format })?;
    walk(store, &mut exporter).await?;
    exporter.output.flush().map_err(not_written)?;
    Ok(exporter.counts)
}

struct Exporter<'a> {
    output: &'a mut (dyn Write + Send),
    counts: Counts,
}

impl Exporter<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.output.write_all(&line).map_err(not_written)
    }
}

impl Sink for Exporter<'_> {
    fn take(&mut self, item: Item) -> Result<(), CommandError> {
        if let Item::Unreadable(unreadable) = item {
            return Err(CommandError::Internal(format!(
                "stored data cannot be read: {}; run `liucheng verify`",
                unreadable.reason
            )));
        }
        self.counts.count(&item);
        self.line(&item)
    }
}

fn not_written(error: std::io::Error) -> CommandError {
    CommandError::Unavailable(format!("the bundle cannot be written: {error}"))
}

fn not_read(error: std::io::Error) -> CommandError {
    CommandError::Unavailable(format!("the bundle cannot be read: {error}"))
}

/// Whether a first line is that of a bundle.
#[must_use]
pub fn is_bundle(line: &str) -> bool {
    format(line).is_some()
}

/// The format that a first line names, if it is one of a bundle.
fn format(line: &str) -> Option<String> {
    let header: Header = serde_json::from_str(line).ok()?;
    let known = [FORMAT, FORMAT_BEFORE].contains(&header.format.as_str());
    known.then_some(header.format)
}

/// Hands the pieces of a bundle to a check; what is no piece becomes a problem.
///
/// # Errors
/// When the input cannot be read.
pub fn check(input: &mut dyn BufRead, verifier: &mut Verifier<'_>) -> Result<(), CommandError> {
    let mut line = String::new();
    let mut number = 0_u64;
    let mut ended = false;
    loop {
        line.clear();
        if input.read_line(&mut line).map_err(not_read)? == 0 {
            return Ok(());
        }
        number += 1;
        if number == 1 {
            match format(&line).as_deref() {
                None => {
                    verifier.bad(Problem::new(
                        Code::Bundle,
                        format!("line 1 is not that of a {FORMAT}"),
                    ));
                    return Ok(());
                }
                Some(FORMAT_BEFORE) => verifier.without_journal(),
                Some(_) => {}
            }
            continue;
        }
        if ended {
            verifier.bad(Problem::new(
                Code::Bundle,
                format!("line {number} comes after the last one"),
            ));
            return Ok(());
        }
        match serde_json::from_str::<Item>(&line) {
            Ok(item) => {
                ended = matches!(item, Item::End(_));
                verifier.take(item)?;
            }
            Err(error) => {
                let text = format!("line {number} is unreadable: {error}");
                verifier.bad(Problem::new(Code::Bundle, text));
            }
        }
    }
}

/// The last epoch of a bundle, to anchor another check with.
///
/// # Errors
/// When the input cannot be read or is not a bundle.
pub fn last_epoch(input: &mut dyn BufRead) -> Result<Option<Epoch>, CommandError> {
    let mut last = None;
    for (number, line) in input.lines().enumerate() {
        let line = line.map_err(not_read)?;
        if number == 0 {
            if !is_bundle(&line) {
                return Err(CommandError::Internal(format!("it is not a {FORMAT}")));
            }
            continue;
        }
        match serde_json::from_str::<Item>(&line)? {
            Item::Epoch(epoch) => last = Some(epoch),
            Item::Leaf(_) => {}
            // Epochs come first.
            _ => break,
        }
    }
    Ok(last)
}
