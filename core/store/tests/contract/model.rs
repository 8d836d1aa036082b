//! Random commands against the store and against a few maps, which must agree.

use std::collections::BTreeMap;

use liucheng_engine::ports::{CommitError, Instant, MailOutcome, Page, Store, TimerRow};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use crate::{
    checks::Database,
    postgres::Postgres,
    samples::{answer, change, id, mail, timer},
    sqlite::Sqlite,
};

/// One command.
#[derive(Debug, Clone)]
enum Step {
    /// Changes a project; `stale` is how far the expected version is behind.
    Change {
        project: u128,
        stale: u64,
        code: u8,
        key: Option<u8>,
        timers: Vec<(u8, i64)>,
        clear: Vec<u8>,
        mails: Vec<(u8, i64)>,
    },
    Postpone {
        project: u128,
        key: u8,
        at: i64,
        stale: u64,
    },
    Finish {
        project: u128,
        key: u8,
        sent: bool,
        at: i64,
    },
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let slots = || prop::collection::vec((0u8..4, 0i64..50), 0..3);
    let change = (
        (0u128..4, prop_oneof![4 => Just(0u64), 1 => 1u64..3]),
        (0u8..6, prop::option::of(0u8..4)),
        (slots(), prop::collection::vec(0u8..4, 0..2), slots()),
    )
        .prop_map(
            |((project, stale), (code, key), (timers, clear, mails))| Step::Change {
                project,
                stale,
                code,
                key,
                timers,
                clear,
                mails,
            },
        );
    let postpone = (0u128..4, 0u8..4, 0i64..50, 0u64..2).prop_map(|(project, key, at, stale)| {
        Step::Postpone {
            project,
            key,
            at,
            stale,
        }
    });
    let finish =
        (0u128..4, 0u8..4, any::<bool>(), 0i64..50).prop_map(|(project, key, sent, at)| {
            Step::Finish {
                project,
                key,
                sent,
                at,
            }
        });
    prop_oneof![12 => change, 3 => postpone, 3 => finish, 1 => Just(Step::Reopen)]
}

/// What a project should look like.
#[derive(Default)]
struct Expected {
    version: u64,
    code: String,
    answers: BTreeMap<String, String>,
    timers: BTreeMap<String, (i64, u64)>,
    /// Due instant, attempts, sent.
    mails: BTreeMap<String, (i64, u32, bool)>,
}

type Model = BTreeMap<u128, Expected>;

async fn apply(store: &dyn Store, model: &mut Model, step: &Step) {
    match step {
        Step::Change { .. } => apply_change(store, model, step).await,
        Step::Postpone {
            project,
            key,
            at,
            stale,
        } => {
            let key = key.to_string();
            let entry = model.get_mut(project).and_then(|p| p.timers.get_mut(&key));
            let current = entry.as_ref().map_or(9, |(_, generation)| *generation);
            if let (Some((due, _)), 0) = (entry, *stale) {
                *due = *at;
            }
            let wanted = timer(id(*project), &key, *at, current + stale);
            store.postpone_timer(wanted).await.unwrap();
        }
        Step::Finish {
            project,
            key,
            sent,
            at,
        } => {
            let key = key.to_string();
            let outcome = if *sent {
                MailOutcome::Sent(Instant(*at))
            } else {
                let not_before = Instant(*at);
                let error = format!("error {at}");
                MailOutcome::Retry { not_before, error }
            };
            store
                .finish_mail(id(*project), &key, outcome)
                .await
                .unwrap();
            let mail = model.get_mut(project).and_then(|p| p.mails.get_mut(&key));
            let Some((due, attempts, done @ false)) = mail else {
                return;
            };
            // The same instant again is the same attempt.
            let repeated = !sent && *attempts > 0 && *due == *at;
            *attempts += u32::from(!repeated);
            *done = *sent;
            if !sent {
                *due = *at;
            }
        }
        Step::Reopen => {}
    }
}

