//! Backups: made beside a running server, tried out without touching them, restored into an empty place.

mod manifest;

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use liucheng_engine::{audit::ProjectCheck, ports::Clock};
use liucheng_model::definition::hex;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::{
    compose::{
        Place, SystemClock, make_dir,
        transfer::{self, Order, Summary},
    },
    output::{Exit, Failure},
    progress::Bar,
};

pub use manifest::Manifest;

/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// Makes a backup: an SQLite file and its manifest, both complete and durable or not there.
pub async fn make(place: &Place, to: &Path, force: bool, bar: &Bar) -> Result<Manifest, Failure> {
    let manifest_path = Manifest::path(to);
    // A run that was killed between its two files has left one of them: no backup, and nothing to lose.
    let torn = to.is_file() && !manifest_path.exists() && partial(&manifest_path).is_file();
    let force = force || torn;
    if !force && let Some(there) = [to, &manifest_path].into_iter().find(|path| path.exists()) {
        return Err(Failure::new(
            Exit::Usage,
            "E-BACKUP-EXISTS",
            format!("{} exists", there.display()),
        )
        .at("--to")
        .hint("choose another name, or give --force to replace it"));
    }
    if to.exists() && !torn {
        refuse_what_is_no_backup(to, &manifest_path)?;
    }
    let made_at = SystemClock.now();
    let file = Partial::begin(to)?;
    transfer::snapshot(place, &file.path, bar).await?;
    let written = |error: io::Error| not_written(&file.path, &error);
    file.file.sync_all().map_err(written)?;
    let contents = transfer::contents(&file.path.display().to_string()).await?;
    let digest = digest_of(&file.path, &mut io::sink()).map_err(written)?;
    let manifest = Manifest::new(&contents, made_at, digest);
    let draft = Partial::begin(&manifest_path)?;
    let mut text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Failure::new(Exit::Internal, "E-INTERNAL", error.to_string()))?;
    text.push('\n');
    let written = |error: io::Error| not_written(&draft.path, &error);
    (&draft.file).write_all(text.as_bytes()).map_err(written)?;
    draft.file.sync_all().map_err(written)?;
    // An old manifest beside a new file would call it damaged.
    match std::fs::remove_file(&manifest_path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(not_written(&manifest_path, &error));
        }
        _ => {}
    }
    file.keep(to)?;
    draft.keep(&manifest_path)?;
    Ok(manifest)
}

/// Only a backup is replaced: a wrong path must not cost the database it leads to.
fn refuse_what_is_no_backup(to: &Path, manifest: &Path) -> Result<(), Failure> {
    let beside = |ending: &str| {
        let mut name = OsString::from(to);
        name.push(ending);
        PathBuf::from(name).exists()
    };
    // A database that was ever opened for writing has a lock file beside it.
    let at_work = [".lock", "-wal", "-shm", "-journal"]
        .into_iter()
        .any(beside);
    if to.is_file() && manifest.is_file() && !at_work {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "E-BACKUP-TARGET",
        format!("{} is no backup, it is not replaced", to.display()),
    )
    .at("--to")
    .hint("choose another name; --force replaces a backup with its manifest beside it and nothing else"))
}

/// What the names of unfinished files end with.
const PARTIAL: &str = ".partial";

/// How an unfinished file is called.
fn partial(to: &Path) -> PathBuf {
    let mut name = OsString::from(to);
    name.push(PARTIAL);
    name.into()
}

/// Unfinished backups in a folder that nobody is making: runs that were killed have left them.
pub fn stale(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().ends_with(PARTIAL))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        // Whoever makes one holds its lock.
        .filter(|path| File::open(path).is_ok_and(|file| file.try_lock_shared().is_ok()))
        .collect();
    found.sort();
    found
}

/// A file that is not complete yet; removed unless it is kept.
struct Partial {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Partial {
    /// Begins a file beside the one it is to become, readable for its owner only.
    fn begin(to: &Path) -> Result<Self, Failure> {
        let path = partial(to);
        let mut options = OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| not_written(&path, &error))?;
        let busy = || {
            Failure::new(
                Exit::Unavailable,
                "E-BACKUP-BUSY",
                format!("another process is making {}", to.display()),
            )
            .at("--to")
            .hint("wait until it has finished, or choose another name")
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) => return Err(not_written(&path, &error)),
        }
        // Whoever held the lock may have finished in between: then this is its backup.
        if !is_at(&file, &path) {
            return Err(busy());
        }
        // What a killed run has left.
        file.set_len(0)
            .map_err(|error| not_written(&path, &error))?;
        let kept = false;
        Ok(Self { path, file, kept })
    }

    /// Gives it its name, durably.
    fn keep(mut self, to: &Path) -> Result<(), Failure> {
        let written = |error: io::Error| not_written(to, &error);
        std::fs::rename(&self.path, to).map_err(written)?;
        self.kept = true;
        let folder = match to.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        #[cfg(unix)]
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(written)?;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed is overwritten by the next run.
            let _ = std::fs::remove_file(&self.path);
            // SQLite's own, where writing the file had failed.
            let mut journal = OsString::from(&self.path);
            journal.push("-journal");
            let _ = std::fs::remove_file(journal);
        }
    }
}

/// Whether an open file is the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |found: std::fs::Metadata| (found.dev(), found.ino());
    let open = file.metadata().map(place);
    let named = std::fs::metadata(path).map(place);
    matches!((open, named), (Ok(open), Ok(named)) if open == named)
}

