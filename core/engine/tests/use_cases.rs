//! Commands, timers and mail on a store in memory and a clock that is told the time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::NaiveTime;
use liucheng_engine::{
    CommandError, Engine,
    audit::{Code, effects},
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
    ports::{
        AnswerRow, Clock, Commit, Instant, MailError, MailState, ProjectId, SimulatedClock, Store,
    },
    record::Record,
    testing::{MemoryStore, RecordingMailer, SilentRules},
    verify::{verify, verify_at},
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
};
use serde_json::{Value as Json, json};

const BENCHMARK: &str = include_str!("../../../workflows/benchmark.toml");
const BASE: &str = include_str!("../../../workflows/social-work-station.toml");

struct World {
    engine: Engine,
    store: Arc<MemoryStore>,
    mailer: Arc<RecordingMailer>,
    clock: Arc<SimulatedClock>,
}

impl World {
    fn new() -> Self {
        Self::with(BASE, MemoryStore::new())
    }

    fn with(text: &str, store: MemoryStore) -> Self {
        let definition = Definition::load(Source { name: "base", text }, None)
            .unwrap_or_else(|e| panic!("{e:#?}"));
        let entry = Entry {
            definition: Arc::new(definition),
            sources: Sources {
                base: text.to_owned(),
                overlay: None,
            },
            package: None,
            document: None,
        };
        let calendar = Arc::new(Calendar::national().unwrap().clone());
        let store = Arc::new(store);
        let mailer = Arc::new(RecordingMailer::default());
        let clock = Arc::new(SimulatedClock::new(instant("2026-09-01", "08:00")));
        let engine = Engine {
            store: store.clone(),
            rules: Arc::new(SilentRules),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library: Arc::new(Library::new(
                calendar,
                BTreeMap::from([(String::new(), entry)]),
            )),
            cache: Arc::default(),
            wake: Arc::new(tokio::sync::Notify::new()),
            figures: Arc::default(),
            mail_domain: "test.example".into(),
        };
        Self {
            engine,
            store,
            mailer,
            clock,
        }
    }

    async fn create(&self, code: &str, key: Option<&str>) -> Result<ProjectId, CommandError> {
        self.engine.library.keep_in(&*self.store).await?;
        let roles = &self.engine.library.entry("")?.definition.doc.roles;
        let create = Create {
            code: code.to_owned(),
            name: "项目".to_owned(),
            province: String::new(),
            facts: BTreeMap::new(),
            contacts: BTreeMap::from([
                ("officer".to_owned(), vec!["o@test.example".to_owned()]),
                (
                    "supervisor".to_owned(),
                    vec!["s@test.example".to_owned(), "o@test.example".to_owned()],
                ),
            ])
            .into_iter()
            .filter(|(role, _)| roles.contains_key(role))
            .collect(),
        };
        self.engine
            .create(&officer(), create, key)
            .await
            .map(|a| a.id)
    }

    async fn fire(
        &self,
        id: ProjectId,
        event: &str,
        facts: Json,
        key: Option<&str>,
    ) -> Result<u64, CommandError> {
        let command = FireEvent {
            event: event.to_owned(),
            facts: facts.as_object().unwrap().clone().into_iter().collect(),
            expected_version: None,
            waive: None,
        };
        self.engine
            .fire(&officer(), id, command, key)
            .await
            .map(|a| a.version)
    }

    /// A project whose award notice was issued on 23 October 2026.
    async fn awarded(&self) -> ProjectId {
        let id = self.create("A-1", None).await.unwrap();
        for (on, event, facts) in [
            (
                "2026-09-01",
                "finish-survey",
                json!({"survey.finished": "2026-09-01"}),
            ),
            (
                "2026-09-02",
                "approve-plan",
                json!({"plan.approved": "2026-09-02"}),
            ),
            (
                "2026-09-03",
                "confirm-budget",
                json!({"budget.total": "3000000", "budget.confirmed": "2026-09-03"}),
            ),
            (
                "2026-10-22",
                "finish-review",
                json!({"evaluation.finished": "2026-10-22"}),
            ),
            (
                "2026-10-22",
                "decide-award",
                json!({"award.decided": "2026-10-22"}),
            ),
            (
                "2026-10-23",
                "issue-award-notice",
                json!({"award.notice_issued": "2026-10-23"}),
            ),
        ] {
            self.clock.advance_to(instant(on, "09:00"));
            self.fire(id, event, facts, None).await.unwrap();
        }
        id
    }

