//! Files that audit commands read and write.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, ErrorKind, Read, Seek},
    path::{Path, PathBuf},
};

use liucheng_engine::{
    audit::{
        bundle::{self, BundleError},
        prove::Proof,
    },
    ports::Epoch,
};
use serde::Deserialize;

use crate::output::{Exit, Failure};

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let (exit, hint) = match error.kind() {
        ErrorKind::NotFound => (Exit::NotFound, "check the path"),
        ErrorKind::IsADirectory => (Exit::Usage, "that is a folder: name a file in it"),
        ErrorKind::PermissionDenied => (Exit::Unavailable, "this user may not read it"),
        _ => (Exit::Unavailable, "check the disk, and copy the file anew"),
    };
    Failure::new(exit, "E-AUDIT-FILE", format!("{}: {error}", path.display())).hint(hint)
}

/// Says why a file cannot be made or written; `option` names it.
pub fn unwritable(path: &Path, error: &io::Error, option: &str) -> Failure {
    let shown = path.display();
    if error.kind() == ErrorKind::AlreadyExists {
        let message = format!("{shown} exists");
        return Failure::new(Exit::Usage, "E-AUDIT-EXISTS", message)
            .at(option)
            .hint("choose another name; nothing is written over");
    }
    Failure::new(
        Exit::Unavailable,
        "E-AUDIT-FILE",
        format!("{shown}: {error}"),
    )
    .at(option)
    .hint("check that the folder is there, its permissions and the free space")
}

/// Says why a bundle was not read or written.
pub fn of_bundle(path: &Path, error: BundleError) -> Failure {
    match error {
        BundleError::NoBundle | BundleError::Line(..) => {
            let message = format!("{}: {error}", path.display());
            Failure::new(Exit::Usage, "E-AUDIT-BUNDLE", message)
                .hint("give what `audit export` wrote; --data and --database name databases")
        }
        BundleError::Read(error) => unreadable(path, &error),
        BundleError::Write(error) => unwritable(path, &error, "--to"),
        BundleError::Command(error) => error.into(),
    }
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
    let file = file.map_err(|error| unwritable(path, &error, "--to"))?;
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
        synced.map_err(|error| unwritable(&self.path, &error, "--to"))?;
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
    let epochs = match bundle::last_epoch(&mut reader) {
        Ok(last) => last.into_iter().collect(),
        Err(BundleError::NoBundle) => {
            reader.rewind().map_err(|error| unreadable(path, &error))?;
            noted(reader).ok_or_else(|| wrong("it is neither an epoch nor a bundle".to_owned()))?
        }
        Err(BundleError::Read(error)) => return Err(unreadable(path, &error)),
        Err(error) => return Err(wrong(error.to_string())),
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

/// What `audit head` or `audit epochs` wrote.
fn noted(input: impl Read) -> Option<Vec<Epoch>> {
    match serde_json::from_reader(input).ok()? {
        Anchor::One(epoch) => Some(vec![epoch]),
        Anchor::Several { epochs } => Some(epochs),
    }
}

/// Reads a proof.
pub fn proof(path: &Path) -> Result<Proof, Failure> {
    serde_json::from_reader(input(path)?).map_err(|error| {
        if error.is_io() {
            return unreadable(path, &error.into());
        }
        Failure::new(
            Exit::Usage,
            "E-AUDIT-PROOF",
            format!("{}: {error}", path.display()),
        )
        .hint("give what `audit prove` wrote")
    })
}
