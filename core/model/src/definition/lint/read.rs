//! Reading a file so that every mistake of its form is found, not only the first.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer},
};

use super::{
    Found, Raw, code,
    keys::{self, Keys},
    place::Spot,
};
use crate::{
    deadline::{Period, PeriodError},
    definition::{SOURCE_MAX_BYTES, Source, doc::*, overlay::*, settle},
};

/// A file that could be read.
pub(super) struct File<'a, D> {
    pub root: DeTable<'a>,
    pub doc: D,
}

/// What was read, and what is wrong with its form.
type Reading<'a, D> = (Option<File<'a, D>>, Found);

/// The most mistakes of TOML itself that are listed: after the first few they are echoes.
const SYNTAX_MAX: usize = 20;

/// Reads a definition.
pub(super) fn definition(source: Source<'_>) -> Reading<'_, DefinitionDoc> {
    let (mut file, found) = read(source, keys::DEFINITION, |root| {
        let mut probe = Probe::new(root);
        probe.tables::<RoleDoc>("roles");
        probe.tables::<FactDoc>("facts");
        probe.list::<RegionDoc>("region");
        probe.list::<TransitionDoc>("transition");
        probe.list::<ScheduleDoc>("schedule");
        probe.list::<ExtensionPointDoc>("extension-point");
        probe.shared();
        probe.whole()
    });
    if let Some(file) = &mut file {
        settle::definition(&mut file.doc);
    }
    (file, found)
}

/// Reads an overlay.
pub(super) fn overlay(source: Source<'_>) -> Reading<'_, OverlayDoc> {
    let (mut file, found) = read(source, keys::OVERLAY, |root| {
        let mut probe = Probe::new(root);
        probe.tables::<RoleDoc>("roles");
        probe.tables::<FactDoc>("facts");
        probe.list::<TightenDoc>("tighten");
        probe.list::<RequireDoc>("require");
        probe.list::<StepDoc>("step");
        probe.shared();
        probe.whole()
    });
    if let Some(file) = &mut file {
        settle::overlay(&mut file.doc);
    }
    (file, found)
}

/// An overlay's own part in the form of a definition.
pub(in crate::definition) fn added(overlay: &OverlayDoc) -> DefinitionDoc {
    DefinitionDoc {
        schema: overlay.schema,
        id: overlay.id.clone(),
        version: String::new(),
        title: overlay.title.clone(),
        calendar: String::new(),
        create_roles: Vec::new(),
        decide_roles: Vec::new(),
        roles: overlay.roles.clone(),
        facts: overlay.facts.clone(),
        regions: Vec::new(),
        transitions: Vec::new(),
        obligations: overlay.obligations.clone(),
        recurring: overlay.recurring.clone(),
        suspensions: Vec::new(),
        tranches: overlay.tranches.clone(),
        notices: overlay.notices.clone(),
        issues: overlay.issues.clone(),
        checks: overlay.checks.clone(),
        feasibility: overlay.feasibility.clone(),
        clauses: overlay.clauses.clone(),
        ladders: overlay.ladders.clone(),
        schedules: Vec::new(),
        extension_points: Vec::new(),
        parameters: overlay.parameters.clone(),
    }
}

fn read<'a, D>(
    source: Source<'a>,
    allowed: Keys,
    probe: impl FnOnce(&DeTable<'a>) -> Result<D, Vec<Error>>,
) -> Reading<'a, D> {
    let mut found = Found::default();
    if source.text.len() > SOURCE_MAX_BYTES {
        found.add(
            code::SOURCE_SIZE,
            0,
            "the file is larger than 1 MB".to_owned(),
        );
        return (None, found);
    }
    let (root, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        for error in errors.iter().take(SYNTAX_MAX) {
            let offset = error.span().map_or(0, |span| span.start);
            found.add(code::SOURCE_SHAPE, offset, first_line(error.message()));
        }
        return (None, found);
    }
    let mut root = root.into_inner();
    keys::check(&mut root, allowed, &mut found);
    match probe(&root) {
        Ok(doc) => (Some(File { root, doc }), found),
        Err(errors) => {
            let places = by_span(&root);
            errors
                .iter()
                .for_each(|error| add_shape(error, &places, &mut found));
            (None, found)
        }
    }
}

/// Reads every table by itself, because serde stops at the first mistake.
struct Probe<'r, 'a> {
    root: &'r DeTable<'a>,
    /// The keys looked at.
    sections: Vec<&'static str>,
    errors: Vec<Error>,
}

impl<'r, 'a> Probe<'r, 'a> {
    fn new(root: &'r DeTable<'a>) -> Self {
        Self {
            root,
            sections: Vec::new(),
            errors: Vec::new(),
        }
    }

    fn shared(&mut self) {
        self.list::<ObligationDoc>("obligation");
        self.list::<RecurringDoc>("recurring");
        self.list::<TrancheDoc>("tranche");
        self.list::<NoticeDoc>("notice");
        self.list::<IssueDoc>("issue");
        self.list::<CheckDoc>("check");
        self.list::<ClauseDoc>("clause");
        self.list::<FeasibilityDoc>("feasibility");
        self.tables::<LadderDoc>("ladder");
        self.tables::<ParameterDoc>("parameter");
    }

    fn list<T: DeserializeOwned>(&mut self, key: &'static str) {
        if let Some(DeValue::Array(items)) = self.root.get(key).map(Spanned::get_ref) {
            self.sections.push(key);
            items.iter().for_each(|item| self.one::<T>(item));
        }
    }

    fn tables<T: DeserializeOwned>(&mut self, key: &'static str) {
        if let Some(DeValue::Table(table)) = self.root.get(key).map(Spanned::get_ref) {
            self.sections.push(key);
            table.values().for_each(|item| self.one::<T>(item));
        }
    }

    fn one<T: DeserializeOwned>(&mut self, item: &Spanned<DeValue<'a>>) {
        if let Err(error) = T::deserialize(ValueDeserializer::from(item.clone())) {
            self.errors.push(error);
        }
    }

    /// serde has the last word.
    fn whole<D: DeserializeOwned>(mut self) -> Result<D, Vec<Error>> {
        let mut table = self.root.clone();
        if !self.errors.is_empty() {
            // What is wrong there is known by now; look at the rest.
            self.sections.iter().for_each(|key| {
                table.remove(*key);
            });
        }
        match D::deserialize(Deserializer::from(Spanned::new(0..0, table))) {
            Ok(doc) if self.errors.is_empty() => Ok(doc),
            Ok(_) => Err(self.errors),
            Err(error) => {
                self.errors.push(error);
                Err(self.errors)
            }
        }
    }
}

/// The key and value at each span.
type BySpan<'t> = BTreeMap<(usize, usize), (&'t str, &'t DeValue<'t>)>;

