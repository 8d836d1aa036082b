//! What the projects of a test go by: definitions, calendars, and commands that make sense for them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use chrono::{Days, NaiveDate};
use liucheng_engine::{
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
};
use liucheng_model::{
    calendar::{Calendar, CalendarLayer},
    decide,
    definition::{Definition, Source},
    project::Project,
    verdict::PackagePin,
};
use serde_json::{Value as Json, json};

use crate::{Failed, random::Random};

/// The real definition.
const NATIONAL: &str = include_str!("../../../workflows/social-work-station.toml");
/// The real overlays.
const TIANJIN: &str = include_str!("../../../plugins/tianjin/overlay.toml");
const YUANZHOU: &str = include_str!("../../../plugins/ningxia-yuanzhou/overlay.toml");
/// A definition that is quick to decide.
const SMALL: &str = include_str!("small.toml");

/// Which law the projects of a test go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// The small definition of these tests.
    Small,
    /// The real one, without a province.
    National,
    /// The real one with the overlay of Tianjin.
    Tianjin,
    /// The real one with the overlay of Yuanzhou.
    Yuanzhou,
}

impl Law {
    /// The province's name in commands; empty for none.
    #[must_use]
    pub fn province(self) -> &'static str {
        match self {
            Self::Small | Self::National => "",
            Self::Tianjin => "tianjin",
            Self::Yuanzhou => "ningxia-yuanzhou",
        }
    }

    fn sources(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Small => (SMALL, None),
            Self::National => (NATIONAL, None),
            Self::Tianjin => (NATIONAL, Some(TIANJIN)),
            Self::Yuanzhou => (NATIONAL, Some(YUANZHOU)),
        }
    }

    /// What new projects go by.
    ///
    /// # Errors
    /// When the definition does not load.
    pub fn entry(self) -> Result<Entry, Failed> {
        let (base, overlay) = self.sources();
        let source = |text| Source {
            name: "source",
            text,
        };
        let definition = Definition::load(source(base), overlay.map(source));
        let definition = definition.map_err(|errors| Failed(format!("{errors:#?}")))?;
        let package = (!self.province().is_empty()).then(|| PackagePin {
            id: self.province().to_owned(),
            version: "1.0.0".to_owned(),
            component: "c0".repeat(32),
        });
        Ok(Entry {
            definition: Arc::new(definition),
            sources: Sources {
                base: base.to_owned(),
                overlay: overlay.map(str::to_owned),
            },
            package,
            document: None,
        })
    }
}

/// The national calendar, with as many further holidays as its edition says: a notice that comes late.
///
/// # Errors
/// When the calendar does not load.
pub fn calendar(edition: u32) -> Result<Arc<Calendar>, Failed> {
    let national = Calendar::national().map_err(|e| Failed(e.to_string()))?;
    if edition == 0 {
        return Ok(Arc::new(national.clone()));
    }
    let mut layer = format!(
        "schema = 1\nid = \"p\"\nversion = \"{edition}\"\nlayer = \"province\"\nextends = \"cn\"\n"
    );
    for day in 0..edition.min(20) {
        let date = NaiveDate::from_ymd_opt(2026, 3, 2)
            .and_then(|d| d.checked_add_days(Days::new(u64::from(day) * 14)));
        let date = date.unwrap_or_default();
        layer.push_str(&format!(
            "[[day]]\ndate = \"{date}\"\nkind = \"holiday\"\nname = \"地方节日\"\nsource = \"通知\"\n"
        ));
    }
    let layer = CalendarLayer::parse(&layer).map_err(|e| Failed(e.to_string()))?;
    let calendar = national.with_layer(&layer);
    Ok(Arc::new(calendar.map_err(|e| Failed(e.to_string()))?))
}

/// A library of one law and one edition of the calendar.
///
/// # Errors
/// When the calendar does not load.
pub fn library(law: Law, entry: &Entry, edition: u32) -> Result<Arc<Library>, Failed> {
    let entries = BTreeMap::from([(law.province().to_owned(), entry.clone())]);
    Ok(Arc::new(Library::new(calendar(edition)?, entries)))
}

