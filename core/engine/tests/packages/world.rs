//! An engine on a store in memory, with components that do as they are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::NaiveTime;
use liucheng_engine::{
    CommandError, Engine,
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
    packages::{PackageFiles, StoredPackage, keep},
    ports::{
        Instant, MigrateCall, Migration, ProjectId, ProvinceRules, RuleCall, RuleFault,
        SimulatedClock,
    },
    record::digest,
    testing::{MemoryStore, RecordingMailer},
    verify::verify,
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    fact::{FactValue, Facts, Scalar},
    finding::{Finding, FindingCode, Severity},
    project::Project,
    text::Text,
    verdict::{Answer, Hook, PackagePin, Verdict},
};
use serde_json::{Value as Json, json};

pub const BASE: &str = include_str!("../../../../workflows/social-work-station.toml");

/// An overlay whose survey has to be reported within some days; later versions say more.
pub fn overlay(days: u32, extra: &str) -> String {
    format!(
        r#"
schema = 1
id = "example"
extends = "social-work-station"
title = {{ zh = "示例", en = "Example" }}
source = "示例办法"
[facts]
"report.note" = {{ type = "text", title = {{ zh = "备注", en = "Note" }} }}
[[obligation]]
id = "town-report"
rule = "XX-01"
title = {{ zh = "报送", en = "Report" }}
force = "mandatory"
anchor = ["survey.started"]
period = "{days} days"
responsible = "officer"
[[clause]]
id = "XX-01"
force = "mandatory"
text = "{days}日内报送"
{extra}"#
    )
}

pub const LAYER: &str = r#"
schema = 1
id = "p"
version = "1"
layer = "province"
extends = "cn"
[[day]]
date = "2026-11-23"
kind = "holiday"
name = "地方节日"
source = "通知"
"#;

pub const LAW: &str = r#"
[[check]]
id = "law"
rule = "XX-02"
on = ["confirm-budget"]
holds = "true"
message = { zh = "不可", en = "not so" }
[[clause]]
id = "XX-02"
force = "law"
text = "法定上限"
"#;

/// Components that say which version they are, and fail while they are told to.
#[derive(Default)]
pub struct Rules {
    pub known: Mutex<BTreeSet<PackagePin>>,
    pub broken: Mutex<bool>,
    pub resting: Mutex<bool>,
    /// It finds nothing.
    pub silent: Mutex<bool>,
    /// What it fails of, where that is no crash.
    pub code: Mutex<Option<&'static str>>,
    /// It finds a rule broken.
    pub strict: Mutex<bool>,
    /// Facts it proposes.
    pub proposes: Mutex<Facts>,
    /// It says in `report.share` which version it is.
    pub share: Mutex<bool>,
    /// Keys of facts that a migration drops.
    pub drops: Mutex<Vec<String>>,
}

pub fn pin(version: &str) -> PackagePin {
    PackagePin {
        id: "example".to_owned(),
        version: version.to_owned(),
        component: digest(version),
    }
}

#[async_trait]
impl ProvinceRules for Rules {
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault> {
        assert!(self.knows(&call.package), "asked without being loaded");
        if *self.broken.lock().unwrap() {
            return Err(RuleFault {
                code: self.code.lock().unwrap().unwrap_or("E-PLUGIN-TRAP"),
                package: call.package.id,
                reason: "crashed".to_owned(),
                hint: "tell the author".to_owned(),
            });
        }
        if *self.resting.lock().unwrap() {
            return Err(RuleFault {
                code: "E-PLUGIN-RESTING",
                package: call.package.id,
                reason: "it failed 5 times in a row".to_owned(),
                hint: "wait".to_owned(),
            });
        }
        let mut facts = self.proposes.lock().unwrap().clone();
        if *self.share.lock().unwrap() {
            let share = format!("share of {}", call.package.version);
            facts.insert("report.share".to_owned(), Scalar::Text(share).into());
        }
        let said = format!("v{} {:?}", call.package.version, call.facts.keys());
        let finding = Finding {
            code: FindingCode::Informative,
            rule: "XX-01".to_owned(),
            severity: match *self.strict.lock().unwrap() {
                true => Severity::Error,
                false => Severity::Info,
            },
            message: Text::new(said.clone(), said),
            facts: Vec::new(),
            options: Vec::new(),
        };
        Ok(Verdict {
            hook: call.hook,
            input: format!(
                "{} {} {:?} {}",
                call.today,
                call.transition,
                call.facts,
                call.calendar.version()
            ),
            package: call.package,
            fuel: 7,
            answer: Answer {
                findings: match *self.silent.lock().unwrap() {
                    true => Vec::new(),
                    false => vec![finding],
                },
                facts,
                ..Answer::default()
            },
            arguments: BTreeMap::default(),
            next: None,
        })
    }

    fn hooks(&self, _: &PackagePin) -> Option<Vec<Hook>> {
        Some(vec![Hook::Cap])
    }

    fn knows(&self, package: &PackagePin) -> bool {
        self.known.lock().unwrap().contains(package)
    }

    fn rules(&self, _: &PackagePin) -> Vec<String> {
        vec!["XX-01".to_owned(), "XX-02".to_owned()]
    }

    async fn learn(&self, manifest: String, _: Vec<u8>) -> Result<PackagePin, RuleFault> {
        let pin = pin(&manifest);
        self.known.lock().unwrap().insert(pin.clone());
        Ok(pin)
    }

