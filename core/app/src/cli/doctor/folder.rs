//! What lies in the data folder, and the disk under it.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use super::fine;
use crate::{
    backup::stale,
    compose::{Finding, Level},
    output::counted,
};

/// Less free space than this is bad, in KiB: 64 MiB.
const DISK_BAD_KIB: u64 = 64 << 10;
/// Less free space than this deserves a warning, in KiB: 1 GiB.
const DISK_WARN_KIB: u64 = 1 << 20;
/// A backup older than this is not of much use.
const BACKUP_MAX: Duration = Duration::from_secs(2 * 86_400);
/// The code of what is said about backups.
const BACKUP: &str = "D-BACKUP";
/// What the names of backups' manifests end with.
const MANIFEST: &str = ".manifest.json";

/// The folder itself: there, private, to be written to.
pub fn data_folder(dir: &Path) -> Finding {
    const CODE: &str = "D-DATA-DIR";
    let shown = dir.display();
    let found = match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => found,
        Ok(_) => {
            return Finding::new(CODE, Level::Bad, format!("{shown} is not a folder"))
                .hint("name a folder with --data");
        }
        Err(error) => {
            return Finding::new(CODE, Level::Bad, format!("{shown}: {error}"))
                .hint("name the data folder with --data; `liucheng migrate` makes a new one");
        }
    };
    if let Err(error) = tempfile_in(dir) {
        return Finding::new(
            CODE,
            Level::Bad,
            format!("{shown} cannot be written: {error}"),
        )
        .hint("run as the user that the server runs as, or give the folder to it");
    }
    if is_open(&found) {
        return Finding::new(CODE, Level::Warn, format!("{shown} can be read by others")).hint(
            format!("chmod 700 {shown}: mails, personal data and settings lie in it"),
        );
    }
    fine(CODE, format!("{shown} is private and can be written"))
}

fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let path = dir.join(format!(".doctor-{}", std::process::id()));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    std::fs::remove_file(&path)
}

#[cfg(unix)]
fn is_open(folder: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(folder) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open(_: &std::fs::Metadata) -> bool {
    false
}

/// Asked of POSIX's `df`, because the standard library does not know; nothing where there is none.
pub fn disk(dir: &Path) -> Option<Finding> {
    let output = Command::new("df").arg("-Pk").arg(dir).output().ok()?;
    free_kib(&String::from_utf8_lossy(&output.stdout)).map(room)
}

/// The fourth column of the second line.
fn free_kib(table: &str) -> Option<u64> {
    let row = table.lines().nth(1)?;
    row.split_whitespace().nth(3)?.parse().ok()
}

fn room(free_kib: u64) -> Finding {
    let level = match free_kib {
        0..DISK_BAD_KIB => Level::Bad,
        DISK_BAD_KIB..DISK_WARN_KIB => Level::Warn,
        _ => Level::Ok,
    };
    let detail = format!("{} MiB are free for the data folder", free_kib >> 10);
    Finding::new("D-DISK", level, detail)
        .hint("make room; when there is none the server only reads until there is")
}

/// The folder of compiled packages.
pub fn cache(folder: &Path) -> Finding {
    const CODE: &str = "D-CACHE";
    let Ok(found) = std::fs::metadata(folder) else {
        return fine(CODE, "no compiled packages yet; the first start makes them");
    };
    if is_open(&found) {
        return Finding::new(
            CODE,
            Level::Warn,
            format!("{} is open to others and not used", folder.display()),
        )
        .hint("remove the folder; the next start makes it anew");
    }
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let compiled = files
        .filter(|file| file.path().extension().is_some_and(|e| e == "cwasm"))
        .count();
    fine(
        CODE,
        counted(compiled as u64, "compiled package", "compiled packages"),
    )
}

/// Backups in the data folder or in `backups` below it: the newest manifest, and what was left unfinished.
pub fn backups(dir: &Path) -> Vec<Finding> {
    let folders = [dir.to_owned(), dir.join("backups")];
    let mut findings = vec![newest(&folders)];
    let stale: Vec<PathBuf> = folders.iter().flat_map(|folder| stale(folder)).collect();
    if let Some(first) = stale.first() {
        let files = counted(stale.len() as u64, "file was", "files were");
        let detail = format!(
            "{files} left by backups that were killed: {}",
            first.display()
        );
        let finding = Finding::new(BACKUP, Level::Warn, detail);
        findings.push(finding.hint("remove what ends with .partial; it is no backup"));
    }
    findings
}

fn newest(folders: &[PathBuf]) -> Finding {
    let newest = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with(MANIFEST))
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .max();
    let Some(newest) = newest else {
        return Finding::new(BACKUP, Level::Warn, "no backup is known in the data folder")
            .hint("make backups, and keep them on another machine");
    };
    let age = SystemTime::now().duration_since(newest).unwrap_or_default();
    let level = if age > BACKUP_MAX {
        Level::Warn
    } else {
        Level::Ok
    };
    let hours = counted(age.as_secs() / 3_600, "hour", "hours");
    let detail = format!("the last known backup is {hours} old");
    Finding::new(BACKUP, level, detail).hint("make backups every day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_room_is_the_fourth_column() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                     /dev/sda1 1000 400 600 40% /a place\n";
        assert_eq!(free_kib(table), Some(600));
        assert_eq!(free_kib(""), None);
        assert_eq!(room(600).level, Level::Bad);
        assert_eq!(room(DISK_BAD_KIB).level, Level::Warn);
        assert_eq!(room(DISK_WARN_KIB).level, Level::Ok);
    }
}