/// The person of a number, who may do everything. Each command has a person of its own, so that its
/// records are found in the history.
#[must_use]
pub fn person(number: usize) -> Actor {
    Actor {
        name: format!("person {number}"),
        roles: BTreeSet::from(["*".to_owned()]),
    }
}

/// The opening of a project with two recipients of mail.
#[must_use]
pub fn opening(law: Law, code: &str) -> Create {
    let address = |name: &str| vec![format!("{name}@{code}.example")];
    Create {
        code: code.to_owned(),
        name: "社工站项目".to_owned(),
        province: law.province().to_owned(),
        facts: BTreeMap::new(),
        contacts: BTreeMap::from([
            ("officer".to_owned(), address("officer")),
            (
                "supervisor".to_owned(),
                [address("supervisor"), address("officer")].concat(),
            ),
        ]),
    }
}

/// Something to do with a project as it stands: mostly sensible, sometimes not.
pub fn command(
    definition: &Definition,
    project: &Project,
    today: NaiveDate,
    random: &mut Random,
) -> FireEvent {
    let possible = decide::possible(definition, project);
    let all: Vec<String> = definition
        .doc
        .transitions
        .iter()
        .map(|t| t.event().to_owned())
        .collect();
    // What leads on is wanted more often than what merely records.
    let onward: Vec<String> = possible
        .iter()
        .filter(|e| *e != "record-facts")
        .cloned()
        .collect();
    let list = match random.below(20) {
        0 => &all,
        1..=4 => &possible,
        _ => &onward,
    };
    let event = random
        .pick(list)
        .cloned()
        .unwrap_or_else(|| "record-facts".to_owned());
    let mut facts = BTreeMap::new();
    let transitions = definition
        .doc
        .transitions
        .iter()
        .filter(|t| t.event() == event);
    for transition in transitions {
        let records = transition.records.iter().filter(|_| random.chance(700));
        let records: Vec<&String> = records.collect();
        for key in transition.requires.iter().chain(records) {
            facts.insert(key.clone(), value(definition, key, today, random));
        }
    }
    if random.chance(20) {
        facts.insert("no.such_fact".to_owned(), json!(1));
    }
    FireEvent {
        event,
        facts,
        expected_version: None,
        waive: None,
    }
}

/// A value of the fact's type near the present, mostly good.
fn value(definition: &Definition, key: &str, today: NaiveDate, random: &mut Random) -> Json {
    let ago = |days| (today.checked_sub_days(Days::new(days)).unwrap_or(today)).to_string();
    let kind = definition
        .doc
        .facts
        .get(key)
        .map(|f| serde_json::to_value(&f.kind));
    let Some(Ok(kind)) = kind else {
        return Json::Null;
    };
    if random.chance(30) {
        return random
            .pick(&[
                Json::Null,
                json!(""),
                json!(-1),
                json!("2026-02-30"),
                json!([]),
            ])
            .cloned()
            .unwrap_or_default();
    }
    match kind.as_str() {
        Some("date") if key == "contract.expiry" => today
            .checked_add_days(Days::new(365))
            .unwrap_or(today)
            .to_string()
            .into(),
        Some("date" | "dates") => json!(ago(random.below(20))),
        Some("money") => json!((random.below(10_000) * 100).to_string()),
        Some("percent") => json!(random.below(101).to_string()),
        Some("int") => json!(random.below(4)),
        Some("bool") => json!(random.chance(500)),
        Some("text") if key == "report.period" => json!(today.format("%Y-%m").to_string()),
        Some("text") if key == "report.kind" => json!("report-monthly"),
        Some("text") => json!("text"),
        _ => match kind.get("enum").and_then(Json::as_array) {
            Some(values) => random.pick(values).cloned().unwrap_or_default(),
            None if kind.get("record").is_some() => json!({}),
            None => json!([]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_law_loads() {
        for law in [Law::Small, Law::National, Law::Tianjin, Law::Yuanzhou] {
            assert!(law.entry().is_ok(), "{law:?}");
        }
        let version = |edition| calendar(edition).map(|c| c.version().to_owned());
        assert!(version(0).is_ok());
        assert_ne!(version(0).ok(), version(1).ok());
        assert_ne!(version(1).ok(), version(2).ok());
    }
}
