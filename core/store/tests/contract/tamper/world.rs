//! A small database as the product writes it: two projects with mails and answers, documents, tokens,
//! three signed epochs and a change that is not sealed yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use liucheng_engine::{
    Engine,
    audit::{
        ProjectCheck, Signer,
        verify::{VerifyOptions, verify_store},
    },
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
    ports::{
        Clock, Epoch, Instant, ProjectId, SimulatedClock, Store, TokenAct, TokenChange, TokenRow,
    },
    testing::{RecordingMailer, SilentRules},
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
};
use serde_json::{Value as Json, json};

const BASE: &str = include_str!("../../../../../workflows/social-work-station.toml");

/// What a check of the database may know beside it.
pub struct World {
    pub options: VerifyOptions,
    /// The last epoch.
    pub head: Epoch,
    pub projects: [ProjectId; 2],
}

fn instant(date: &str) -> Instant {
    Instant::at(
        date.parse().unwrap(),
        chrono::NaiveTime::from_hms_opt(8, 0, 0).unwrap(),
    )
}

fn officer() -> Actor {
    Actor {
        name: "li".to_owned(),
        roles: BTreeSet::from(["*".to_owned()]),
    }
}

/// Fills an empty store.
pub async fn build(store: Arc<dyn Store>) -> World {
    let clock = Arc::new(SimulatedClock::new(instant("2026-09-01")));
    let engine = engine(&store, &clock);
    engine.library.keep_in(&*store).await.unwrap();
    for hash in ["a", "b"] {
        let token = TokenRow {
            hash: hash.repeat(64),
            actor: format!("actor {hash}"),
            roles: "officer,finance".to_owned(),
            at: clock.now(),
        };
        store.put_token(token).await.unwrap();
    }
    let revoked = TokenAct {
        by: "wang".to_owned(),
        at: Instant(7_000_000),
        change: TokenChange::Revoked("b".repeat(64)),
    };
    store.change_token(revoked).await.unwrap();
    let signer = Arc::new(Signer::new(&[7; 32]));
    let sealer = engine.sealer(Some(Arc::clone(&signer)));
    let mut projects = Vec::new();
    for code in ["T-1", "T-2"] {
        projects.push(create(&engine, code).await);
        sealer.seal_all().await.unwrap();
    }
    for id in &projects {
        for (date, event, facts) in EVENTS {
            clock.advance_to(instant(date));
            fire(&engine, *id, event, serde_json::from_str(facts).unwrap()).await;
        }
    }
    // Reminders go out; each is sent at the first attempt.
    engine.advance(&clock, instant("2026-11-20")).await.unwrap();
    sealer.seal_all().await.unwrap();
    let facts = json!({"contract.signed": "2026-11-20", "contract.amount": "2900000",
        "contract.effective": "2026-11-20", "contract.expiry": "2027-11-19"});
    fire(&engine, projects[1], "sign-contract", facts).await;
    let head = store.last_epoch().await.unwrap().unwrap();
    World {
        options: VerifyOptions {
            now: clock.now(),
            keys: vec![signer.public()],
            known: engine_definitions(&engine),
            ..VerifyOptions::default()
        },
        head,
        projects: projects.try_into().unwrap(),
    }
}

const EVENTS: [(&str, &str, &str); 6] = [
    (
        "2026-09-01",
        "finish-survey",
        r#"{"survey.finished": "2026-09-01"}"#,
    ),
    (
        "2026-09-02",
        "approve-plan",
        r#"{"plan.approved": "2026-09-02"}"#,
    ),
    (
        "2026-09-03",
        "confirm-budget",
        r#"{"budget.total": "3000000", "budget.confirmed": "2026-09-03"}"#,
    ),
    (
        "2026-10-22",
        "finish-review",
        r#"{"evaluation.finished": "2026-10-22"}"#,
    ),
    (
        "2026-10-22",
        "decide-award",
        r#"{"award.decided": "2026-10-22"}"#,
    ),
    (
        "2026-10-23",
        "issue-award-notice",
        r#"{"award.notice_issued": "2026-10-23"}"#,
    ),
];

