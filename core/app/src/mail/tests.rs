//! What mails look like, to the byte, and that each is written once.

mod server;

use std::{path::Path, sync::Arc};

use chrono::{NaiveDate, NaiveTime};
use liucheng_engine::{
    ports::{Instant, Mail, MailError, Mailer, SimulatedClock},
    reminder::{Reminder, Unanswered},
};
use liucheng_model::text::Text;

use super::{MailConfig, config::MailMode, html, letter::Letter, mailer, message};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn morning(text: &str) -> Instant {
    Instant::at(day(text), NaiveTime::from_hms_opt(8, 30, 0).unwrap())
}

#[test]
fn what_a_component_could_not_answer_is_told() {
    let mut reminder = reminder();
    reminder.incidents.push(Unanswered {
        package: "ningxia-yuanzhou 0.1.0".to_owned(),
        hook: "cap".to_owned(),
        code: "E-PLUGIN-MISSING".to_owned(),
        since: day("2021-09-20"),
    });
    let letter = Letter::new(&reminder, day("2021-09-21"));
    let line = letter
        .lines
        .iter()
        .find(|(label, _)| *label == "规则包异常");
    let (_, text) = line.unwrap();
    for part in [
        "ningxia-yuanzhou 0.1.0",
        "cap",
        "E-PLUGIN-MISSING",
        "2021-09-20",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        letter
            .english
            .iter()
            .any(|text| text.contains("E-PLUGIN-MISSING")),
        "{:?}",
        letter.english
    );
    // Mails of before are read as they are.
    let old = serde_json::to_value(self::reminder()).unwrap();
    assert!(old.get("incidents").is_none());
    assert_eq!(
        serde_json::from_value::<Reminder>(old).unwrap(),
        self::reminder()
    );
}

/// The contract of Yuanzhou, due on a Sunday that is worked.
fn reminder() -> Reminder {
    Reminder {
        project_code: "YZ-2021".to_owned(),
        project_name: "原州区社工站".to_owned(),
        obligation: "sign-contract".to_owned(),
        title: Text::new("签订合同", "Sign the contract"),
        responsible: Text::new("采购人经办", "Procurement officer"),
        due: Some(day("2021-09-26")),
        unrolled: Some(day("2021-09-25")),
        provisional: false,
        on: day("2021-09-21"),
        rule: "CN-CONTRACT-30D".to_owned(),
        source: "中华人民共和国政府采购法 第46条".to_owned(),
        clause: "采购人与中标、成交供应商应当在中标、成交通知书发出之日起三十日内，按照采购文件确定的事项签订政府采购合同。".to_owned(),
        escalation: false,
        announcement: false,
        incidents: Vec::new(),
    }
}

pub(super) fn mail() -> Mail {
    Mail {
        message_id: "<0123456789abcdef0123456789abcdef@liucheng.example>".to_owned(),
        to: "officer@county.example".to_owned(),
        reminder: reminder(),
    }
}

pub(super) fn config() -> MailConfig {
    MailConfig {
        domain: "liucheng.example".to_owned(),
        ..MailConfig::default()
    }
}

fn raw(mail: &Mail, on: &str) -> String {
    let sender = config().sender().unwrap();
    let message = message::build(mail, &sender, morning(on)).unwrap();
    String::from_utf8(message.formatted()).unwrap()
}

/// The text parts as a mail program shows them.
fn decoded(raw: &str) -> String {
    let mut shown = String::new();
    for part in raw
        .split("\r\n--")
        .filter(|part| part.contains("base64\r\n"))
    {
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        let kind = head
            .lines()
            .find(|line| line.starts_with("Content-Type"))
            .unwrap();
        let bytes = base64(body);
        shown.push_str(&format!(
            "=== {kind}\n{}\n",
            String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
        ));
    }
    shown
}

