//! A step that only one province has: the real host behind the engine, on a store in memory.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "support/step.rs"]
mod step;
#[path = "support/wat.rs"]
mod wat;

use std::{collections::BTreeMap, sync::Arc};

use chrono::NaiveTime;
use liucheng_engine::{
    CommandError, Engine,
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
    packages::PackageFiles,
    ports::{Instant, ProjectId, SimulatedClock},
    replay::Outcome,
    testing::{MemoryStore, RecordingMailer},
    verify::verify,
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    event::AdoptionCause,
    project::Project,
    verdict::Hook,
};
use liucheng_plugin_host::{Limits, PluginHost};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use step::{step_fixture, step_overlay};
use wat::{Fixture, manifest};

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");
const ID: &str = "step-county";

struct World {
    engine: Engine,
    clock: Arc<SimulatedClock>,
    mailer: Arc<RecordingMailer>,
}

impl World {
    fn new() -> Self {
        let base = Source {
            name: "base",
            text: BASE,
        };
        let national = Entry {
            definition: Arc::new(Definition::load(base, None).unwrap()),
            sources: Sources {
                base: BASE.to_owned(),
                overlay: None,
            },
            package: None,
            document: None,
        };
        let clock = Arc::new(SimulatedClock::new(at("2023-03-01")));
        let mailer = Arc::new(RecordingMailer::default());
        let engine = Engine {
            store: Arc::new(MemoryStore::new()),
            rules: Arc::new(PluginHost::new(Limits::default(), None).unwrap()),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library: Arc::new(Library::new(
                Arc::new(Calendar::national().unwrap().clone()),
                BTreeMap::from([(String::new(), national)]),
            )),
            cache: Arc::default(),
            wake: Arc::default(),
            figures: Arc::default(),
            mail_domain: "test.example".into(),
        };
        Self {
            engine,
            clock,
            mailer,
        }
    }

    async fn install(&self, fixture: &Fixture, overlay: &str) {
        let component = fixture.wat().into_bytes();
        let digest = Sha256::digest(&component);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let files = PackageFiles {
            manifest: manifest([fixture.id, fixture.version], fixture.listed, &digest),
            overlay: Some(overlay.to_owned()),
            component,
            signed_by: None,
        };
        let candidate = self.engine.examine_package(files).await.unwrap();
        let actor = actor();
        let installed = self.engine.install_package(&actor, candidate, "试用");
        installed.await.unwrap();
    }

    /// A project that stands before the step.
    async fn before_review(&self, code: &str) -> ProjectId {
        let create = Create {
            code: code.to_owned(),
            name: "项目".to_owned(),
            province: ID.to_owned(),
            facts: BTreeMap::new(),
            contacts: BTreeMap::from([(
                "officer".to_owned(),
                vec!["office@county.example".to_owned()],
            )]),
        };
        let id = self.engine.create(&actor(), create, None).await.unwrap().id;
        let finished = json!({"survey.finished": "2023-03-01"});
        self.fire(id, "finish-survey", finished, None)
            .await
            .unwrap();
        assert_eq!(self.state(id).await, "county-review");
        id
    }

    async fn fire(
        &self,
        id: ProjectId,
        event: &str,
        facts: Json,
        waive: Option<&str>,
    ) -> Result<usize, CommandError> {
        let command = FireEvent {
            event: event.to_owned(),
            facts: serde_json::from_value(facts).unwrap(),
            expected_version: None,
            waive: waive.map(str::to_owned),
        };
        let answer = self.engine.fire(&actor(), id, command, None).await?;
        Ok(answer.findings.len())
    }

    async fn project(&self, id: ProjectId) -> Project {
        let row = self.engine.store.load(id).await.unwrap().unwrap();
        serde_json::from_str(&row.state).unwrap()
    }

    async fn state(&self, id: ProjectId) -> String {
        self.project(id).await.states["lifecycle"].clone()
    }

    async fn sound(&self) {
        let found = verify(&*self.engine.store).await.unwrap();
        assert!(found.iter().all(|p| p.problems.is_empty()), "{found:?}");
    }
}

