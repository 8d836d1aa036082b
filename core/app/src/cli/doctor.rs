//! `liucheng doctor`: everything that a service needs, looked at without changing anything.
//!
//! Each line has a code of its own, `D-…`, and is ok, warn or bad. What is found is what is there: a
//! server may be running beside it.

mod folder;
mod packages;

use std::{path::Path, sync::Arc};

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
    output::{Exit, Failure, counted, document, line, paragraph},
    package::signature::Trust,
};

/// How far ahead the calendar should reach.
const CALENDAR_DAYS: u64 = 90;
/// A mail that has been due for longer is not merely on its way.
const MAIL_LATE_SECONDS: i64 = 3_600;
/// What is said where nobody named a data folder.
const NO_FOLDER: &str =
    "none is named: disk, mail, cache and backups are not looked at; --data names one";

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
    // Whoever names a database alone has no folder that something could be wrong with.
    let is_absent = global.data.is_none() && global.database.is_some() && !place.dir.exists();
    if is_absent {
        findings.push(fine("D-DATA-DIR", NO_FOLDER));
    } else {
        findings.push(folder::data_folder(&place.dir));
        findings.extend(folder::disk(&place.dir));
    }
    database(&place, config.as_ref(), &mut findings).await;
    if let Some(config) = &config {
        packages(&place, config, &mut findings).await;
        if !is_absent || args.mail {
            mail(config, args.mail, &mut findings).await;
        }
    }
    if !is_absent {
        findings.push(folder::cache(&place.dir.join(CACHE)));
        findings.extend(folder::backups(&place.dir));
    }
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

async fn database(place: &Place, config: Option<&Config>, findings: &mut Vec<Finding>) {
    const CODE: &str = "D-DATABASE";
    match compose::examine(place).await {
        Ok(found) => {
            findings.push(fine(CODE, "the database can be opened"));
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
    let wait = counted(pending, "mail waits", "mails wait");
    let given_up = counted(dead, "was", "were");
    let detail = format!("{wait}, {given_up} given up");
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

async fn packages(place: &Place, config: &Config, findings: &mut Vec<Finding>) {
    let layers = config.calendar.layers.iter();
    let layers: Vec<_> = layers.map(|l| place.dir.join(l)).collect();
    let calendar = match compose::calendar(&layers) {
        Ok(calendar) => calendar,
        Err(failure) => return findings.push(bad("D-CALENDAR", &failure)),
    };
    let today = SystemClock.now().date();
    findings.push(coverage(&calendar, today, config.ready.calendar));
    // Without a cache, so that looking changes nothing.
    let parts = match compose::parts(calendar, None, None) {
        Ok(parts) => parts,
        Err(failure) => return findings.push(bad("D-PACKAGES", &failure)),
    };
    // That a database cannot be opened was said already.
    let Ok(store) = compose::open_read_only(place).await else {
        return findings.push(packages::built_in(&parts));
    };
    let trust = Trust::of(&config.plugins);
    findings.extend(packages::look(&*store, &parts, &trust).await);
    store.close().await;
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
            paragraph(&finding.detail, (&head, &other))?;
            if !finding.hint.is_empty() {
                let head = format!("{other}→ ");
                let other = format!("{other}  ");
                paragraph(&finding.hint, (&head, &other))?;
            }
        }
        line(format!(
            "{}, {bad} bad, {}",
            counted(findings.len() as u64, "check", "checks"),
            counted(warn as u64, "warning", "warnings")
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