    async fn assert_consistent(&self) {
        let checks = verify(&*self.store).await.unwrap();
        assert!(checks.iter().all(|c| c.problems.is_empty()), "{checks:#?}");
    }
}

fn officer() -> Actor {
    Actor {
        name: "li".to_owned(),
        roles: BTreeSet::from(["officer".to_owned()]),
    }
}

fn instant(date: &str, time: &str) -> Instant {
    Instant::at(
        date.parse().unwrap(),
        NaiveTime::parse_from_str(time, "%H:%M").unwrap(),
    )
}

#[tokio::test]
async fn a_repeated_command_has_one_effect_and_one_answer() {
    let world = World::new();
    let id = world.create("R-1", Some("c")).await.unwrap();
    assert_eq!(world.create("R-1", Some("c")).await.unwrap(), id);
    assert!(matches!(
        world.create("R-1", Some("other")).await,
        Err(CommandError::DuplicateCode(_))
    ));
    let facts = json!({"survey.finished": "2026-09-01"});
    let first = world
        .fire(id, "finish-survey", facts.clone(), Some("k"))
        .await
        .unwrap();
    for _ in 0..10 {
        assert_eq!(
            world
                .fire(id, "finish-survey", facts.clone(), Some("k"))
                .await
                .unwrap(),
            first
        );
    }
    let other = world
        .fire(
            id,
            "finish-survey",
            json!({"survey.finished": "2026-09-02"}),
            Some("k"),
        )
        .await;
    assert!(
        matches!(other, Err(CommandError::KeyReused(_))),
        "{other:?}"
    );
    assert_eq!(world.store.load(id).await.unwrap().unwrap().version, first);
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_failed_commit_leaves_nothing_behind() {
    let world = World::new();
    let id = world.create("F-1", None).await.unwrap();
    world.store.break_next_commit("disk full");
    let facts = json!({"survey.finished": "2026-09-01"});
    let failed = world
        .fire(id, "finish-survey", facts.clone(), Some("k"))
        .await;
    assert!(
        matches!(failed, Err(CommandError::Unavailable(_))),
        "{failed:?}"
    );
    assert_eq!(world.store.load(id).await.unwrap().unwrap().version, 1);
    // The same command with the same key goes through afterwards.
    assert_eq!(
        world
            .fire(id, "finish-survey", facts, Some("k"))
            .await
            .unwrap(),
        2
    );
    world.assert_consistent().await;
}

#[tokio::test]
async fn the_ladder_is_climbed_once_and_escalates() {
    let world = World::new();
    world.awarded().await;
    world
        .engine
        .advance(&world.clock, instant("2026-12-31", "12:00"))
        .await
        .unwrap();
    let about_contract: Vec<_> = world
        .mailer
        .sent()
        .into_iter()
        .filter(|m| m.reminder.obligation == "sign-contract")
        .map(|m| (m.reminder.on.to_string(), m.to, m.reminder.escalation))
        .collect();
    let days: BTreeSet<&str> = about_contract
        .iter()
        .map(|(on, _, _)| on.as_str())
        .collect();
    // Due on Monday, 23 November; unrolled on Sunday the 22nd. Before it the earlier reading
    // counts, after it the later one.
    assert!(
        days.contains("2026-11-12") && days.contains("2026-11-22") && days.contains("2026-11-24"),
        "{days:?}"
    );
    assert!(
        about_contract
            .iter()
            .all(|(on, _, escalation)| !escalation || on.as_str() > "2026-11-23"),
        "{about_contract:?}"
    );
    let once: BTreeSet<_> = about_contract.iter().collect();
    assert_eq!(
        once.len(),
        about_contract.len(),
        "one address is written to once a day, whatever its roles"
    );
    world.assert_consistent().await;
}

#[tokio::test]
async fn mail_is_tried_again_with_the_same_id_and_given_up_in_the_end() {
    let world = World::new();
    let id = world.awarded().await;
    let busy = || MailError::Transient("busy".to_owned());
    world.mailer.fail_with([busy(), busy()]);
    world
        .engine
        .advance(&world.clock, instant("2026-11-13", "12:00"))
        .await
        .unwrap();
    let mails = world.store.mail(id).await.unwrap();
    assert!(
        mails.iter().all(|m| m.state == MailState::Sent),
        "{mails:#?}"
    );
    assert!(
        mails.iter().any(|m| m.row.attempts > 1),
        "the failures were met"
    );
    let ids: Vec<String> = world
        .mailer
        .sent()
        .into_iter()
        .map(|m| m.message_id)
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    // A server that refuses a mail for good: a person has to look, nothing is tried again.
    world
        .mailer
        .fail_with([MailError::Permanent("no such user".to_owned())]);
    world
        .engine
        .advance(&world.clock, instant("2026-12-31", "12:00"))
        .await
        .unwrap();
    let dead = world
        .store
        .mail(id)
        .await
        .unwrap()
        .into_iter()
        .filter(|m| m.state == MailState::Dead)
        .count();
    assert_eq!(dead, 1);
}

#[tokio::test]
async fn a_server_that_is_down_for_a_day_loses_no_mail() {
    let world = World::new();
    let id = world.awarded().await;
    // Sixty attempts fail; pauses grow, so that this is days, not minutes.
    world
        .mailer
        .fail_with((0..60).map(|_| MailError::Transient("down".to_owned())));
    world
        .engine
        .advance(&world.clock, instant("2027-01-31", "12:00"))
        .await
        .unwrap();
    let mails = world.store.mail(id).await.unwrap();
    let pending = mails
        .iter()
        .filter(|m| m.state == MailState::Pending)
        .count();
    assert_eq!(pending, 0, "everything was sent or given up");
    assert!(mails.iter().any(|m| m.state == MailState::Sent));
}

#[tokio::test]
async fn commands_and_timers_do_not_disturb_each_other() {
    let world = World::new();
    let id = world.awarded().await;
    world.clock.advance_to(instant("2026-11-12", "09:00"));
    let correct = |n: u32| world.fire(id, "record-facts", json!({"contract.year": n}), None);
    let (fired, a, b, c) =
        tokio::join!(world.engine.fire_due(), correct(1), correct(2), correct(3));
    fired.unwrap();
    let versions = BTreeSet::from([a.unwrap(), b.unwrap(), c.unwrap()]);
    assert_eq!(versions.len(), 3, "each command has its own version");
    world.engine.fire_due().await.unwrap();
    assert!(
        world
            .store
            .due_timers(world.clock.now(), 10)
            .await
            .unwrap()
            .is_empty()
    );
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_new_calendar_moves_dates_with_its_cause() {
    use liucheng_model::{
        calendar::CalendarLayer,
        event::{Event, MoveCause},
    };
    let world = World::new();
    let id = world.awarded().await;
    assert_eq!(
        world.engine.adopt_calendar().await.unwrap(),
        0,
        "nothing changed"
    );
    // The province makes Monday, 23 November a holiday: the contract is due a day later.
    let layer = "schema = 1\nid = \"p\"\nversion = \"1\"\nlayer = \"province\"\nextends = \"cn\"\n\
                 [[day]]\ndate = \"2026-11-23\"\nkind = \"holiday\"\nname = \"地方节日\"\nsource = \"通知\"\n";
    let national = Calendar::national().unwrap();
    let calendar = Arc::new(
        national
            .with_layer(&CalendarLayer::parse(layer).unwrap())
            .unwrap(),
    );
    let entry = Entry::clone(&*world.engine.library.entry("").unwrap());
    let library = Arc::new(Library::new(
        calendar,
        BTreeMap::from([(String::new(), entry)]),
    ));
    let engine = Engine {
        library,
        ..world.engine.clone()
    };
    assert!(!engine.calendar_is_adopted().await.unwrap());
    let (_stop, stopped) = tokio::sync::watch::channel(true);
    assert_eq!(engine.adopt_calendar_until(&stopped).await.unwrap(), 0);
    assert!(!engine.calendar_is_adopted().await.unwrap(), "stopped");
    assert_eq!(engine.adopt_calendar().await.unwrap(), 1);
    assert!(engine.calendar_is_adopted().await.unwrap());
    assert!(
        !world.engine.calendar_is_adopted().await.unwrap(),
        "another one"
    );
    assert_eq!(engine.adopt_calendar().await.unwrap(), 0, "once");
    let history = world.store.history(id, 0, 1000).await.unwrap();
    let last = liucheng_engine::record::Record::open(history.last().unwrap()).unwrap();
    let moved = last.events.iter().find_map(|e| match e {
        Event::ObligationMoved {
            key,
            obligation,
            cause,
        } if key == "sign-contract" => Some((obligation.due, *cause)),
        _ => None,
    });
    assert_eq!(
        moved,
        Some(("2026-11-24".parse().ok(), MoveCause::Calendar)),
        "{:#?}",
        last.events
    );
    world.assert_consistent().await;
}

#[tokio::test]
async fn another_person_does_not_get_somebody_elses_answer() {
    let world = World::new();
    let id = world.create("P-1", None).await.unwrap();
    let facts = json!({"survey.finished": "2026-09-01"});
    world
        .fire(id, "finish-survey", facts.clone(), Some("k"))
        .await
        .unwrap();
    let stranger = Actor {
        name: "wang".to_owned(),
        roles: BTreeSet::from(["evaluator".to_owned()]),
    };
    let command = FireEvent {
        event: "finish-survey".to_owned(),
        facts: facts.as_object().unwrap().clone().into_iter().collect(),
        expected_version: None,
        waive: None,
    };
    let answer = world.engine.fire(&stranger, id, command, Some("k")).await;
    assert!(
        matches!(answer, Err(CommandError::KeyReused(_))),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_refusal_never_rests_on_what_another_process_has_changed() {
    a_refusal_rests_on_what_is_there(MemoryStore::shared()).await;
}

#[tokio::test]
async fn a_refusal_never_rests_on_a_change_whose_caller_went_away() {
    // It is written and not remembered, as if another had made it.
    a_refusal_rests_on_what_is_there(MemoryStore::new()).await;
}

async fn a_refusal_rests_on_what_is_there(store: MemoryStore) {
    let world = World::with(BASE, store);
    let other = Engine {
        cache: Arc::default(),
        ..world.engine.clone()
    };
    let id = world.create("N-1", None).await.unwrap();
    let survey = json!({"survey.finished": "2026-09-01"});
    world.fire(id, "finish-survey", survey, None).await.unwrap();
    let plan = FireEvent {
        event: "approve-plan".to_owned(),
        facts: BTreeMap::from([("plan.approved".to_owned(), json!("2026-09-01"))]),
        expected_version: None,
        waive: None,
    };
    let answer = other.fire(&officer(), id, plan.clone(), None).await;
    assert_eq!(answer.unwrap().version, 3);
    // Here the project is remembered as being one step behind.
    let budget = json!({"budget.total": "3000000", "budget.confirmed": "2026-09-01"});
    let version = world.fire(id, "confirm-budget", budget, None).await;
    assert_eq!(version.unwrap(), 4);
    // There it is remembered as it was, and the same step is refused as it should be.
    let refused = other.fire(&officer(), id, plan, None).await.unwrap_err();
    assert_eq!(refused.code(), "E-EVENT-NOT-NOW", "{refused}");
    world.assert_consistent().await;
}

#[tokio::test]
async fn timers_fire_on_the_state_that_is_there() {
    timers_fire_on_what_is_there(MemoryStore::shared()).await;
}

#[tokio::test]
async fn timers_fire_on_a_change_that_is_not_remembered_yet() {
    timers_fire_on_what_is_there(MemoryStore::new()).await;
}

async fn timers_fire_on_what_is_there(store: MemoryStore) {
    let world = World::with(BENCHMARK, store);
    let other = Engine {
        cache: Arc::default(),
        ..world.engine.clone()
    };
    let id = world.create("T-1", None).await.unwrap();
    let done = |stage: &str| {
        (
            format!("finish-{stage}"),
            json!({format!("{stage}.done"): "2026-09-01"}),
        )
    };
    let (event, facts) = done("survey");
    world.fire(id, &event, facts, None).await.unwrap();
    // Another process discharges it before its reminder is due, and opens the next.
    let (event, facts) = done("plan");
    let facts = facts.as_object().unwrap().clone().into_iter().collect();
    let command = FireEvent {
        event,
        facts,
        expected_version: None,
        waive: None,
    };
    other.fire(&officer(), id, command, None).await.unwrap();
    world.clock.advance_to(instant("2026-10-01", "12:00"));
    while world.engine.fire_due().await.unwrap() > 0 {}
    let mails = world.store.mail(id).await.unwrap();
    let reminded: Vec<&str> = mails
        .iter()
        .filter(|m| !m.row.mail.reminder.announcement)
        .map(|m| m.row.mail.reminder.obligation.as_str())
        .collect();
    assert_eq!(reminded, ["budget"], "once, late, at its last step");
    world.assert_consistent().await;
}

#[tokio::test]
async fn whoever_is_responsible_is_told_at_once_where_the_ladder_says_so() {
    let world = World::with(BENCHMARK, MemoryStore::new());
    let id = world.create("A-1", None).await.unwrap();
    assert_eq!(world.store.mail(id).await.unwrap(), []);
    let facts = json!({"survey.done": "2026-09-01"});
    world.fire(id, "finish-survey", facts, None).await.unwrap();
    world.engine.deliver_due().await.unwrap();
    let sent = world.mailer.sent();
    let told: Vec<_> = sent
        .iter()
        .map(|mail| (mail.to.as_str(), mail.reminder.obligation.as_str()))
        .collect();
    assert_eq!(told, [("o@test.example", "plan")]);
    assert!(sent[0].reminder.announcement && !sent[0].reminder.escalation);
    world.assert_consistent().await;
}

#[tokio::test]
async fn a_mail_that_went_out_is_recorded_once_there_is_room_and_not_sent_again() {
    let world = World::with(BENCHMARK, MemoryStore::new());
    let id = world.create("A-1", None).await.unwrap();
    let facts = json!({"survey.done": "2026-09-01"});
    world.fire(id, "finish-survey", facts, None).await.unwrap();
    world.store.set_full(true);
    // What was sent and cannot be recorded is not sent again, and nothing else is.
    for _ in 0..3 {
        let error = world.engine.deliver_due().await.unwrap_err();
        assert_eq!(error.code(), "E-STORE-FULL");
        assert_eq!(world.mailer.sent().len(), 1);
    }
    // A command is refused for what it is, and timers wait without being postponed.
    let refused = world.create("A-2", None).await.unwrap_err();
    assert_eq!(refused.code(), "E-STORE-FULL");
    let timers = world.store.timers(id).await.unwrap();
    world.clock.advance_to(instant("2026-10-01", "12:00"));
    let error = world.engine.fire_due().await.unwrap_err();
    assert_eq!(error.code(), "E-STORE-FULL");
    assert_eq!(world.store.timers(id).await.unwrap(), timers);
    world.store.set_full(false);
    world.engine.deliver_due().await.unwrap();
    let mails = world.store.mail(id).await.unwrap();
    let recorded = mails.iter().filter(|mail| mail.state == MailState::Sent);
    assert_eq!(recorded.count(), world.mailer.sent().len());
    let ids: BTreeSet<_> = world
        .mailer
        .sent()
        .into_iter()
        .map(|m| m.message_id)
        .collect();
    assert_eq!(
        ids.len(),
        world.mailer.sent().len(),
        "no mail went out twice"
    );
    world.assert_consistent().await;
}

/// Answers are removed after thirty days and not before; the history is good without them then, and not
/// earlier.
#[tokio::test]
async fn answers_are_removed_when_their_time_is_over() {
    let world = World::new();
    world.clock.advance_to(instant("2026-09-01", "09:00"));
    let id = world.create("A-1", Some("open")).await.unwrap();
    world.clock.advance_to(instant("2026-09-20", "09:00"));
    let survey = json!({"survey.finished": "2026-09-01"});
    let fire = || world.fire(id, "finish-survey", survey.clone(), Some("survey"));
    let version = fire().await.unwrap();
    let good = async |on: &str| {
        let now = instant(on, "10:00");
        let checks = verify_at(&*world.store, now).await.unwrap();
        checks.iter().all(|check| check.problems.is_empty())
    };
    let gone = async |key: &str| world.store.answer(id, key).await.unwrap().is_none();
    world.clock.advance_to(instant("2026-10-01", "09:00"));
    assert_eq!(world.engine.forget_answers().await.unwrap(), 0);
    world.clock.advance_to(instant("2026-10-02", "10:00"));
    assert_eq!(world.engine.forget_answers().await.unwrap(), 1);
    assert!(gone("open").await && !gone("survey").await);
    assert!(good("2026-10-02").await);
    // The other one is still given; once somebody has taken it, a check misses it.
    assert_eq!(fire().await.unwrap(), version);
    let places = world.store.answers(None, 9).await.unwrap();
    world.store.remove_answers(places).await.unwrap();
    assert!(!good("2026-10-02").await);
    assert!(!good("2026-10-19").await);
    assert!(good("2026-10-21").await);
}

/// Records from before there were digests of answers are whole with their answers only.
#[tokio::test]
async fn an_answer_of_an_old_record_stays() {
    let world = World::new();
    world.clock.advance_to(instant("2026-09-01", "09:00"));
    let id = world.create("A-1", Some("open")).await.unwrap();
    let store = MemoryStore::new();
    let row = world.store.load(id).await.unwrap().unwrap();
    let answer = world.store.answer(id, "open").await.unwrap().unwrap();
    let mut record = world.store.history(id, 0, 1).await.unwrap().remove(0);
    // As it was written then.
    let mut old = Record::open(&record).unwrap();
    assert!(old.answer.take().is_some());
    old.effects = Some(effects::digest(&[], Some(&answer)).unwrap());
    record = old.seal(&record.prev_hash).unwrap();
    let commit = |answer: Option<AnswerRow>| {
        let mut row = row.clone();
        row.head.clone_from(&record.hash);
        Commit {
            expected: 0,
            row,
            record: record.clone(),
            set_timers: Vec::new(),
            clear_timers: Vec::new(),
            outbox: Vec::new(),
            answer,
        }
    };
    store.commit(commit(Some(answer))).await.unwrap();
    let store = Arc::new(store);
    let engine = Engine {
        store: store.clone(),
        ..world.engine.clone()
    };
    world.clock.advance_to(instant("2027-09-01", "09:00"));
    assert_eq!(engine.forget_answers().await.unwrap(), 0);
    let now = world.clock.now();
    let effects = async |store: &MemoryStore| {
        let checks = verify_at(store, now).await.unwrap();
        let mut problems = checks.iter().flat_map(|check| &check.problems);
        problems.any(|problem| problem.code == Code::Effects)
    };
    assert!(!effects(&store).await);
    let without = MemoryStore::new();
    without.commit(commit(None)).await.unwrap();
    assert!(effects(&without).await);
}

#[tokio::test]
async fn the_worker_removes_answers_and_stops_when_told() {
    let world = World::new();
    world.clock.advance_to(instant("2026-09-01", "09:00"));
    let id = world.create("A-1", Some("open")).await.unwrap();
    world.clock.advance_to(instant("2026-10-03", "09:00"));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let engine = world.engine.clone();
    let worker = tokio::spawn(async move { engine.run_worker(stopped).await });
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, async {
        while world.store.answer(id, "open").await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stop.send_replace(true);
        worker.await.unwrap();
    })
    .await
    .unwrap();
}