/// Elsewhere an open file keeps its name.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// A backup that was tried out.
pub struct Drill {
    /// What it should be.
    pub manifest: Manifest,
    /// What the check of its projects found.
    pub checks: Vec<ProjectCheck>,
    /// A private copy of this version's schema, removed when this is dropped.
    copy: PathBuf,
    _folder: TempDir,
}

/// How the folders are called in which backups are tried out.
const DRILL: &str = "liucheng-drill-";
/// What is older was left by a run that was killed.
const DRILL_AGE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// A folder for a copy of everything there is, which only its owner may enter.
fn private_folder() -> io::Result<TempDir> {
    for entry in std::fs::read_dir(std::env::temp_dir())?.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(DRILL);
        let age = entry.metadata().and_then(|m| m.modified()).ok();
        let age = age.and_then(|made| made.elapsed().ok());
        if ours && age.is_some_and(|age| age > DRILL_AGE_MAX) {
            // Somebody else's stays.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(DRILL);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Tries a backup out on a private copy: the bytes, the pages, the projects, the manifest.
pub async fn drill(file: &Path) -> Result<Drill, Failure> {
    if !file.is_file() {
        return Err(Failure::new(
            Exit::NotFound,
            "E-BACKUP-NOT-FOUND",
            format!("there is no file {}", file.display()),
        )
        .at(file.display().to_string())
        .hint("give the file that `liucheng backup --to` has made"));
    }
    let manifest = Manifest::read(file)?;
    let folder = private_folder();
    let folder = folder.map_err(|error| not_written(&std::env::temp_dir(), &error))?;
    let copy = folder.path().join("backup.db");
    let mut private = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    let private = private.write(true).create_new(true).open(&copy);
    let copied = private.and_then(|mut to| digest_of(file, &mut to));
    let (bytes, sha256) = copied.map_err(|error| not_written(&copy, &error))?;
    if (bytes, &sha256) != (manifest.bytes, &manifest.sha256) {
        return Err(bad(
            "E-BACKUP-DIGEST",
            file,
            format!(
                "{bytes} bytes with SHA-256 {sha256}, by the manifest {} with {}",
                manifest.bytes, manifest.sha256
            ),
        ));
    }
    let location = copy.display().to_string();
    let schema = transfer::bring_up_to_date(&location).await?;
    if schema != manifest.schema {
        let said = manifest.schema;
        let reason = format!("schema: {said} by the manifest, {schema} in the file");
        return Err(bad("E-BACKUP-CONTENTS", file, reason));
    }
    if let Some(first) = transfer::damage(&copy).await?.into_iter().next() {
        return Err(bad("E-BACKUP-DAMAGED", file, first));
    }
    let contents = transfer::contents(&location).await?;
    if let Some(difference) = manifest.difference(&contents) {
        return Err(bad("E-BACKUP-CONTENTS", file, difference));
    }
    let place = Place::new(folder.path().to_owned(), Some(location));
    let checks = transfer::verify_all(&place).await?;
    Ok(Drill {
        manifest,
        checks,
        copy,
        _folder: folder,
    })
}

/// A backup that is at work again.
pub struct Restored {
    /// What it was made from.
    pub manifest: Manifest,
    /// What was copied.
    pub summary: Summary,
    /// What the check of the restored projects found.
    pub checks: Vec<ProjectCheck>,
}

/// Restores a backup into a place that is empty, after and before having checked it.
pub async fn restore(place: &Place, file: &Path, bar: &Bar) -> Result<Restored, Failure> {
    let drill = drill(file).await?;
    if let Some(problem) = drill.checks.iter().find_map(|check| check.problems.first()) {
        let reason = format!("{problem}; `liucheng backup verify` lists everything");
        return Err(bad("E-BACKUP-HISTORY", file, reason));
    }
    make_dir(&place.dir)?;
    let called = format!("the backup with SHA-256 {}", drill.manifest.sha256);
    let copy = drill.copy.display().to_string();
    let order = Order {
        source: &copy,
        called: Some(&called),
        target: &place.database,
        prepare: false,
    };
    let summary = transfer::copy(order, bar).await?;
    if let Some(difference) = drill.manifest.difference(&summary.contents) {
        return Err(bad("E-BACKUP-CONTENTS", file, difference));
    }
    Ok(Restored {
        checks: transfer::verify_all(place).await?,
        manifest: drill.manifest,
        summary,
    })
}

/// The length and SHA-256 of a file, which is written to `copy` as it is read.
fn digest_of(file: &Path, copy: &mut dyn Write) -> io::Result<(u64, String)> {
    let mut file = File::open(file)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut bytes = 0;
    loop {
        let count = match file.read(&mut chunk) {
            Ok(0) => return Ok((bytes, hex(&hasher.finalize()))),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&chunk[..count]);
        copy.write_all(&chunk[..count])?;
        bytes += count as u64;
    }
}

fn bad(code: &str, file: &Path, reason: String) -> Failure {
    Failure::new(Exit::Rejected, code, reason)
        .at(file.display().to_string())
        .hint("this backup is not what was made; use another one")
}

fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Unavailable,
        "E-BACKUP-FILE",
        format!("{}: {error}", path.display()),
    )
    .hint("check the folder, its permissions and the free space; TMPDIR says where backups are tried out")
}