fn base64(text: &str) -> Vec<u8> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let sextets: Vec<u32> = text.bytes().filter_map(value).map(u32::from).collect();
    let mut bytes = Vec::new();
    for group in sextets.chunks(4) {
        let bits = group.iter().fold(0, |bits, s| bits << 6 | s) << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

#[test]
fn a_reminder_is_this_mail_to_the_byte() {
    let raw = raw(&mail(), "2021-09-21");
    assert_eq!(
        raw.matches('\n').count(),
        raw.matches("\r\n").count(),
        "CRLF throughout"
    );
    assert!(raw.is_ascii() && raw.lines().all(|line| line.len() <= 998));
    insta::assert_snapshot!("reminder_eml", raw.replace("\r\n", "\n"));
    insta::assert_snapshot!("reminder_parts", decoded(&raw));
}

#[test]
fn subjects_say_how_near_the_date_is() {
    let subject = |change: fn(&mut Reminder), today: &str| {
        let mut reminder = reminder();
        change(&mut reminder);
        Letter::new(&reminder, day(today)).subject
    };
    let same: fn(&mut Reminder) = |_| {};
    assert_eq!(
        subject(same, "2021-09-21"),
        "[还剩5天] 原州区社工站 · 签订合同 · 截止 09-26"
    );
    assert_eq!(
        subject(same, "2021-09-26"),
        "[今天到期] 原州区社工站 · 签订合同 · 截止 09-26"
    );
    assert_eq!(
        subject(same, "2021-09-29"),
        "[逾期3天] 原州区社工站 · 签订合同 · 截止 09-26"
    );
    assert_eq!(
        subject(same, "2022-09-26"),
        "[逾期365天] 原州区社工站 · 签订合同 · 截止 2021-09-26"
    );
    let report: fn(&mut Reminder) = |r| (r.due, r.unrolled) = (None, Some(day("2021-10-31")));
    assert_eq!(
        subject(report, "2021-10-21"),
        "[文件未规定截止日] 原州区社工站 · 签订合同 · 期末 10-31"
    );
    let pending: fn(&mut Reminder) = |r| (r.due, r.provisional) = (None, true);
    assert_eq!(
        subject(pending, "2021-09-21"),
        "[截止日待定] 原州区社工站 · 签订合同 · 暂计 09-25"
    );
    let open: fn(&mut Reminder) = |r| (r.due, r.unrolled) = (None, None);
    assert_eq!(
        subject(open, "2021-09-21"),
        "[文件未规定截止日] 原州区社工站 · 签订合同"
    );
}

#[test]
fn a_date_that_may_move_says_so_and_why() {
    let mut mail = mail();
    mail.reminder.provisional = true;
    mail.reminder.escalation = true;
    insta::assert_snapshot!("overdue_parts", decoded(&raw(&mail, "2021-09-29")));
}

#[test]
fn no_calendar_entry_without_a_date() {
    let mut mail = mail();
    (mail.reminder.due, mail.reminder.unrolled) = (None, Some(day("2021-10-31")));
    let raw = raw(&mail, "2021-10-21");
    assert!(!raw.contains("text/calendar"));
    insta::assert_snapshot!("report_parts", decoded(&raw));
}

#[test]
fn names_cannot_add_headers_or_markup() {
    let mut mail = mail();
    mail.reminder.project_name = "A\r\nBcc: x@y.example\r\n<script>alert('&')</script>".to_owned();
    mail.reminder.title.zh = "\"><img src=x>".to_owned();
    mail.reminder.clause = "行一\n行二<b>".to_owned();
    let raw = raw(&mail, "2021-09-21");
    let head = raw.split("\r\n\r\n").next().unwrap();
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");
    let html = html::render(&Letter::new(&mail.reminder, day("2021-09-21")));
    assert!(
        !html.contains("<script") && !html.contains("<img") && !html.contains("<b>"),
        "{html}"
    );
    assert!(
        html.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"),
        "{html}"
    );
}

#[test]
fn the_same_obligation_keeps_its_calendar_entry() {
    let uid = |raw: &str| {
        let parts = decoded(raw);
        let line = parts.lines().find(|line| line.starts_with("UID:"));
        line.unwrap_or_else(|| panic!("{parts}")).to_owned()
    };
    let first = raw(&mail(), "2021-09-21");
    let mut later = mail();
    later.message_id = "<ffff@liucheng.example>".to_owned();
    later.reminder.due = Some(day("2021-10-08"));
    assert_eq!(uid(&first), uid(&raw(&later, "2021-10-05")));
    later.reminder.project_code = "TJ-2021".to_owned();
    assert_ne!(uid(&first), uid(&raw(&later, "2021-10-05")));
}

#[test]
fn something_that_is_no_address_is_refused_without_repeating_it() {
    let sender = config().sender().unwrap();
    for bad in [
        "",
        "nobody",
        "a@b@c",
        "a@b.example\r\nBcc: x@y.example",
        "李 <a@b.example>",
    ] {
        let mail = Mail {
            to: bad.to_owned(),
            ..mail()
        };
        let error = message::build(&mail, &sender, morning("2021-09-21")).unwrap_err();
        assert_eq!(
            error,
            MailError::Permanent("the recipient is not a mail address".to_owned()),
            "{bad}"
        );
    }
}

#[test]
fn instants_out_of_range_do_not_panic() {
    let sender = config().sender().unwrap();
    for at in [i64::MIN, -1, 0, i64::MAX] {
        message::build(&mail(), &sender, Instant(at)).unwrap();
    }
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn sending_twice_leaves_one_file() {
    let data = tempfile::tempdir().unwrap();
    let clock = Arc::new(SimulatedClock::new(morning("2021-09-21")));
    assert_eq!(config().mode, MailMode::File);
    let mailer: Arc<dyn Mailer> = mailer(&config(), data.path(), clock.clone()).unwrap();
    mailer.send(&mail()).await.unwrap();
    // The process died before the success was recorded, and starts again the next day.
    clock.advance_to(morning("2021-09-22"));
    mailer.send(&mail()).await.unwrap();
    let mut odd = mail();
    odd.reminder.project_code = format!("../原/{}", "州".repeat(200));
    odd.message_id = "<../../x@y>".to_owned();
    mailer.send(&odd).await.unwrap();
    let names = names(&data.path().join("mail"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(
        names[0],
        "2021-09-21_YZ-2021_0123456789abcdef0123456789abcdef.eml"
    );
    assert!(
        names[1].starts_with("2021-09-21____原_州") && names[1].len() < 250,
        "{}",
        names[1]
    );
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_worth_another_attempt() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("mail"), "a file in the way").unwrap();
    let clock = Arc::new(SimulatedClock::new(morning("2021-09-21")));
    let mailer = mailer(&config(), data.path(), clock).unwrap();
    assert!(matches!(
        mailer.send(&mail()).await,
        Err(MailError::Transient(_))
    ));
}