async fn apply_change(store: &dyn Store, model: &mut Model, step: &Step) {
    let Step::Change {
        project,
        stale,
        code,
        key,
        timers,
        clear,
        mails,
    } = step
    else {
        return;
    };
    let known = model.get(project).map_or(0, |p| p.version);
    let mut commit = change(id(*project), known.saturating_sub(*stale), "li");
    commit.row.code = format!("code {code}");
    let response = format!("{known}");
    commit.answer = key.map(|key| answer(&key.to_string(), &response));
    commit.clear_timers = clear.iter().map(u8::to_string).collect();
    commit.set_timers = timers
        .iter()
        .map(|(key, at)| timer(id(*project), &key.to_string(), *at, known))
        .collect();
    commit.outbox = mails
        .iter()
        .map(|(key, at)| mail(id(*project), &key.to_string(), *at))
        .collect();
    let (expected, wanted) = (commit.expected, commit.row.code.clone());
    let result = store.commit(commit).await;

    let before = key.and_then(|key| model.get(project)?.answers.get(&key.to_string()).cloned());
    if let (Some(before), Some(key)) = (before, key) {
        let repeated = CommitError::Repeated(answer(&key.to_string(), &before));
        assert_eq!(result, Err(repeated));
        return;
    }
    if expected != known {
        assert!(matches!(result, Err(CommitError::Conflict { found, .. }) if found == known));
        return;
    }
    if model
        .iter()
        .any(|(other, p)| other != project && p.code == wanted)
    {
        assert_eq!(result, Err(CommitError::DuplicateCode(wanted)));
        return;
    }
    assert_eq!(result, Ok(()));
    let entry = model.entry(*project).or_default();
    (entry.version, entry.code) = (known + 1, wanted);
    entry
        .answers
        .extend(key.map(|key| (key.to_string(), response)));
    entry
        .timers
        .retain(|key, _| !clear.iter().any(|c| c.to_string() == *key));
    let set = timers
        .iter()
        .map(|(key, at)| (key.to_string(), (*at, known)));
    entry.timers.extend(set);
    for (key, at) in mails {
        entry
            .mails
            .entry(key.to_string())
            .or_insert((*at, 0, false));
    }
}

async fn compare(store: &dyn Store, model: &Model) {
    for number in 0..4 {
        let row = store.load(id(number)).await.unwrap();
        let Some(expected) = model.get(&number) else {
            assert_eq!(row, None);
            continue;
        };
        let row = row.unwrap();
        assert_eq!((row.version, &row.code), (expected.version, &expected.code));
        let history = store.history(id(number), 0, 999).await.unwrap();
        assert_eq!(history.len() as u64, expected.version);
        let timers = expected.timers.iter();
        let timers: Vec<_> = timers
            .map(|(key, (at, generation))| timer(id(number), key, *at, *generation))
            .collect();
        assert_eq!(store.timers(id(number)).await.unwrap(), timers);
        let mails = store.mail(id(number)).await.unwrap();
        assert_eq!(mails.len(), expected.mails.len());
        for mail in mails {
            let (due, attempts, sent) = expected.mails[&mail.row.key];
            assert_eq!((mail.row.not_before.0, mail.row.attempts), (due, attempts));
            assert_eq!(mail.sent_at.is_some(), sent);
        }
    }
    compare_due(store, model).await;
}

async fn compare_due(store: &dyn Store, model: &Model) {
    let mut due: Vec<TimerRow> = Vec::new();
    let mut wake: Option<i64> = None;
    let mut note = |at: i64| wake = Some(wake.map_or(at, |earliest| earliest.min(at)));
    for (number, project) in model {
        for (key, (at, generation)) in &project.timers {
            note(*at);
            if *at <= 25 {
                due.push(timer(id(*number), key, *at, *generation));
            }
        }
        let pending = project.mails.values().filter(|(_, _, sent)| !sent);
        pending.for_each(|(at, _, _)| note(*at));
    }
    due.sort_by_key(|t| (t.at, t.project, t.key.clone()));
    assert_eq!(store.due_timers(Instant(25), 999).await.unwrap(), due);
    assert_eq!(store.next_wake().await.unwrap(), wake.map(Instant));
    let page = Page {
        after: None,
        limit: 9,
    };
    let listed = store.list(page).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|row| row.code).collect();
    let mut codes: Vec<_> = model.values().map(|p| p.code.clone()).collect();
    codes.sort();
    assert_eq!(listed, codes);
}

fn agree<D: Database>(cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(), 1..40);
    runner
        .run(&steps, |steps| {
            runtime.block_on(async {
                let Some(database) = D::new().await else {
                    return;
                };
                let mut model = Model::new();
                let mut store = database.open().await;
                for step in &steps {
                    if matches!(step, Step::Reopen) {
                        drop(store);
                        store = database.open().await;
                    }
                    apply(&*store, &mut model, step).await;
                }
                compare(&*store, &model).await;
            });
            Ok(())
        })
        .unwrap();
}

#[test]
fn sqlite_agrees_with_the_model() {
    agree::<Sqlite>(24);
}

#[test]
fn postgres_agrees_with_the_model() {
    agree::<Postgres>(12);
}
