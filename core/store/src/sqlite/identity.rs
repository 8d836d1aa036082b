//! Which file a path names: one that is deleted or replaced under a running process takes writes, and keeps
//! none of them.

use std::{
    io,
    path::{Path, PathBuf},
};

/// The file that a path named when it was opened.
#[derive(Debug)]
pub(crate) struct Identity {
    path: PathBuf,
    /// Absent where the system does not tell files apart by numbers.
    number: Option<(u64, u64)>,
}

impl Identity {
    /// The file that the path names now.
    pub(crate) fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            number: number(path).ok().flatten(),
        }
    }

    /// Why the path does not name that file any more; `None` while it does.
    ///
    /// An error of another kind than an absent file says nothing about it.
    pub(crate) fn lost(&self) -> Option<String> {
        let expected = self.number?;
        let path = self.path.display();
        match number(&self.path) {
            Ok(Some(found)) if found != expected => Some(format!("another file is at {path} now")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("the file {path} was removed"))
            }
            _ => None,
        }
    }
}

#[cfg(unix)]
fn number(path: &Path) -> io::Result<Option<(u64, u64)>> {
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(path)?;
    Ok(Some((file.dev(), file.ino())))
}

#[cfg(not(unix))]
fn number(_path: &Path) -> io::Result<Option<(u64, u64)>> {
    Ok(None)
}
