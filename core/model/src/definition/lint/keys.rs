//! Which keys may stand where, and the texts that have to be bilingual.
//!
//! serde stops at the first unknown key; a person wants to see all of them at once. The table
//! here is checked against the documents' types by a test.

use std::borrow::Cow;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Found, code};
use crate::fact::nearest;

/// What stands under a key.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Anything else; serde looks at it.
    Any,
    /// A text in both languages.
    Text,
    /// One table.
    Table(Keys),
    /// A list of tables.
    List(Keys),
    /// A list of texts.
    Texts,
    /// Tables by name.
    Named(Keys),
}

/// The keys of a table.
pub(super) type Keys = &'static [(&'static str, Shape)];

use Shape::{Any, List, Named, Table, Text, Texts};

const BASIS: Keys = &[("source", Any), ("article", Any), ("text", Any)];
const TEXT: Keys = &[("zh", Any), ("en", Any)];

pub(super) const ROLE: Keys = &[("title", Text), ("rule", Any)];
pub(super) const FACT: Keys = &[
    ("type", Any),
    ("title", Text),
    ("default-from", Any),
    ("transient", Any),
    ("rule", Any),
    ("recorded-by", Any),
    ("cleared-by", Any),
    ("computed", Any),
];
pub(super) const STATE: Keys = &[
    ("id", Any),
    ("title", Text),
    ("final", Any),
    ("bounded-by", Any),
    ("open-ended", Text),
];
pub(super) const REGION: Keys = &[
    ("id", Any),
    ("title", Text),
    ("initial", Any),
    ("state", List(STATE)),
];
pub(super) const TRANSITION: Keys = &[
    ("id", Any),
    ("on", Any),
    ("region", Any),
    ("from", Any),
    ("to", Any),
    ("title", Text),
    ("roles", Any),
    ("requires", Any),
    ("records", Any),
    ("guard", Any),
    ("hooks", Any),
    ("clears", Any),
    ("set", Any),
    ("raises", Any),
    ("effect", Any),
];
pub(super) const OBLIGATION: Keys = &[
    ("id", Any),
    ("rule", Any),
    ("title", Text),
    ("force", Any),
    ("basis", Table(BASIS)),
    ("anchor", Any),
    ("after-due-of", Any),
    ("projected-from", Any),
    ("period", Any),
    ("month-day", Any),
    ("date", Any),
    ("roll", Any),
    ("when", Any),
    ("met-by", Any),
    ("met-by-tranche", Any),
    ("responsible", Any),
    ("ladder", Any),
    ("suspended-while", Any),
    ("suspended-from", Any),
    ("suspended-until", Any),
    ("survives-end", Any),
    ("enforce", Any),
    ("confidence", Any),
    ("in-force-from", Any),
];
pub(super) const TIGHTEN: Keys = &[
    ("obligation", Any),
    ("period", Any),
    ("rule", Any),
    ("basis", Table(BASIS)),
];
pub(super) const RECURRING: Keys = &[
    ("id", Any),
    ("rule", Any),
    ("title", Text),
    ("force", Any),
    ("basis", Table(BASIS)),
    ("every", Any),
    ("anchor", Any),
    ("until", Any),
    ("period", Any),
    ("when", Any),
    ("responsible", Any),
    ("to", Texts),
    ("ladder", Any),
];
pub(super) const TRANCHE: Keys = &[
    ("no", Any),
    ("percent", Any),
    ("remainder", Any),
    ("obligation", Any),
    ("rule", Any),
];
pub(super) const NOTICE: Keys = &[
    ("rule", Any),
    ("code", Any),
    ("severity", Any),
    ("when", Any),
    ("message", Text),
    ("facts", Any),
];
pub(super) const SUSPENSION: Keys = &[("from", Any), ("until", Any), ("when", Any)];
pub(super) const FEASIBILITY: Keys = &[
    ("rule", Any),
    ("anchor", Any),
    ("after-due-of", Any),
    ("period", Any),
    ("not-after", Any),
    ("when", Any),
    ("message", Text),
];
const STEP: Keys = &[("at", Any), ("to", Any), ("escalation", Any)];
pub(super) const LADDER: Keys = &[("announce", Any), ("steps", List(STEP))];
pub(super) const SCHEDULE: Keys = &[
    ("id", Any),
    ("title", Text),
    ("cron", Any),
    ("missed", Any),
    ("active-in", Any),
    ("event", Any),
];
pub(super) const CLAUSE: Keys = &[
    ("id", Any),
    ("force", Any),
    ("source", Any),
    ("article", Any),
    ("text", Any),
    ("informative", Text),
];
const OPTION: Keys = &[("id", Any), ("zh", Any), ("en", Any)];
pub(super) const ISSUE: Keys = &[
    ("id", Any),
    ("text", Any),
    ("message", Text),
    ("when", Any),
    ("severity", Any),
    ("facts", Any),
    ("taken", Any),
    ("options", List(OPTION)),
];
pub(super) const CHECK: Keys = &[
    ("id", Any),
    ("rule", Any),
    ("on", Any),
    ("holds", Any),
    ("message", Text),
];
pub(super) const REQUIRE: Keys = &[("transition", Any), ("facts", Any), ("rule", Any)];
pub(super) const PROVINCE_STEP: Keys = &[
    ("id", Any),
    ("rule", Any),
    ("at", Any),
    ("title", Text),
    ("state", Text),
    ("roles", Any),
    ("requires", Any),
    ("records", Any),
    ("guard", Any),
    ("bounded-by", Any),
    ("open-ended", Text),
    ("run", Any),
];
pub(super) const EXTENSION_POINT: Keys = &[
    ("id", Any),
    ("after", Any),
    ("transitions", Any),
    ("title", Text),
];
pub(super) const PARAMETER: Keys = &[("type", Any), ("value", Any), ("rule", Any), ("hooks", Any)];
pub(super) const DEFINITION: Keys = &[
    ("schema", Any),
    ("id", Any),
    ("version", Any),
    ("title", Text),
    ("calendar", Any),
    ("create-roles", Any),
    ("decide-roles", Any),
    ("roles", Named(ROLE)),
    ("facts", Named(FACT)),
    ("region", List(REGION)),
    ("transition", List(TRANSITION)),
    ("obligation", List(OBLIGATION)),
    ("recurring", List(RECURRING)),
    ("suspension", List(SUSPENSION)),
    ("tranche", List(TRANCHE)),
    ("notice", List(NOTICE)),
    ("issue", List(ISSUE)),
    ("check", List(CHECK)),
    ("feasibility", List(FEASIBILITY)),
    ("clause", List(CLAUSE)),
    ("ladder", Named(LADDER)),
    ("schedule", List(SCHEDULE)),
    ("extension-point", List(EXTENSION_POINT)),
    ("parameter", Named(PARAMETER)),
];
pub(super) const OVERLAY: Keys = &[
    ("schema", Any),
    ("id", Any),
    ("extends", Any),
    ("title", Text),
    ("source", Any),
    ("roles", Named(ROLE)),
    ("facts", Named(FACT)),
    ("obligation", List(OBLIGATION)),
    ("tighten", List(TIGHTEN)),
    ("recurring", List(RECURRING)),
    ("tranche", List(TRANCHE)),
    ("notice", List(NOTICE)),
    ("issue", List(ISSUE)),
    ("check", List(CHECK)),
    ("require", List(REQUIRE)),
    ("step", List(PROVINCE_STEP)),
    ("feasibility", List(FEASIBILITY)),
    ("clause", List(CLAUSE)),
    ("ladder", Named(LADDER)),
    ("parameter", Named(PARAMETER)),
];

