//! What an error of SQLite says about the file, and where there is room.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use sqlx::Error;

use super::lock::private;

/// How many bytes must fit on the disk before writing begins again: enough for some groups, so that it
/// does not begin and end with each.
const ROOM_BYTES: usize = 1 << 20;

/// The file is damaged.
const CORRUPT: i32 = 11;
/// The file is no database.
const NOTADB: i32 = 26;

/// SQLite's extended result code, 0 for errors of another kind.
fn code(error: &Error) -> i32 {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse().ok()).unwrap_or_default()
}

/// Whether SQLite refused a row, as opposed to not being able to write.
pub(crate) fn is_refusal(error: &Error) -> bool {
    const TOO_BIG: i32 = 18;
    const CONSTRAINT: i32 = 19;
    const MISMATCH: i32 = 20;
    // The low byte is the kind; the rest says which constraint.
    matches!(code(error) & 0xFF, TOO_BIG | CONSTRAINT | MISMATCH)
}

/// Whether a write found no room, so that nothing of its transaction is durable.
///
/// A transaction's last page carries its commit, and the fsync comes after it. `SQLITE_FULL` is a
/// `write` that took less than it was given, at the latest of that last page: what is in the log is not
/// a transaction, the next one is written over it, and no fsync was tried. It never stands for a failed
/// fsync, which is `SQLITE_IOERR_FSYNC` even where the reason is a full disk, and after which what the
/// disk holds is not known.
///
/// A user's quota is the same to the kernel but not to SQLite, which reports a failed write; whether it
/// was the quota is asked of the folder.
pub(crate) fn is_full(error: &Error, database: &Path) -> bool {
    const FULL: i32 = 13;
    const IOERR_WRITE: i32 = 10 | (3 << 8);
    match code(error) {
        FULL => true,
        IOERR_WRITE => reserve(database).is_err_and(|error| is_no_room(&error)),
        _ => false,
    }
}

/// Whether the file is not what it was written as.
pub(crate) fn is_damage(error: &Error) -> bool {
    matches!(code(error) & 0xFF, CORRUPT | NOTADB)
}

/// Whether a checkpoint that failed so leaves the file in doubt; other failures only mean that it is
/// tried again.
pub(crate) fn is_doubtful(error: &Error) -> bool {
    const IOERR: i32 = 10;
    code(error) & 0xFF == IOERR || is_damage(error)
}

fn is_no_room(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// Tries whether there is room beside the database, by taking some and giving it back.
pub(crate) fn reserve(database: &Path) -> io::Result<()> {
    let path = room(database);
    let written = private(OpenOptions::new().write(true).create(true).truncate(true))
        .open(&path)
        .and_then(|file| fill(&file));
    match (written, std::fs::remove_file(&path)) {
        (Ok(()), removed) => removed,
        (failed, _) => failed,
    }
}

fn fill(mut file: &File) -> io::Result<()> {
    static BLOCK: [u8; 64 << 10] = [0; 64 << 10];
    for _ in 0..ROOM_BYTES / BLOCK.len() {
        file.write_all(&BLOCK)?;
    }
    Ok(())
}

fn room(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".room");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("x.db");
        reserve(&database).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(reserve(&folder.path().join("absent/x.db")).is_err());
    }

    #[test]
    fn only_missing_room_is_a_full_disk() {
        for (kind, full) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::QuotaExceeded, true),
            (io::ErrorKind::FileTooLarge, false),
            (io::ErrorKind::PermissionDenied, false),
        ] {
            assert_eq!(is_no_room(&kind.into()), full, "{kind}");
        }
        let database = Path::new("x.db");
        assert!(!is_full(&Error::RowNotFound, database));
        assert!(!is_doubtful(&Error::PoolClosed));
    }
}