fn at(day: &str) -> Instant {
    Instant::at(day.parse().unwrap(), NaiveTime::MIN)
}

fn actor() -> Actor {
    Actor {
        name: "wang".to_owned(),
        roles: ["*".to_owned()].into(),
    }
}

#[tokio::test]
async fn a_component_says_when_its_step_is_taken_and_the_deadline_is_reminded_of() {
    let world = World::new();
    let overlay = step_overlay(ID, "mandatory");
    world.install(&step_fixture(ID, "0.1.0"), &overlay).await;
    let id = world.before_review("S-1").await;

    // Nobody has decided anything: the step waits, says what it waits for, and keeps what was recorded.
    let found = world.fire(id, "county-review", json!({}), None).await;
    assert_eq!(found, Ok(1));
    let project = world.project(id).await;
    assert_eq!(project.findings[&Hook::Step][0].facts, ["step.opinion"]);
    assert_eq!(project.states["lifecycle"], "county-review");

    // The state has a deadline, with its reminders and their escalation.
    let due = project.obligations["review"].due.unwrap();
    // The tenth day is a Saturday.
    assert_eq!(due.to_string(), "2023-03-13");
    let later = at("2023-03-20");
    world.engine.advance(&world.clock, later).await.unwrap();
    let mails = world.mailer.sent();
    let reminders: Vec<_> = mails
        .iter()
        .filter(|m| m.reminder.obligation == "review")
        .collect();
    assert!(
        reminders
            .iter()
            .any(|m| !m.reminder.escalation && !m.reminder.announcement)
    );
    assert!(
        reminders.iter().all(|m| m.reminder.clause == "十日内审核"),
        "{reminders:?}"
    );
    assert!(
        reminders.len() >= 2,
        "before the day and after it: {reminders:?}"
    );

    let opinion = json!({"step.opinion": "2023-03-01"});
    world
        .fire(id, "county-review", opinion, None)
        .await
        .unwrap();
    let project = world.project(id).await;
    assert_eq!(project.states["lifecycle"], "plan");
    assert_eq!(project.facts["step.result"].as_text(), Some("agreed"));
    assert!(!project.obligations.contains_key("review"));
    assert!(!project.timers.keys().any(|key| key.contains("review")));

    for replayed in world.engine.replay(id).await.unwrap() {
        assert_eq!(
            (replayed.hook, replayed.outcome),
            (Hook::Step, Outcome::Same)
        );
    }
    world.sound().await;
}

#[tokio::test]
async fn a_step_that_crashes_is_an_incident_that_a_person_may_go_on_from() {
    let world = World::new();
    let overlay = step_overlay(ID, "mandatory");
    world.install(&step_fixture(ID, "0.1.0"), &overlay).await;
    let (mends, goes_on) = (
        world.before_review("S-1").await,
        world.before_review("S-2").await,
    );
    for id in [mends, goes_on] {
        // Recorded beside the step, so that it stays although the step is refused.
        let crash = json!({"step.crash": true});
        world.fire(id, "record-facts", crash, None).await.unwrap();
        let refused = world.fire(id, "county-review", json!({}), None).await;
        assert_eq!(refused.unwrap_err().code(), "E-PLUGIN-TRAP");
        let project = world.project(id).await;
        assert_eq!(project.incidents[&Hook::Step].code, "E-PLUGIN-TRAP");
        assert_eq!(project.states["lifecycle"], "county-review");
    }
    let mended = json!({"step.crash": null, "step.opinion": "2023-03-01"});
    world
        .fire(mends, "county-review", mended, None)
        .await
        .unwrap();
    let project = world.project(mends).await;
    assert_eq!(
        (
            project.incidents.len(),
            project.states["lifecycle"].as_str()
        ),
        (0, "plan")
    );
    // Without the component the step is taken as it is written; nothing is computed.
    let opinion = json!({"step.opinion": "2023-03-01"});
    let why = Some("组件故障，已人工审核");
    world
        .fire(goes_on, "county-review", opinion, why)
        .await
        .unwrap();
    let project = world.project(goes_on).await;
    assert_eq!(
        (
            project.incidents.len(),
            project.states["lifecycle"].as_str()
        ),
        (0, "plan")
    );
    assert!(!project.facts.contains_key("step.result"));
    world.sound().await;
}

