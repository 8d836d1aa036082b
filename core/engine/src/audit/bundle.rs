//! Bundles: everything that a check needs, in one file of JSON lines.
//!
//! The same data makes the same bytes. The first line names the format, the last one says how many
//! pieces of each kind there were; `docs/audit.md` describes the lines between.

use std::io::{self, BufRead, Read, Write};

use serde::{Deserialize, Serialize};
use thiserror::Error;

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

/// The first line of a bundle is shorter than this, in bytes.
const HEADER_MAX: u64 = 1_024;

/// Why a bundle was not written or read.
#[derive(Debug, Error)]
pub enum BundleError {
    /// The input is something else.
    #[error("it is not a {FORMAT}")]
    NoBundle,
    /// The input cannot be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// The output cannot be written.
    #[error("it cannot be written: {0}")]
    Write(io::Error),
    /// A line, counted from 1, is none of a bundle's.
    #[error("line {0} is unreadable: {1}")]
    Line(u64, serde_json::Error),
    /// What is to be exported or checked cannot be.
    #[error(transparent)]
    Command(#[from] CommandError),
}

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
) -> Result<Counts, BundleError> {
    let mut exporter = Exporter {
        output,
        counts: Counts::default(),
        failed: None,
    };
    let format = FORMAT.to_owned();
    let mut written = exporter.line(&Header { format });
    if written.is_ok() {
        written = walk(store, &mut exporter).await;
    }
    if let Some(error) = exporter.failed {
        return Err(BundleError::Write(error));
    }
    written?;
    exporter.output.flush().map_err(BundleError::Write)?;
    Ok(exporter.counts)
}

struct Exporter<'a> {
    output: &'a mut (dyn Write + Send),
    counts: Counts,
    /// Why the output takes no more.
    failed: Option<io::Error>,
}

impl Exporter<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), CommandError> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.output.write_all(&line).map_err(|error| {
            let text = format!("the bundle cannot be written: {error}");
            self.failed = Some(error);
            CommandError::Unavailable(text)
        })
    }
}

impl Sink for Exporter<'_> {
    fn take(&mut self, item: Item) -> Result<(), CommandError> {
        if let Item::Unreadable(unreadable) = item {
            return Err(CommandError::Damaged(unreadable.reason));
        }
        self.counts.count(&item);
        self.line(&item)
    }
}

/// Whether a first line is that of a bundle.
#[must_use]
pub fn is_bundle(line: &[u8]) -> bool {
    format(line).is_some()
}

/// The format that a first line names, if it is one of a bundle.
fn format(line: &[u8]) -> Option<String> {
    let header: Header = serde_json::from_slice(line).ok()?;
    let known = [FORMAT, FORMAT_BEFORE].contains(&header.format.as_str());
    known.then_some(header.format)
}

/// Reads the first line, which has to be that of a bundle, and returns its format.
fn begin(mut input: &mut dyn BufRead) -> Result<String, BundleError> {
    let mut line = Vec::new();
    // What is no bundle may have no lines at all.
    let mut first = Read::take(&mut input, HEADER_MAX);
    first
        .read_until(b'\n', &mut line)
        .map_err(BundleError::Read)?;
    format(&line).ok_or(BundleError::NoBundle)
}

/// Hands the pieces of a bundle to a check; a line that is no piece becomes a problem.
///
/// # Errors
/// When the input cannot be read or is no bundle at all.
pub fn check(input: &mut dyn BufRead, verifier: &mut Verifier<'_>) -> Result<(), BundleError> {
    if begin(input)? == FORMAT_BEFORE {
        verifier.without_journal();
    }
    let mut line = Vec::new();
    let mut number = 1_u64;
    let mut ended = false;
    loop {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(BundleError::Read)? == 0 {
            return Ok(());
        }
        number += 1;
        if ended {
            verifier.bad(Problem::new(
                Code::Bundle,
                format!("line {number} comes after the last one"),
            ));
            return Ok(());
        }
        match serde_json::from_slice::<Item>(&line) {
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
pub fn last_epoch(input: &mut dyn BufRead) -> Result<Option<Epoch>, BundleError> {
    begin(input)?;
    let mut last = None;
    let mut line = Vec::new();
    for number in 2.. {
        line.clear();
        let read = input.read_until(b'\n', &mut line);
        if read.map_err(BundleError::Read)? == 0 {
            break;
        }
        match serde_json::from_slice::<Item>(&line)
            .map_err(|error| BundleError::Line(number, error))?
        {
            Item::Epoch(epoch) => last = Some(epoch),
            Item::Leaf(_) => {}
            // Epochs come first.
            _ => break,
        }
    }
    Ok(last)
}
