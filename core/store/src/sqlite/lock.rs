//! One writing process for each database.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::StoreError;

/// How long between two attempts to get the lock.
const RETRY: Duration = Duration::from_millis(10);

/// The right to write to a database, given up when it is dropped or the process ends.
///
/// The kernel releases the lock with the process, so a crash never leaves one behind; the file itself
/// stays, because removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub(crate) struct WriteLock {
    // Never read: closing the file is what gives the lock up.
    _file: File,
}

impl WriteLock {
    /// Takes the lock of a database, waiting for a predecessor that is about to leave.
    pub(crate) async fn take(database: &Path, wait: Duration) -> Result<Self, StoreError> {
        let path = lock_path(database);
        let open_error = |error: std::io::Error| StoreError::Open {
            location: path.display().to_string(),
            reason: error.to_string(),
        };
        let mut file = private(OpenOptions::new().read(true).write(true).create(true))
            .open(&path)
            .map_err(open_error)?;
        let give_up = tokio::time::Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error)) => return Err(open_error(error)),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < give_up => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::Locked {
                        location: database.display().to_string(),
                        pid: read_pid(&mut file),
                    });
                }
            }
        }
        write_pid(&mut file).map_err(open_error)?;
        Ok(Self { _file: file })
    }
}

/// Makes files readable for their owner only: the database holds contacts and tokens.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    name.into()
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    file.flush()
}
