//! Changes to try a store with.

use liucheng_engine::{
    ports::{
        AnswerRow, Commit, CommitError, Instant, Mail, OutboxRow, ProjectId, ProjectRow, RecordRow,
        Store, TimerRow,
    },
    reminder::Reminder,
};
use liucheng_model::text::Text;
use uuid::Uuid;

/// The project of a number.
pub fn id(number: u128) -> ProjectId {
    ProjectId(Uuid::from_u128(number))
}

/// A hash that differs for each project and record.
fn hash(project: ProjectId, seq: u64) -> String {
    if seq == 0 {
        return "0".repeat(64);
    }
    format!("{:032x}{seq:032x}", project.0.as_u128())
}

/// The change from `expected` to the next version, made by a person.
pub fn change(project: ProjectId, expected: u64, actor: &str) -> Commit {
    let seq = expected + 1;
    let at = Instant(1_790_000_000_000_000 + i64::try_from(seq).unwrap());
    Commit {
        expected,
        row: ProjectRow {
            id: project,
            code: format!("YZ-{}", project.0.as_u128()),
            name: "原州区社工站项目".to_owned(),
            province: "ningxia-yuanzhou".to_owned(),
            version: seq,
            stage: "lifecycle.service payments.open".to_owned(),
            next_due: chrono::NaiveDate::from_ymd_opt(2026, 12, 1),
            changed_by: actor.to_owned(),
            changed_at: at,
            head: hash(project, seq),
            state: format!("{{\"version\":{seq},\"note\":\"中标\\n\\\"引号\\\" 😀\"}}"),
        },
        record: RecordRow {
            seq,
            at,
            actor: actor.to_owned(),
            payload: format!("{{\"event\":\"定标\",\"seq\":{seq},\"path\":\"a\\\\b\\u0000\"}}"),
            prev_hash: hash(project, expected),
            hash: hash(project, seq),
        },
        set_timers: Vec::new(),
        clear_timers: Vec::new(),
        outbox: Vec::new(),
        answer: None,
    }
}

/// The first change of a project.
pub fn opening(number: u128) -> Commit {
    change(id(number), 0, "li")
}

/// A timer.
pub fn timer(project: ProjectId, key: &str, at: i64, generation: u64) -> TimerRow {
    TimerRow {
        project,
        key: key.to_owned(),
        at: Instant(at),
        generation,
    }
}

/// A mail.
pub fn mail(project: ProjectId, key: &str, not_before: i64) -> OutboxRow {
    let text = |zh: &str, en: &str| Text {
        zh: zh.to_owned(),
        en: en.to_owned(),
    };
    OutboxRow {
        project,
        key: key.to_owned(),
        not_before: Instant(not_before),
        attempts: 0,
        mail: Mail {
            message_id: format!("<{key}@example.org>"),
            to: "li@example.org".to_owned(),
            reminder: Reminder {
                project_code: "YZ-1".to_owned(),
                project_name: "原州区社工站项目".to_owned(),
                obligation: "sign-contract@1".to_owned(),
                title: text("签订合同", "sign the contract"),
                responsible: text("采购人", "purchaser"),
                due: chrono::NaiveDate::from_ymd_opt(2026, 12, 1),
                unrolled: None,
                provisional: false,
                on: chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap(),
                rule: "sign-contract".to_owned(),
                source: "中华人民共和国政府采购法 第46条".to_owned(),
                clause: "三十日内".to_owned(),
                escalation: false,
                announcement: false,
                incidents: Vec::new(),
            },
        },
    }
}

/// An answer to a command with an idempotency key.
pub fn answer(key: &str, response: &str) -> AnswerRow {
    AnswerRow {
        key: key.to_owned(),
        request: "ab".repeat(32),
        response: response.to_owned(),
        at: Instant(5),
    }
}

/// Commits all at the same time and gives the results in order.
pub async fn together(
    store: &std::sync::Arc<dyn Store>,
    commits: Vec<Commit>,
) -> Vec<Result<(), CommitError>> {
    let start = |commit| {
        let store = std::sync::Arc::clone(store);
        tokio::spawn(async move { store.commit(commit).await })
    };
    let tasks: Vec<_> = commits.into_iter().map(start).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
