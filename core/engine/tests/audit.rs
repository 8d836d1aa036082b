//! Epochs, bundles and proofs on a store in memory.

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
    audit::{
        Code, Signer,
        bundle::{self, BundleError},
        prove::{Proof, prove},
        seal::Sealer,
        verify::{Report, Verifier, VerifyOptions, verify_store},
    },
    commands::{Actor, Create, FireEvent},
    error::ErrorKind,
    library::{Entry, Library, Sources},
    ports::{AuditStore, Clock, Instant, MailError, ProjectId, SimulatedClock, Store, TokenRow},
    testing::{MemoryStore, RecordingMailer, SilentRules},
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
};
use serde_json::{Value as Json, json};

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");

struct World {
    engine: Engine,
    sealer: Sealer,
    store: Arc<MemoryStore>,
    clock: Arc<SimulatedClock>,
    mailer: Arc<RecordingMailer>,
}

impl World {
    fn new() -> Self {
        let base = Source {
            name: "base",
            text: BASE,
        };
        let definition = Definition::load(base, None).unwrap_or_else(|e| panic!("{e:#?}"));
        let entry = Entry {
            definition: Arc::new(definition),
            sources: Sources {
                base: BASE.to_owned(),
                overlay: None,
            },
            package: None,
            document: None,
        };
        let library = BTreeMap::from([(String::new(), entry)]);
        let calendar = Arc::new(Calendar::national().unwrap().clone());
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(SimulatedClock::new(at("2026-09-01")));
        let mailer = Arc::new(RecordingMailer::default());
        let engine = Engine {
            store: store.clone(),
            rules: Arc::new(SilentRules),
            mailer: mailer.clone(),
            clock: clock.clone(),
            library: Arc::new(Library::new(calendar, library)),
            figures: Arc::default(),
            wake: Arc::default(),
            cache: Arc::default(),
            mail_domain: "test.example".into(),
        };
        let sealer = Sealer {
            store: store.clone(),
            clock: clock.clone(),
            signer: None,
        };
        Self {
            engine,
            sealer,
            store,
            clock,
            mailer,
        }
    }

    fn officer() -> Actor {
        Actor {
            name: "li".to_owned(),
            roles: BTreeSet::from(["*".to_owned()]),
        }
    }

    async fn create(&self, code: &str) -> ProjectId {
        let create = Create {
            code: code.to_owned(),
            name: "项目".to_owned(),
            province: String::new(),
            facts: BTreeMap::new(),
            contacts: BTreeMap::from([("officer".to_owned(), vec!["o@test.example".to_owned()])]),
        };
        self.engine
            .create(&Self::officer(), create, Some("k"))
            .await
            .unwrap()
            .id
    }

    async fn fire(&self, id: ProjectId, event: &str, facts: Json) {
        let command = FireEvent {
            event: event.to_owned(),
            facts: facts.as_object().unwrap().clone().into_iter().collect(),
            expected_version: None,
            waive: None,
        };
        let key = format!("{event} 1");
        self.engine
            .fire(&Self::officer(), id, command, Some(&key))
            .await
            .unwrap();
    }

    /// A project up to its award, with the reminders that follow.
    async fn awarded(&self, code: &str) -> ProjectId {
        let id = self.create(code).await;
        self.fire(
            id,
            "finish-survey",
            json!({"survey.finished": "2026-09-01"}),
        )
        .await;
        self.fire(id, "approve-plan", json!({"plan.approved": "2026-09-01"}))
            .await;
        let facts = json!({"budget.total": "3000000", "budget.confirmed": "2026-09-01"});
        self.fire(id, "confirm-budget", facts).await;
        self.fire(
            id,
            "finish-review",
            json!({"evaluation.finished": "2026-09-01"}),
        )
        .await;
        self.fire(id, "decide-award", json!({"award.decided": "2026-09-01"}))
            .await;
        self.fire(
            id,
            "issue-award-notice",
            json!({"award.notice_issued": "2026-09-01"}),
        )
        .await;
        id
    }

    fn options(&self) -> VerifyOptions {
        VerifyOptions {
            now: self.clock.now(),
            secret: [3; 32],
            ..VerifyOptions::default()
        }
    }

