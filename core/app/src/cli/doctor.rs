//! `liucheng doctor`: everything that a service needs, looked at without changing anything.
//!
//! Each line has a code of its own, `D-…`, and is ok, warn or bad. What is found is what is there: a
//! server may be running beside it.

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chrono::Days;
use clap::Args;
use liucheng_engine::ports::{Backlog, Clock, Instant};
use liucheng_model::calendar::Calendar;
use serde_json::json;

use super::Global;
use crate::{
    compose::{self, CACHE, Finding, Level, Place, SystemClock},
    config::{CalendarReadiness, Config},
    mail::{self, MailMode},
    output::{Exit, Failure, document, line, line_cells, wrap},
};

/// Less free space than this is bad, in KiB: 64 MiB.
const DISK_BAD_KIB: u64 = 64 << 10;
/// Less free space than this deserves a warning, in KiB: 1 GiB.
const DISK_WARN_KIB: u64 = 1 << 20;
/// How far ahead the calendar should reach.
const CALENDAR_DAYS: u64 = 90;
/// A mail that has been due for longer is not merely on its way.
const MAIL_LATE_SECONDS: i64 = 3_600;
/// A backup older than this is not of much use.
const BACKUP_MAX: Duration = Duration::from_secs(2 * 86_400);
/// What the names of backups' manifests end with.
const MANIFEST: &str = ".manifest.json";

/// What to look at.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Also connect to the mail server, up to the login; nothing is sent.
    #[arg(long)]
    mail: bool,
}

/// Looks at everything; exit code 1 if anything is bad.
pub async fn run(global: &Global, args: &DoctorArgs) -> Result<Exit, Failure> {
    let place = global.place();
    let mut findings = Vec::new();
    let config = match Config::read(&place.dir) {
        Ok(config) => {
            findings.push(fine("D-CONFIG", "the configuration is well-formed"));
            Some(config)
        }
        Err(failure) => {
            findings.push(bad("D-CONFIG", &failure));
            None
        }
    };
    findings.push(data_folder(&place.dir));
    findings.extend(disk(&place.dir));
    database(&place, config.as_ref(), &mut findings).await;
    if let Some(config) = &config {
        packages(&place.dir, config, &mut findings);
        mail(config, args.mail, &mut findings).await;
    }
    findings.push(backup(&place.dir));
    report(&findings, global.json)
}

fn fine(code: &'static str, detail: impl Into<String>) -> Finding {
    Finding::new(code, Level::Ok, detail)
}

/// A refusal as a finding.
fn bad(code: &'static str, failure: &Failure) -> Finding {
    let place = match failure.place.as_str() {
        "" => String::new(),
        place => format!("{place}: "),
    };
    let detail = format!("{place}{} ({})", failure.message, failure.code);
    Finding::new(code, Level::Bad, detail).hint(failure.hint.clone())
}