fn by_span<'t>(root: &'t DeTable<'t>) -> BySpan<'t> {
    let mut places = BySpan::new();
    let mut tables = vec![root];
    while let Some(table) = tables.pop() {
        for (key, value) in table {
            let span = value.span();
            places.insert((span.start, span.end), (key.get_ref(), value.get_ref()));
            match value.get_ref() {
                DeValue::Table(below) => tables.push(below),
                DeValue::Array(items) => {
                    tables.extend(items.iter().filter_map(|item| item.get_ref().as_table()));
                }
                _ => {}
            }
        }
    }
    places
}

/// Reports an error of serde under the code of what stands in its place.
fn add_shape(error: &Error, places: &BySpan<'_>, found: &mut Found) {
    let span = error.span().unwrap_or_default();
    let code = match places.get(&(span.start, span.end)) {
        Some(("roll", _)) => code::ROLL_UNKNOWN,
        Some(("period", value)) => {
            if let Some((text, Err(problem))) =
                value.as_str().map(|text| (text, text.parse::<Period>()))
            {
                return add_period(text, &problem, span.start, found);
            }
            code::OBLIGATION_SHAPE
        }
        _ => code::SOURCE_SHAPE,
    };
    found.add(code, span.start, first_line(error.message()));
}

/// A period that cannot be read: what is wrong, where, and what to write instead.
fn add_period(period: &str, problem: &PeriodError, start: usize, found: &mut Found) {
    let before = period.chars().take(problem.column() - 1);
    let further = 1 + before.map(char::len_utf8).sum::<usize>();
    // The column is that within the period; the place says it within the file.
    let text = problem.to_string();
    let message = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, said)| said);
    found.push(Raw {
        offset: start + further,
        code: code::OBLIGATION_SHAPE,
        message: first_line(message),
        hint: Some(problem.hint().to_owned()),
    });
}

fn first_line(text: &str) -> String {
    super::shorten_to(text.lines().next().unwrap_or_default(), 300)
}

/// The offset into the file of a byte of a text value, where the text is written plainly.
///
/// With escapes in it, the beginning of the value has to do.
pub(super) fn inside(source: &str, value: Spot<'_>, bytes: usize) -> usize {
    let raw = source.get(value.range()).unwrap_or_default();
    let quotes = ["\"\"\"", "'''", "\"", "'"]
        .into_iter()
        .find(|quotes| raw.starts_with(quotes));
    let Some(quotes) = quotes.filter(|quotes| quotes.starts_with('\'') || !raw.contains('\\'))
    else {
        return value.offset();
    };
    // A line break right after three quotes is not part of the text.
    let after = raw.get(quotes.len()..).unwrap_or_default();
    let skipped = match quotes.len() {
        3 if after.starts_with("\r\n") => 2,
        3 if after.starts_with('\n') => 1,
        _ => 0,
    };
    value.further(quotes.len() + skipped + bytes).offset()
}
