//! Random lives of projects: whatever happens, the state is the fold of the history.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use liucheng_model::{
    calendar::Calendar,
    decide::{self, Context, Fire, Fired, Slots},
    definition::{Definition, Source},
    event::{Event, Opening},
    fact::Facts,
    project::{Pin, Project},
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");
const YUANZHOU: &str = include_str!("../../../plugins/ningxia-yuanzhou/overlay.toml");

/// Every day at half past eight, whatever the expression says.
struct Daily;

impl Slots for Daily {
    fn next(&self, _: &str, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let slot = after.date().and_hms_opt(8, 30, 0)?;
        Some(if slot > after {
            slot
        } else {
            slot + Days::new(1)
        })
    }
}

fn definition() -> Definition {
    let base = Source {
        name: "base",
        text: BASE,
    };
    Definition::load(
        base,
        Some(Source {
            name: "overlay",
            text: YUANZHOU,
        }),
    )
    .unwrap()
}

fn context<'a>(definition: &'a Definition, now: NaiveDateTime) -> Context<'a> {
    Context {
        definition,
        calendar: Calendar::national().unwrap(),
        now,
        slots: &Daily,
    }
}

fn opening(definition: &Definition) -> Opening {
    Opening {
        code: "T-1".to_owned(),
        name: "test".to_owned(),
        definition: Pin {
            id: "d".to_owned(),
            version: "1".to_owned(),
            digest: definition.digest.clone(),
        },
        package: None,
        calendar: "cn".to_owned(),
        contacts: BTreeMap::new(),
        states: decide::initial_states(definition),
    }
}

/// One step of a random life.
#[derive(Debug, Clone)]
enum Move {
    /// The n-th possible event, with values derived from the seed.
    Fire(usize, u64),
    /// Days pass; every timer that falls due fires.
    Wait(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (0..60_usize, any::<u64>()).prop_map(|(n, seed)| Move::Fire(n, seed)),
        1 => (1..60_u64).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..60)
}

/// A value of the fact's type that is near the present, mostly good, sometimes not.
fn value(definition: &Definition, key: &str, today: NaiveDate, seed: u64) -> Json {
    let day = |offset: u64| (today + Days::new(offset % 400)).to_string();
    let past = |offset: u64| (today - Days::new(offset % 400)).to_string();
    let kind = definition.doc.facts[key].kind.clone();
    let kind = serde_json::to_value(kind).unwrap();
    match kind.as_str() {
        Some("date") if key == "contract.expiry" => json!(day(365)),
        Some("date" | "dates") => json!(past(seed % 30)),
        Some("money") => json!((seed % 10_000).to_string()),
        Some("percent") => json!((seed % 101).to_string()),
        Some("int") => json!(seed % 4),
        Some("bool") => json!(seed.is_multiple_of(2)),
        Some("text") if key == "report.period" => json!(today.format("%Y-%m").to_string()),
        Some("text") if key == "report.kind" => json!("report-monthly"),
        Some("text") => json!("text"),
        _ => match kind.get("enum").and_then(Json::as_array) {
            Some(values) => values[usize::try_from(seed).unwrap_or(0) % values.len()].clone(),
            None if kind.get("record").is_some() => json!({}),
            None => json!([]),
        },
    }
}

struct Life<'a> {
    definition: &'a Definition,
    now: NaiveDateTime,
    project: Project,
    history: Vec<Event>,
}

impl Life<'_> {
    fn fire(&mut self, n: usize, seed: u64) {
        let possible = decide::possible(self.definition, &self.project);
        if possible.is_empty() {
            return;
        }
        let event = possible[n % possible.len()].clone();
        let mut facts = BTreeMap::new();
        for transition in self
            .definition
            .doc
            .transitions
            .iter()
            .filter(|t| t.event() == event)
        {
            for key in &transition.requires {
                facts.insert(
                    key.clone(),
                    value(self.definition, key, self.now.date(), seed),
                );
            }
            for key in transition.records.iter().take((seed % 3) as usize) {
                facts.insert(
                    key.clone(),
                    value(self.definition, key, self.now.date(), seed),
                );
            }
        }
        let command = Fire {
            event,
            facts,
            roles: BTreeSet::from(["*".to_owned()]),
            waived: None,
            unanswered: Vec::new(),
        };
        let context = context(self.definition, self.now);
        let before = self.project.clone();
        if decide::needs(context, &self.project, &command).is_ok()
            && let Ok(decision) = decide::fire(context, &self.project, &command, Vec::new())
        {
            self.history.extend(decision.events);
            self.project = decision.project;
        } else {
            assert_eq!(before, self.project, "a refusal changes nothing");
        }
    }

    /// Lets timers fire in order; none may fire early, and none may spin.
    fn wait(&mut self, days: u64) {
        let until = self.now + Days::new(days);
        let mut fired = 0;
        while let Some((key, timer)) = self.earliest().filter(|(_, t)| t.at <= until) {
            assert!(fired < 2_000, "timers spin: {key}");
            fired += 1;
            self.now = self.now.max(timer.at);
            let context = context(self.definition, self.now);
            let stale =
                decide::fire_timer(context, &self.project, &key, timer.at, timer.generation + 1)
                    .unwrap();
            assert_eq!(stale, Fired::Stale, "another generation is a no-op");
            match decide::fire_timer(context, &self.project, &key, timer.at, timer.generation)
                .unwrap()
            {
                Fired::Decided(decision) => {
                    self.history.extend(decision.events);
                    self.project = decision.project;
                    let again = self.project.timers.get(&key);
                    assert!(
                        again.is_none_or(|t| t.generation != timer.generation),
                        "{key} stays armed"
                    );
                }
                // A schedule without anything to do: skip to the end of the wait.
                Fired::Idle { .. } | Fired::Stale | Fired::Early => break,
            }
        }
        self.now = self.now.max(until);
    }

    fn earliest(&self) -> Option<(String, liucheng_model::project::Timer)> {
        let timers = self.project.timers.iter();
        timers
            .min_by_key(|(key, t)| (t.at, (*key).clone()))
            .map(|(k, t)| (k.clone(), *t))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn state_is_the_fold_of_history(moves in moves()) {
        let definition = definition();
        let now = NaiveDate::from_ymd_opt(2021, 7, 5).unwrap().and_time(NaiveTime::MIN);
        let opened = decide::open(context(&definition, now), opening(&definition), Facts::new(), &[]).unwrap();
        let mut life = Life { definition: &definition, now, project: opened.project, history: opened.events };
        for step in moves {
            match step {
                Move::Fire(n, seed) => life.fire(n, seed),
                Move::Wait(days) => life.wait(days),
            }
            // What is stored and read back is the same.
            let stored = serde_json::to_string(&life.project).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Project>(&stored).unwrap(), &life.project);
        }
        let stored = serde_json::to_string(&life.history).unwrap();
        let read: Vec<Event> = serde_json::from_str(&stored).unwrap();
        prop_assert_eq!(Project::fold(&read), Some(life.project.clone()));
        for key in life.project.timers.keys().filter_map(|k| k.strip_prefix("due:")) {
            prop_assert!(life.project.obligations.contains_key(key), "{} has a timer but is not open", key);
        }
        let generations: BTreeSet<u64> = life.project.timers.values().map(|t| t.generation).collect();
        prop_assert_eq!(generations.len(), life.project.timers.len(), "generations are unique");
    }
}