/// A step that its component decides wrongly, or not at all, is the component's fault.
#[tokio::test]
async fn a_step_that_leads_nowhere_or_is_not_decided_is_an_incident_that_a_person_may_go_on_from() {
    let mut astray = step_fixture(ID, "0.1.0");
    // As long as the right one.
    astray.more = astray.more.replace("county-review", "county-astray");
    let mut without = step_fixture(ID, "0.1.0");
    without.hooks = &["cap"];
    for (fixture, why) in [(astray, "county-astray"), (without, "decides no steps")] {
        let world = World::new();
        world
            .install(&fixture, &step_overlay(ID, "mandatory"))
            .await;
        let id = world.before_review("S-1").await;
        let opinion = json!({"step.opinion": "2023-03-01"});
        let refused = world.fire(id, "county-review", opinion.clone(), None).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), "E-PLUGIN-STEP");
        assert!(refused.to_string().contains(why), "{refused}");
        assert!(refused.hint().contains("--waive"), "{}", refused.hint());
        let project = world.project(id).await;
        assert_eq!(project.states["lifecycle"], "county-review");
        assert_eq!(project.incidents[&Hook::Step].code, "E-PLUGIN-STEP");
        let waive = Some("组件有误，已人工审核");
        let done = world.fire(id, "county-review", opinion, waive).await;
        done.unwrap();
        let project = world.project(id).await;
        assert_eq!(project.states["lifecycle"], "plan");
        assert!(project.incidents.is_empty());
        world.sound().await;
    }
}

#[tokio::test]
async fn a_project_in_an_inserted_state_keeps_its_version_until_it_has_left_it() {
    let world = World::new();
    let with_step = step_overlay(ID, "mandatory");
    world.install(&step_fixture(ID, "0.1.0"), &with_step).await;
    let id = world.before_review("S-1").await;

    // A version without the step.
    let (before, rest) = with_step.split_once("[[step]]").unwrap();
    let (_, after) = rest.split_once("[[obligation]]").unwrap();
    let without = format!("{before}[[obligation]]{after}");
    world.install(&step_fixture(ID, "0.2.0"), &without).await;
    let entry = world.engine.library.entry(ID).unwrap();
    let changes = world.engine.preview_upgrades(&entry).await.unwrap();
    let refused = changes[0].refused.as_deref().unwrap();
    assert!(refused.starts_with("E-STATE-GONE"), "{refused}");
    let refused = world.engine.upgrade(&actor(), id, "新办法").await;
    assert_eq!(refused.unwrap_err().code(), "E-STATE-GONE");
    let project = world.project(id).await;
    assert_eq!(project.package.unwrap().version, "0.1.0");

    // The old component takes the step; the next stage goes by the new version.
    let opinion = json!({"step.opinion": "2023-03-01"});
    world
        .fire(id, "county-review", opinion, None)
        .await
        .unwrap();
    let project = world.project(id).await;
    assert_eq!(project.states["lifecycle"], "plan");
    assert_eq!(project.package.unwrap().version, "0.2.0");
    let history = world.engine.store.history(id, 0, 100).await.unwrap();
    let adopted = history.last().unwrap();
    let cause = serde_json::to_string(&AdoptionCause::StageEntry).unwrap();
    assert!(adopted.payload.contains(&cause), "{}", adopted.payload);
    // What was decided before is what the old component said.
    let replayed = world.engine.replay(id).await.unwrap();
    let said: Vec<_> = replayed
        .iter()
        .map(|r| (r.package.version.as_str(), &r.outcome))
        .collect();
    assert_eq!(said, [("0.1.0", &Outcome::Same)]);
    world.sound().await;
}