fn data_folder(dir: &Path) -> Finding {
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
        return Finding::new(CODE, Level::Warn, format!("{shown} can be read by others"))
            .hint("chmod 700: mails and configuration lie in it");
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
fn disk(dir: &Path) -> Option<Finding> {
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

async fn database(place: &Place, config: Option<&Config>, findings: &mut Vec<Finding>) {
    const CODE: &str = "D-DATABASE";
    match compose::examine(place).await {
        Ok(found) => {
            findings.push(fine(CODE, "the database can be read"));
            findings.extend(found);
        }
        Err(failure) => return findings.push(bad(CODE, &failure)),
    }
    let late_seconds = config.map_or(300, |config| config.ready.worker_late_seconds);
    // A database of another schema may lack what is asked for; that was said already.
    let Ok(store) = compose::open_read_only(place).await else {
        return;
    };
    match store.backlog().await {
        Ok(backlog) => findings.extend(waiting(&backlog, SystemClock.now(), late_seconds)),
        Err(error) => findings.push(Finding::new(CODE, Level::Bad, error.to_string())),
    }
    store.close().await;
}

fn waiting(backlog: &Backlog, now: Instant, late_seconds: u32) -> [Finding; 2] {
    let late = |at: Option<Instant>| at.map_or(0, |at| now.0.saturating_sub(at.0) / 1_000_000);
    let timer = late(backlog.timer_earliest);
    let timers = if timer > i64::from(late_seconds) {
        Finding::new(
            "D-TIMERS",
            Level::Warn,
            format!("the oldest due timer is {timer} s late"),
        )
        .hint("is a server with the role worker running? after a pause it catches up by itself")
    } else {
        fine("D-TIMERS", "no timer is overdue")
    };
    let (dead, pending) = (backlog.mails_dead, backlog.mails_pending);
    let mail = late(backlog.mail_earliest);
    let detail = format!("{pending} mails wait, {dead} were given up");
    let outbox = if dead > 0 {
        Finding::new("D-OUTBOX", Level::Warn, detail)
            .hint("`liucheng project show` names the addressees' roles; correct the contact or the mail server")
    } else if mail > MAIL_LATE_SECONDS {
        let detail = format!("{detail}; the oldest is {mail} s late");
        Finding::new("D-OUTBOX", Level::Warn, detail)
            .hint("is a server with the role worker running? `liucheng doctor --mail` tries the mail server")
    } else {
        fine("D-OUTBOX", detail)
    };
    [timers, outbox]
}

fn packages(dir: &Path, config: &Config, findings: &mut Vec<Finding>) {
    let layers: Vec<_> = config.calendar.layers.iter().map(|l| dir.join(l)).collect();
    let calendar = match compose::calendar(&layers) {
        Ok(calendar) => calendar,
        Err(failure) => return findings.push(bad("D-CALENDAR", &failure)),
    };
    let today = SystemClock.now().date();
    findings.push(coverage(&calendar, today, config.ready.calendar));
    // Without a cache, so that looking changes nothing.
    match compose::parts(calendar, None, None) {
        Ok(parts) => {
            let names: Vec<_> = parts.rules.packages().into_iter().map(|p| p.id).collect();
            findings.push(fine("D-PACKAGES", format!("loaded: {}", names.join(", "))));
        }
        Err(failure) => findings.push(bad("D-PACKAGES", &failure)),
    }
    findings.push(cache(&dir.join(CACHE)));
}

fn coverage(calendar: &Calendar, today: chrono::NaiveDate, wanted: CalendarReadiness) -> Finding {
    let last = *calendar.coverage().end();
    let ahead = today.checked_add_days(Days::new(CALENDAR_DAYS));
    let level = if !calendar.covers(today) {
        Level::Bad
    } else if ahead.is_some_and(|ahead| ahead <= last) {
        Level::Ok
    } else if wanted == CalendarReadiness::Warn {
        Level::Warn
    } else {
        Level::Bad
    };
    let detail = format!("the calendar {} ends on {last}", calendar.version());
    Finding::new("D-CALENDAR", level, detail).hint(
        "install the version that has the State Council's notice for the next year; dates beyond the end are \
         provisional, and /readyz is red unless [ready] calendar = \"warn\"",
    )
}

fn cache(folder: &Path) -> Finding {
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
    fine(CODE, format!("{compiled} compiled packages"))
}

async fn mail(config: &Config, connect: bool, findings: &mut Vec<Finding>) {
    const CODE: &str = "D-MAIL";
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    if let Err(failure) = mail::mailer(&config.mail, Path::new("."), Arc::clone(&clock)) {
        return findings.push(bad(CODE, &failure));
    }
    if config.mail.mode == MailMode::File {
        let finding = Finding::new(
            CODE,
            Level::Warn,
            "mails are written into files and reach nobody",
        );
        return findings.push(finding.hint("configure [mail] mode = \"smtp\""));
    }
    if config.mail.domain.ends_with(".invalid") {
        let finding = Finding::new(CODE, Level::Warn, "the sender's domain is the default one");
        findings.push(finding.hint("set [mail] domain: servers refuse mails from .invalid"));
    }
    if !connect {
        return findings.push(fine(
            CODE,
            "the settings can be used; --mail tries the server",
        ));
    }
    match mail::try_server(&config.mail, clock).await {
        Ok(server) => findings.push(fine(CODE, format!("{server} answers and lets us in"))),
        Err(failure) => {
            let hint = "check [mail.smtp], LIUCHENG_SMTP_USER and LIUCHENG_SMTP_PASSWORD, and the firewall";
            findings.push(bad(CODE, &failure.hint(hint)));
        }
    }
}

/// The newest manifest of a backup in the data folder or in `backups` below it.
fn backup(dir: &Path) -> Finding {
    const CODE: &str = "D-BACKUP";
    let newest = [dir.to_owned(), dir.join("backups")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().ends_with(MANIFEST))
        .filter_map(|file| file.metadata().ok()?.modified().ok())
        .max();
    let Some(newest) = newest else {
        return Finding::new(CODE, Level::Warn, "no backup is known in the data folder")
            .hint("make backups, and keep them on another machine");
    };
    let age = SystemTime::now().duration_since(newest).unwrap_or_default();
    let level = if age > BACKUP_MAX {
        Level::Warn
    } else {
        Level::Ok
    };
    let detail = format!(
        "the last known backup is {} hours old",
        age.as_secs() / 3_600
    );
    Finding::new(CODE, level, detail).hint("make backups every day")
}

fn report(findings: &[Finding], as_json: bool) -> Result<Exit, Failure> {
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let (bad, warn) = (count(Level::Bad), count(Level::Warn));
    if as_json {
        let checks: Vec<_> = findings
            .iter()
            .map(|f| {
                json!({"code": f.code, "level": name(f.level), "detail": f.detail, "hint": f.hint})
            })
            .collect();
        document(&json!({"checks": checks, "bad": bad, "warn": warn}))?;
    } else {
        for finding in findings {
            let head = format!("{:4} {:14} ", name(finding.level), finding.code);
            let other = " ".repeat(head.len());
            for text in wrap(&finding.detail, line_cells(), (&head, &other)) {
                line(text)?;
            }
            if !finding.hint.is_empty() {
                let head = format!("{other}→ ");
                let other = format!("{other}  ");
                for text in wrap(&finding.hint, line_cells(), (&head, &other)) {
                    line(text)?;
                }
            }
        }
        line(format!(
            "{} checks, {bad} bad, {warn} warnings",
            findings.len()
        ))?;
    }
    Ok(if bad == 0 { Exit::Ok } else { Exit::Rejected })
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::Warn => "warn",
        Level::Bad => "bad",
    }
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

    #[test]
    fn a_calendar_that_ends_is_bad_unless_accepted() {
        let calendar = Calendar::national().unwrap();
        let level = |date: &str, wanted| coverage(calendar, date.parse().unwrap(), wanted).level;
        let last = *calendar.coverage().end();
        let near = last.to_string();
        assert_eq!(level("2025-01-02", CalendarReadiness::Red), Level::Ok);
        assert_eq!(level(&near, CalendarReadiness::Red), Level::Bad);
        assert_eq!(level(&near, CalendarReadiness::Warn), Level::Warn);
        let beyond = (last + Days::new(1)).to_string();
        assert_eq!(level(&beyond, CalendarReadiness::Warn), Level::Bad);
    }

    #[test]
    fn what_waits_for_too_long_is_told() {
        const SECOND: i64 = 1_000_000;
        let now = Instant(1_000_000 * SECOND);
        let ago = |seconds: i64| Some(Instant(now.0 - seconds * SECOND));
        let levels = |backlog: &Backlog| waiting(backlog, now, 300).map(|finding| finding.level);
        assert_eq!(levels(&Backlog::default()), [Level::Ok, Level::Ok]);
        let late = Backlog {
            timer_earliest: ago(301),
            mail_earliest: ago(MAIL_LATE_SECONDS + 1),
            ..Backlog::default()
        };
        assert_eq!(levels(&late), [Level::Warn, Level::Warn]);
        let dead = Backlog {
            mails_dead: 1,
            timer_earliest: ago(299),
            ..Backlog::default()
        };
        assert_eq!(levels(&dead), [Level::Ok, Level::Warn]);
    }
}
