//! Files that audit commands read and write.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, BufWriter, Seek},
    path::{Path, PathBuf},
};

use liucheng_engine::{
    audit::{bundle, prove::Proof},
    ports::Epoch,
};
use serde::Deserialize;

use crate::output::{Exit, Failure};

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let exit = match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Unavailable,
    };
    Failure::new(exit, "E-AUDIT-FILE", format!("{}: {error}", path.display()))
}

/// Opens a file for reading.
pub fn input(path: &Path) -> Result<BufReader<File>, Failure> {
    File::open(path)
        .map(BufReader::new)
        .map_err(|error| unreadable(path, &error))
}

/// A file that is being written; removed unless it is kept.
pub struct Output {
    /// Where to write.
    pub writer: BufWriter<File>,
    path: PathBuf,
    kept: bool,
}

/// Makes a file, which must not be there yet, readable for its owner only: it holds names.
pub fn output(path: &Path) -> Result<Output, Failure> {
    let file = private(OpenOptions::new().write(true).create_new(true)).open(path);
    let file = file.map_err(|error| {
        unreadable(path, &error)
            .at("--to")
            .hint("choose a new file in a folder that exists")
    })?;
    Ok(Output {
        writer: BufWriter::new(file),
        path: path.to_owned(),
        kept: false,
    })
}

impl Output {
    /// Makes it durable.
    pub fn keep(mut self) -> Result<(), Failure> {
        let synced =
            std::io::Write::flush(&mut self.writer).and_then(|()| self.writer.get_ref().sync_all());
        synced.map_err(|error| unreadable(&self.path, &error))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.kept {
            // Half a bundle is of no use; one that stays is seen to be cut off.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Options of files that only their owner reads.
#[cfg(unix)]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Options of files; their folder's rights decide who reads them.
#[cfg(not(unix))]
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// What an anchor may be, beside a bundle.
#[derive(Deserialize)]
#[serde(untagged)]
enum Anchor {
    One(Epoch),
    Several { epochs: Vec<Epoch> },
}

/// The epochs that a file notes.
pub fn anchors(path: &Path) -> Result<Vec<Epoch>, Failure> {
    let wrong = |text: String| {
        Failure::new(
            Exit::Usage,
            "E-AUDIT-ANCHOR",
            format!("{}: {text}", path.display()),
        )
        .at("--anchor")
        .hint("give what `audit head --json` wrote, or an earlier bundle")
    };
    let mut reader = input(path)?;
    let mut first = String::new();
    reader
        .read_line(&mut first)
        .map_err(|error| unreadable(path, &error))?;
    reader.rewind().map_err(|error| unreadable(path, &error))?;
    let epochs = if bundle::is_bundle(&first) {
        let last = bundle::last_epoch(&mut reader).map_err(|error| wrong(error.to_string()))?;
        last.into_iter().collect()
    } else {
        match serde_json::from_reader(reader) {
            Ok(Anchor::One(epoch)) => vec![epoch],
            Ok(Anchor::Several { epochs }) => epochs,
            Err(_) => return Err(wrong("it is neither an epoch nor a bundle".to_owned())),
        }
    };
    for epoch in &epochs {
        epoch
            .check()
            .map_err(|error| wrong(format!("epoch {}: {error}", epoch.number)))?;
    }
    if epochs.is_empty() {
        return Err(wrong("it has no epoch".to_owned()));
    }
    Ok(epochs)
}

/// Reads a proof.
pub fn proof(path: &Path) -> Result<Proof, Failure> {
    serde_json::from_reader(input(path)?).map_err(|error| {
        Failure::new(
            Exit::Usage,
            "E-AUDIT-PROOF",
            format!("{}: {error}", path.display()),
        )
        .hint("give what `audit prove` wrote")
    })
}