    async fn report(&self) -> Report {
        verify_store(&*self.store, self.options(), &mut |_| {})
            .await
            .unwrap()
    }

    async fn bundle(&self) -> String {
        let mut bytes = Vec::new();
        bundle::export(&*self.store, &mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn check(&self, bundle: &[u8]) -> Result<Report, BundleError> {
        let mut tell = |_| {};
        let mut verifier = Verifier::new(self.options(), &mut tell);
        bundle::check(&mut { bundle }, &mut verifier)?;
        Ok(verifier.finish())
    }
}

fn at(date: &str) -> Instant {
    Instant::at(
        date.parse().unwrap(),
        NaiveTime::from_hms_opt(8, 0, 0).unwrap(),
    )
}

fn token() -> TokenRow {
    TokenRow {
        hash: "ab".repeat(32),
        actor: "li".to_owned(),
        roles: "*".to_owned(),
        at: at("2026-09-01"),
    }
}

#[tokio::test]
async fn a_bundle_has_the_documented_form() {
    let world = World::new();
    world.store.put_token(token()).await.unwrap();
    let id = world.create("B-1").await;
    world.sealer.seal_all().await.unwrap();
    world
        .fire(
            id,
            "finish-survey",
            json!({"survey.finished": "2026-09-01"}),
        )
        .await;
    let bundle = world.bundle().await;
    assert_eq!(bundle, world.bundle().await, "the same bytes");
    assert!(world.check(bundle.as_bytes()).unwrap().is_good());
    insta::assert_snapshot!(bundle);
}

/// What was exported before there was a journal is still checked, without one.
#[tokio::test]
async fn a_bundle_of_the_first_format_is_good() {
    let world = World::new();
    world.store.put_token(token()).await.unwrap();
    world.create("B-1").await;
    world.sealer.seal_all().await.unwrap();
    let bundle = world.bundle().await;
    let old = |kept: &dyn Fn(&str) -> bool| {
        let lines = bundle.lines().filter(|line| kept(line));
        let lines: Vec<&str> = lines.collect();
        let old = lines.join("\n") + "\n";
        old.replace("liucheng-bundle-2", "liucheng-bundle-1")
            .replace(",\"journal\":2", "")
    };
    let journal = |line: &str| line.starts_with("{\"journal\"");
    let older = old(&|line| !journal(line));
    assert!(world.check(older.as_bytes()).unwrap().is_good());
    let newer = older.replace("bundle-1", "bundle-2");
    assert!(!world.check(newer.as_bytes()).unwrap().is_good());
}

#[tokio::test]
async fn every_line_of_a_bundle_counts() {
    let world = World::new();
    for code in ["B-1", "B-2"] {
        world.awarded(code).await;
        world.sealer.seal_all().await.unwrap();
    }
    world
        .engine
        .advance(&world.clock, at("2026-10-01"))
        .await
        .unwrap();
    world.sealer.seal_all().await.unwrap();
    let bundle = world.bundle().await;
    let good = world.check(bundle.as_bytes()).unwrap();
    assert!(good.is_good(), "{good:#?}");
    assert_eq!(good, world.report().await);
    let lines: Vec<&str> = bundle.lines().collect();
    assert!(lines.len() > 25, "{}", lines.len());
    let bad = |lines: &[&str], what: &str| {
        let text = lines.join("\n") + "\n";
        match world.check(text.as_bytes()) {
            Ok(report) => assert!(!report.is_good(), "{what}"),
            Err(BundleError::NoBundle) => assert_ne!(lines.first(), bundle.lines().next().as_ref()),
            Err(error) => panic!("{what}: {error}"),
        }
    };
    for (number, line) in lines.iter().enumerate() {
        let mut other = lines.clone();
        other.remove(number);
        bad(&other, &format!("without {line}"));
        let mut other = lines.clone();
        other.insert(number, line);
        bad(&other, &format!("twice {line}"));
        if number > 0 {
            let mut other = lines.clone();
            other.swap(number - 1, number);
            bad(&other, &format!("swapped {line}"));
            bad(&lines[..number], &format!("cut off before {line}"));
        }
        // Digits of numbers and hashes; what is operational is told apart by the tests on databases.
        let sealed = ["{\"epoch\"", "{\"leaf\"", "{\"record\"", "{\"end\""];
        if sealed.iter().any(|kind| line.starts_with(kind)) {
            let digits = line.char_indices().filter(|(_, c)| c.is_ascii_digit());
            for (place, digit) in digits.step_by(11) {
                let mut bent = (*line).to_owned();
                let digit = if digit == '9' { "8" } else { "9" };
                bent.replace_range(place..=place, digit);
                if bent != *line {
                    let mut other = lines.clone();
                    other[number] = &bent;
                    bad(&other, &format!("bent at {place}: {bent}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn leaves_have_to_be_the_same_on_both_sides() {
    let world = World::new();
    world.create("B-1").await;
    world.create("B-2").await;
    world.sealer.seal_all().await.unwrap();
    world.create("B-3").await;
    let bundle = world.bundle().await;
    // A leaf that only the project knows of: as if it had been sealed.
    let leaf = bundle
        .split("\"leaves\":[")
        .nth(1)
        .unwrap()
        .split(']')
        .next()
        .unwrap();
    let id = bundle
        .split("\"row\":{\"id\":\"")
        .nth(3)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let head = bundle
        .split("\"head\":\"")
        .last()
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let mut invented: Json = serde_json::from_str(leaf).unwrap();
    invented["project"] = id.into();
    invented["head"] = head.into();
    let with = format!("\"unsealed\":false,\"leaves\":[{invented}]");
    let forged = bundle.replace("\"unsealed\":true,\"leaves\":[]", &with);
    assert_ne!(forged, bundle);
    let report = world.check(forged.as_bytes()).unwrap();
    assert!(!report.is_good());
    assert_eq!(report.first.unwrap().code, Code::Leaf);
}

#[tokio::test]
async fn a_proof_proves_its_record_and_nothing_else() {
    let mut world = World::new();
    world.sealer.signer = Some(Arc::new(Signer::new(&[5; 32])));
    let id = world.awarded("P-1").await;
    for code in ["P-2", "P-3", "P-4"] {
        world.create(code).await;
    }
    world.sealer.seal_all().await.unwrap();
    let proof = world.engine.prove("P-1", 4, None).await.unwrap();
    assert_eq!(proof.check().unwrap().seq, 4);
    assert_eq!((proof.records.len(), proof.path.len()), (4, 2));
    let json = serde_json::to_value(&proof).unwrap();
    assert_eq!(
        serde_json::from_value::<Proof>(json.clone()).unwrap(),
        proof
    );
    // Every value in it, changed a little.
    let mut places = Vec::new();
    leaves_of(&json, String::new(), &mut places);
    assert!(places.len() > 25, "{places:?}");
    for place in places {
        let mut bent = json.clone();
        let value = bent.pointer_mut(&place).unwrap();
        *value = match value {
            Json::Number(n) => json!(n.as_i64().unwrap() + 1),
            Json::String(text) => json!(format!("{text}0")),
            other => panic!("{other}"),
        };
        let bent = serde_json::from_value::<Proof>(bent);
        assert!(bent.is_err() || bent.unwrap().check().is_err(), "{place}");
    }
    for seq in [0, 99] {
        let not_there = world.engine.prove("P-1", seq, None).await.unwrap_err();
        let text = not_there.to_string();
        let said = format!("P-1 has no record {seq}: its records are 1 to ");
        assert!(text.starts_with(&said), "{text}");
        assert_eq!(not_there.kind(), ErrorKind::NotFound);
    }
    let nobody = ProjectId(uuid::Uuid::max());
    let nobody = prove(&*world.store, nobody, 1, None).await.unwrap_err();
    assert!(matches!(nobody, CommandError::NotFound(_)), "{nobody}");
    let facts = json!({"contract.signed": "2026-09-01", "contract.amount": "2900000",
        "contract.effective": "2026-09-01", "contract.expiry": "2027-08-31"});
    world.fire(id, "sign-contract", facts).await;
    let not_yet = world.engine.prove("P-1", 8, None).await.unwrap_err();
    assert_eq!(not_yet.code(), "E-AUDIT-NOT-SEALED");
}

/// What is no bundle at all is refused; a bundle with a line that is no text is one with a problem.
#[tokio::test]
async fn what_is_no_bundle_is_told_from_one_that_is_damaged() {
    let world = World::new();
    world.awarded("N-1").await;
    let bundle = world.bundle().await;
    for text in [
        "",
        "\n",
        "{}\n",
        "SQLite format 3\0",
        "{\"format\":\"other\"}\n",
    ] {
        let refused = world.check(text.as_bytes());
        assert!(matches!(refused, Err(BundleError::NoBundle)), "{text:?}");
    }
    let endless = vec![b'x'; 1 << 20];
    assert!(matches!(world.check(&endless), Err(BundleError::NoBundle)));
    let place = bundle.find("\"record\"").unwrap();
    let mut bytes = bundle.into_bytes();
    bytes[place] = 0xFF;
    let report = world.check(&bytes).unwrap();
    let told = report.problems.iter().map(ToString::to_string);
    let told: Vec<String> = told.collect();
    assert!(
        told.iter().any(|text| text.contains("is unreadable")),
        "{told:?}"
    );
    let header = b"{\"format\":\"liucheng-bundle-1\"}\n";
    let cut = world.check(header).unwrap();
    assert!(cut.problems[0].text.contains("cut off"), "{cut:#?}");
}

fn leaves_of(json: &Json, place: String, places: &mut Vec<String>) {
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                leaves_of(value, format!("{place}/{name}"), places);
            }
        }
        Json::Array(values) => {
            for (number, value) in values.iter().enumerate() {
                leaves_of(value, format!("{place}/{number}"), places);
            }
        }
        Json::Number(_) | Json::String(_) => places.push(place),
        Json::Null | Json::Bool(_) => {}
    }
}

#[tokio::test]
async fn sealing_is_due_after_a_minute_or_when_much_has_changed() {
    let world = World::new();
    let later = |seconds: i64| {
        let now = world.clock.now();
        world.clock.advance_to(now.plus_micros(seconds * 1_000_000));
    };
    assert_eq!(world.sealer.seal_due().await.unwrap(), []);
    world.create("S-1").await;
    assert_eq!(
        world.sealer.seal_due().await.unwrap().len(),
        1,
        "there was none before"
    );
    world.create("S-2").await;
    later(59);
    assert_eq!(world.sealer.seal_due().await.unwrap(), []);
    later(1);
    assert_eq!(world.sealer.seal_due().await.unwrap().len(), 1);
    assert_eq!(world.store.unsealed(9).await.unwrap(), 0);
    later(60);
    assert_eq!(
        world.sealer.seal_due().await.unwrap(),
        [],
        "nothing has changed"
    );
}

#[tokio::test]
async fn a_stop_seals_what_is_left() {
    let world = World::new();
    world.create("S-1").await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let sealer = world.sealer.clone();
    let running = tokio::spawn(async move { sealer.run(stopped).await });
    while world.store.last_epoch().await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    world.create("S-2").await;
    stop.send_replace(true);
    running.await.unwrap();
    assert_eq!(world.store.unsealed(9).await.unwrap(), 0);
    assert_eq!(world.store.last_epoch().await.unwrap().unwrap().number, 2);
}

#[tokio::test]
async fn moved_timers_and_retried_mails_are_no_tampering() {
    let world = World::new();
    world.awarded("M-1").await;
    let failure = || MailError::Transient("busy".to_owned());
    world.mailer.fail_with([failure(), failure(), failure()]);
    world
        .engine
        .advance(&world.clock, at("2026-09-20"))
        .await
        .unwrap();
    assert!(!world.mailer.sent().is_empty());
    let report = world.report().await;
    assert!(report.is_good(), "{report:#?}");
    // A timer that has come later without having been due.
    let ids = world.store.project_ids(None, 9).await.unwrap();
    let mut timers = world.store.timers(ids[0]).await.unwrap();
    let timer = timers.pop().unwrap();
    for (micros, good) in [(1, false), (-1, false), (0, true)] {
        let mut moved = timer.clone();
        moved.at = moved.at.plus_micros(micros);
        world.store.postpone_timer(moved).await.unwrap();
        let report = world.report().await;
        assert_eq!(report.is_good(), good, "{micros}");
        assert!(good || report.first.unwrap().code == Code::Timers);
    }
}