/// Reports unknown keys and takes them out, so that the rest can be read.
///
/// A key that is spelled like a known one which is absent is read as that one: what it says
/// is then checked in the same run, and nothing is reported as missing because of it.
pub(super) fn check(table: &mut DeTable<'_>, keys: Keys, found: &mut Found) {
    let unknown: Vec<String> = table
        .keys()
        .map(|key| key.get_ref())
        .filter(|key| !keys.iter().any(|(known, _)| known == key))
        .map(|key| key.to_string())
        .collect();
    for name in unknown {
        let Some((key, value)) = table.remove_entry(name.as_str()) else {
            continue;
        };
        let span = key.span();
        let allowed: Vec<String> = keys.iter().map(|(known, _)| (*known).to_owned()).collect();
        let near = if found.may_suggest() {
            nearest(&name, &allowed)
        } else {
            None
        };
        let message = format!("unknown key {:?}", super::shorten(&name));
        found.add_near(code::KEY_UNKNOWN, span.start, message, near.as_deref());
        let meant = keys
            .iter()
            .find(|(known, _)| near.as_deref() == Some(*known));
        if let Some((meant, _)) = meant.filter(|(meant, _)| !table.contains_key(*meant)) {
            table.insert(Spanned::new(span, Cow::Borrowed(*meant)), value);
        }
    }
    for (key, shape) in keys {
        if let Some(value) = table.get_mut(*key) {
            check_value(value, *shape, found);
        }
    }
}