    async fn migrate(&self, call: MigrateCall) -> Result<Migration, RuleFault> {
        let note = format!("carried over from {}", call.from_version);
        let note = FactValue::One(Scalar::Text(note));
        Ok(Migration {
            set: BTreeMap::from([("report.note".to_owned(), note)]),
            drop: self.drops.lock().unwrap().clone(),
            ..Migration::default()
        })
    }
}

pub struct World {
    pub engine: Engine,
    pub rules: Arc<Rules>,
}

/// What a release of the program brings along.
pub fn built_in(overlay: String) -> (StoredPackage, Entry) {
    let stored = StoredPackage {
        pin: pin("1.0.0"),
        manifest: "1.0.0".to_owned(),
        overlay: Some(overlay.clone()),
        signed_by: None,
    };
    let base = Source {
        name: "base",
        text: BASE,
    };
    let over = Source {
        name: "overlay",
        text: &overlay,
    };
    let entry = Entry {
        definition: Arc::new(Definition::load(base, Some(over)).unwrap()),
        document: Some(stored.digest().unwrap()),
        package: Some(pin("1.0.0")),
        sources: Sources {
            base: BASE.to_owned(),
            overlay: Some(overlay),
        },
    };
    (stored, entry)
}

impl World {
    pub fn on(store: Arc<MemoryStore>) -> Self {
        Self::with(store, None)
    }

    /// A start of a release that brings a package along.
    pub async fn release(store: &Arc<MemoryStore>, overlay: String) -> Self {
        let (stored, entry) = built_in(overlay);
        let world = Self::with(store.clone(), Some(entry));
        world.rules.known.lock().unwrap().insert(pin("1.0.0"));
        let engine = &world.engine;
        engine.library.keep_in(&*engine.store).await.unwrap();
        keep(&*engine.store, &stored, b"1.0.0").await.unwrap();
        engine.refresh_packages().await.unwrap();
        world
    }

    pub fn with(store: Arc<MemoryStore>, package: Option<Entry>) -> Self {
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
        let rules = Arc::new(Rules::default());
        let start = Instant::at("2023-03-01".parse().unwrap(), NaiveTime::MIN);
        let calendar = Arc::new(Calendar::national().unwrap().clone());
        let engine = Engine {
            store,
            rules: rules.clone(),
            mailer: Arc::new(RecordingMailer::default()),
            clock: Arc::new(SimulatedClock::new(start)),
            library: Arc::new(Library::new(
                calendar,
                [(String::new(), national)]
                    .into_iter()
                    .chain(package.map(|entry| ("example".to_owned(), entry)))
                    .collect(),
            )),
            cache: Arc::default(),
            wake: Arc::new(tokio::sync::Notify::new()),
            figures: Arc::default(),
            mail_domain: "test.example".into(),
        };
        Self { engine, rules }
    }

    pub async fn install(&self, version: &str, overlay: String) {
        let files = PackageFiles {
            manifest: version.to_owned(),
            overlay: Some(overlay),
            component: version.as_bytes().to_vec(),
            signed_by: None,
        };
        let candidate = self.engine.examine_package(files).await.unwrap();
        let installed = self
            .engine
            .install_package(&actor(), candidate, "试用")
            .await;
        assert_eq!(installed.unwrap(), pin(version));
    }

    pub async fn open(&self, code: &str) -> ProjectId {
        let create = Create {
            code: code.to_owned(),
            name: "项目".to_owned(),
            province: "example".to_owned(),
            facts: BTreeMap::from([("survey.started".to_owned(), json!("2023-03-01"))]),
            contacts: BTreeMap::new(),
        };
        self.engine.create(&actor(), create, None).await.unwrap().id
    }

    pub async fn fire(
        &self,
        id: ProjectId,
        event: &str,
        facts: Json,
        waive: Option<&str>,
    ) -> Result<(), CommandError> {
        let command = FireEvent {
            event: event.to_owned(),
            facts: serde_json::from_value(facts).unwrap(),
            expected_version: None,
            waive: waive.map(str::to_owned),
        };
        self.engine
            .fire(&actor(), id, command, None)
            .await
            .map(drop)
    }

    /// Brings a project to where its budget is confirmed, which asks the component.
    pub async fn to_budget(&self, id: ProjectId) {
        self.fire(
            id,
            "finish-survey",
            json!({"survey.finished": "2023-03-01"}),
            None,
        )
        .await
        .unwrap();
        self.fire(
            id,
            "approve-plan",
            json!({"plan.approved": "2023-03-01"}),
            None,
        )
        .await
        .unwrap();
    }

    pub async fn confirm(&self, id: ProjectId, waive: Option<&str>) -> Result<(), CommandError> {
        let facts = json!({"budget.total": "1000.00", "budget.confirmed": "2023-03-01"});
        self.fire(id, "confirm-budget", facts, waive).await
    }

    pub async fn project(&self, id: ProjectId) -> Project {
        let row = self.engine.store.load(id).await.unwrap().unwrap();
        serde_json::from_str(&row.state).unwrap()
    }

    pub async fn sound(&self) {
        let found = verify(&*self.engine.store).await.unwrap();
        assert!(found.iter().all(|p| p.problems.is_empty()), "{found:?}");
    }
}

pub fn actor() -> Actor {
    Actor {
        name: "wang".to_owned(),
        roles: ["*".to_owned()].into(),
    }
}

pub fn due(project: &Project) -> Option<String> {
    project
        .obligations
        .get("town-report")?
        .due
        .map(|d| d.to_string())
}