fn engine(store: &Arc<dyn Store>, clock: &Arc<SimulatedClock>) -> Engine {
    let base = Source {
        name: "base",
        text: BASE,
    };
    let entry = Entry {
        definition: Arc::new(Definition::load(base, None).unwrap()),
        sources: Sources {
            base: BASE.to_owned(),
            overlay: None,
        },
        package: None,
        document: None,
    };
    let calendar = Arc::new(Calendar::national().unwrap().clone());
    Engine {
        store: Arc::clone(store),
        rules: Arc::new(SilentRules),
        mailer: Arc::new(RecordingMailer::default()),
        clock: clock.clone(),
        library: Arc::new(Library::new(
            calendar,
            BTreeMap::from([(String::new(), entry)]),
        )),
        wake: Arc::default(),
        figures: Arc::default(),
        cache: Arc::default(),
        mail_domain: "test.example".into(),
    }
}

/// Compiled once for all checks.
fn engine_definitions(engine: &Engine) -> BTreeMap<String, Arc<Definition>> {
    let definition = &engine.library.entry("").unwrap().definition;
    BTreeMap::from([(definition.digest.clone(), Arc::clone(definition))])
}

async fn create(engine: &Engine, code: &str) -> ProjectId {
    let create = Create {
        code: code.to_owned(),
        name: "项目".to_owned(),
        province: String::new(),
        facts: BTreeMap::new(),
        contacts: BTreeMap::from([
            ("officer".to_owned(), vec!["o@test.example".to_owned()]),
            ("supervisor".to_owned(), vec!["s@test.example".to_owned()]),
        ]),
    };
    let key = format!("create {code}");
    engine
        .create(&officer(), create, Some(&key))
        .await
        .unwrap()
        .id
}

async fn fire(engine: &Engine, id: ProjectId, event: &str, facts: Json) {
    let command = FireEvent {
        event: event.to_owned(),
        facts: facts.as_object().unwrap().clone().into_iter().collect(),
        expected_version: None,
        waive: None,
    };
    let key = format!("{event} {id}");
    engine
        .fire(&officer(), id, command, Some(&key))
        .await
        .unwrap();
}

/// Creates and changes projects, seals and checks at the same time.
///
/// A check that cries wolf beside a busy server would soon be ignored.
pub async fn check_while_changing(store: Arc<dyn Store>) {
    let clock = Arc::new(SimulatedClock::new(instant("2026-10-23")));
    let engine = engine(&store, &clock);
    engine.library.keep_in(&*store).await.unwrap();
    let stopped = Arc::new(AtomicBool::new(false));
    let mut busy = Vec::new();
    for officer in 0..3 {
        let (engine, stopped) = (engine.clone(), Arc::clone(&stopped));
        busy.push(tokio::spawn(async move {
            for number in 0.. {
                let id = create(&engine, &format!("C-{officer}-{number}")).await;
                for (_, event, facts) in EVENTS {
                    fire(&engine, id, event, serde_json::from_str(facts).unwrap()).await;
                }
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        }));
    }
    let (sealer, done) = (engine.sealer(None), Arc::clone(&stopped));
    busy.push(tokio::spawn(async move {
        while !done.load(Ordering::Relaxed) {
            sealer.seal_all().await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }));
    let options = VerifyOptions {
        now: clock.now(),
        known: engine_definitions(&engine),
        ..VerifyOptions::default()
    };
    let mut records = 0;
    let mut checks = 0;
    while checks < 12 || records < 60 {
        checks += 1;
        let mut problems = Vec::new();
        let mut tell = |check: ProjectCheck| problems.extend(check.problems);
        let report = verify_store(&*store, options.clone(), &mut tell)
            .await
            .unwrap();
        assert!(report.is_good(), "{report:#?} {problems:#?}");
        assert!(report.counts.records >= records);
        records = report.counts.records;
    }
    stopped.store(true, Ordering::Relaxed);
    for task in busy {
        task.await.unwrap();
    }
}