fn check_value(value: &mut Spanned<DeValue<'_>>, shape: Shape, found: &mut Found) {
    let start = value.span().start;
    match (shape, value.get_mut()) {
        (Table(keys), DeValue::Table(table)) => check(table, keys, found),
        (Text, DeValue::Table(table)) => {
            check(table, TEXT, found);
            for language in ["zh", "en"] {
                let text = table
                    .get(language)
                    .map(Spanned::get_ref)
                    .and_then(DeValue::as_str);
                if text.is_some_and(|text| text.trim().is_empty()) {
                    found.add(
                        code::TITLE_MISSING,
                        start,
                        format!("the text in `{language}` is empty"),
                    );
                }
            }
        }
        (List(keys), DeValue::Array(items)) => {
            for item in items.iter_mut() {
                check_value(item, Table(keys), found);
            }
        }
        (Texts, DeValue::Array(items)) => {
            for item in items.iter_mut() {
                check_value(item, Text, found);
            }
        }
        (Named(keys), DeValue::Table(table)) => {
            let names: Vec<String> = table.keys().map(|key| key.get_ref().to_string()).collect();
            for name in names {
                if let Some(value) = table.get_mut(name.as_str()) {
                    check_value(value, Table(keys), found);
                }
            }
        }
        // Another type than expected: serde says so.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;
    use crate::definition::{doc::*, overlay::*};

    fn known_to_serde<T: DeserializeOwned>() -> Vec<String> {
        let error = toml::from_str::<T>("\"?\" = 0")
            .err()
            .map(|e| e.message().to_owned());
        let error = error.unwrap_or_default();
        let (_, list) = error.split_once("expected ").unwrap_or_default();
        list.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_table_has_the_keys_of_the_documents() {
        let pairs = [
            (DEFINITION, known_to_serde::<DefinitionDoc>()),
            (OVERLAY, known_to_serde::<OverlayDoc>()),
            (ROLE, known_to_serde::<RoleDoc>()),
            (FACT, known_to_serde::<FactDoc>()),
            (REGION, known_to_serde::<RegionDoc>()),
            (STATE, known_to_serde::<StateDoc>()),
            (TRANSITION, known_to_serde::<TransitionDoc>()),
            (OBLIGATION, known_to_serde::<ObligationDoc>()),
            (TIGHTEN, known_to_serde::<TightenDoc>()),
            (BASIS, known_to_serde::<Basis>()),
            (RECURRING, known_to_serde::<RecurringDoc>()),
            (TRANCHE, known_to_serde::<TrancheDoc>()),
            (NOTICE, known_to_serde::<NoticeDoc>()),
            (SUSPENSION, known_to_serde::<SuspensionDoc>()),
            (FEASIBILITY, known_to_serde::<FeasibilityDoc>()),
            (LADDER, known_to_serde::<LadderDoc>()),
            (STEP, known_to_serde::<LadderStepDoc>()),
            (SCHEDULE, known_to_serde::<ScheduleDoc>()),
            (EXTENSION_POINT, known_to_serde::<ExtensionPointDoc>()),
            (CLAUSE, known_to_serde::<ClauseDoc>()),
            (ISSUE, known_to_serde::<IssueDoc>()),
            (OPTION, known_to_serde::<IssueOptionDoc>()),
            (CHECK, known_to_serde::<CheckDoc>()),
            (REQUIRE, known_to_serde::<RequireDoc>()),
            (PROVINCE_STEP, known_to_serde::<StepDoc>()),
            (PARAMETER, known_to_serde::<ParameterDoc>()),
            (TEXT, known_to_serde::<crate::text::Text>()),
        ];
        for (keys, expected) in pairs {
            let names: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
            // serde lists one key as "expected `title`", so a list is never empty.
            assert!(!expected.is_empty());
            assert_eq!(names, expected);
        }
    }
}
