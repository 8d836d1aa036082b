//! Finds everything that is wrong with a definition or an overlay, in one run.
//!
//! A mistake in a definition is a mistake in the law as people will live it, so nothing is loaded
//! with an error in it: [`super::Definition::load`] runs the same checks. Every finding names the
//! place in the file, a stable code and what to do.
//!
//! The work is bounded: files are at most 1 MB, and what could grow faster than the file (pairs
//! of transitions, suggestions, findings) has a limit that is reported when it is met.

mod clauses;
mod code;
mod exclusive;
mod facts;
mod guards;
mod keys;
mod names;
mod obligations;
mod overlap;
mod payments;
mod place;
mod read;
mod states;
mod steps;
mod timing;
mod types;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{DefinitionDoc, OverlayDoc, Source};
use crate::{finding::Severity, guard::Guard};

pub use code::{CODES, Code};

use names::{Kind, Names};
use place::{Lines, Spot};
pub(in crate::definition) use read::added;

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LintFinding {
    /// `file:line:column`, both from 1, columns in characters.
    pub place: String,
    /// The stable code, one of [`CODES`].
    pub code: &'static str,
    /// Errors forbid loading; warnings do not.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// The most findings of one run; a file with more is not a definition yet.
pub const FINDINGS_MAX: usize = 1_000;
/// The most names for which a similar one is looked up in one run.
const SUGGESTIONS_MAX: usize = 100;

/// Finds everything that is wrong with a definition and, where given, with an overlay for it.
///
/// The findings are in order of place, those of the definition first.
#[must_use]
pub fn lint(base: Source<'_>, overlay: Option<Source<'_>>) -> Vec<LintFinding> {
    check(base, overlay).findings
}

/// The outcome of all checks.
pub(super) struct Checked {
    /// In order of place.
    pub findings: Vec<LintFinding>,
    /// The documents, where they could be read.
    pub docs: Option<(DefinitionDoc, Option<OverlayDoc>)>,
    /// Every guard of both files, compiled, by its source.
    pub guards: BTreeMap<String, Guard>,
}

/// Reads and checks both files.
pub(super) fn check(base: Source<'_>, overlay: Option<Source<'_>>) -> Checked {
    let mut guards = BTreeMap::new();
    let (file, mut found) = read::definition(base);
    let doc = file.map(|file| {
        let names = Names::new(&file.doc, None);
        Lint::new(base, &file.root, &file.doc, &names).run(None, &mut found, &mut guards);
        file.doc
    });
    let mut findings = found.place_in(base);
    let docs = match (doc, overlay) {
        (Some(doc), Some(over)) => {
            let checked = check_over(&doc, guards, over);
            findings.extend(checked.findings);
            guards = checked.guards;
            checked.doc.map(|over| (doc, Some(over)))
        }
        (None, Some(over)) => {
            findings.extend(read::overlay(over).1.place_in(over));
            None
        }
        (doc, None) => doc.map(|doc| (doc, None)),
    };
    Checked {
        findings,
        docs,
        guards,
    }
}

/// The outcome of checking an overlay alone.
pub(super) struct CheckedOverlay {
    /// In order of place.
    pub findings: Vec<LintFinding>,
    /// The document, where it could be read.
    pub doc: Option<OverlayDoc>,
    /// The guards that were given and those of the overlay, by their sources.
    pub guards: BTreeMap<String, Guard>,
}

/// Reads and checks an overlay for a definition whose guards are compiled.
pub(super) fn check_over(
    base: &DefinitionDoc,
    mut guards: BTreeMap<String, Guard>,
    over: Source<'_>,
) -> CheckedOverlay {
    let (file, mut found) = read::overlay(over);
    let doc = file.map(|file| {
        // The overlay alone in the form of a definition, so that one set of checks serves both.
        let added = read::added(&file.doc);
        let mut names = Names::new(base, Some(&added));
        names.add_steps(base, &file.doc.steps);
        let layer = Layer {
            base,
            overlay: &file.doc,
        };
        Lint::new(over, &file.root, &added, &names).run(Some(layer), &mut found, &mut guards);
        file.doc
    });
    CheckedOverlay {
        findings: found.place_in(over),
        doc,
        guards,
    }
}

/// An overlay and what it is laid over.
#[derive(Clone, Copy)]
struct Layer<'a> {
    base: &'a DefinitionDoc,
    overlay: &'a OverlayDoc,
}

/// One file under examination.
#[derive(Clone, Copy)]
struct Lint<'a> {
    text: &'a str,
    root: Spot<'a>,
    doc: &'a DefinitionDoc,
    names: &'a Names<'a>,
}

impl<'a> Lint<'a> {
    fn new(
        source: Source<'a>,
        root: &'a toml::de::DeTable<'a>,
        doc: &'a DefinitionDoc,
        names: &'a Names<'a>,
    ) -> Self {
        Self {
            text: source.text,
            root: Spot::root(root),
            doc,
            names,
        }
    }

    fn run(
        self,
        layer: Option<Layer<'_>>,
        found: &mut Found,
        guards: &mut BTreeMap<String, Guard>,
    ) {
        names::check(self, layer, found);
        states::check(self, found);
        facts::check(self, found);
        obligations::check(self, layer, found);
        payments::check(self, layer, found);
        timing::check(self, found);
        clauses::check(self, layer, found);
        steps::check(self, layer, found);
        guards::check(self, layer, found, guards);
        overlap::check(self, found, guards);
    }

    /// Reports the name unless it is known.
    fn require(self, kind: Kind<'_>, name: &str, spot: Spot<'_>, found: &mut Found) {
        if self.names.has(kind, name) {
            return;
        }
        let near = if found.may_suggest() {
            self.names.near(kind, name)
        } else {
            None
        };
        let message = format!("unknown {} {:?}", kind.word(), shorten(name));
        found.add_near(kind.code(), spot.offset(), message, near.as_deref());
    }

    /// The same for every name of a list that stands under `key`.
    fn require_all(self, kind: Kind<'_>, names: &[String], list: Spot<'_>, found: &mut Found) {
        for (i, name) in names.iter().enumerate() {
            self.require(kind, name, list.item(i), found);
        }
    }
}

/// Findings of one file while they are collected.
#[derive(Default)]
struct Found {
    raw: Vec<Raw>,
    left_out: usize,
    suggestions: usize,
}

struct Raw {
    offset: usize,
    code: Code,
    message: String,
    hint: Option<String>,
}

impl Found {
    fn add(&mut self, code: Code, offset: usize, message: String) {
        self.push(Raw {
            offset,
            code,
            message,
            hint: None,
        });
    }

    /// The same with the name that was probably meant.
    fn add_near(&mut self, code: Code, offset: usize, message: String, near: Option<&str>) {
        let hint = near.map(|near| format!("use {near:?}"));
        let near = near.map(|near| format!("; did you mean {near:?}?"));
        self.push(Raw {
            offset,
            code,
            message: message + &near.unwrap_or_default(),
            hint,
        });
    }

    fn push(&mut self, raw: Raw) {
        if self.raw.len() < FINDINGS_MAX {
            self.raw.push(raw);
        } else {
            self.left_out += 1;
        }
    }

    /// Comparing names costs more than anything else here, so it is done for the first ones only.
    fn may_suggest(&mut self) -> bool {
        self.suggestions += 1;
        self.suggestions <= SUGGESTIONS_MAX
    }

    fn place_in(mut self, source: Source<'_>) -> Vec<LintFinding> {
        self.raw.sort_by(|a, b| {
            (a.offset, a.code.name, &a.message).cmp(&(b.offset, b.code.name, &b.message))
        });
        self.raw
            .dedup_by(|a, b| a.offset == b.offset && a.code == b.code && a.message == b.message);
        if self.left_out > 0 {
            self.raw.push(Raw {
                offset: source.text.len(),
                code: code::FINDINGS_MANY,
                message: format!("{} more findings are not listed", self.left_out),
                hint: None,
            });
        }
        let mut lines = Lines::new(source.text);
        let findings = self.raw.into_iter().map(|raw| {
            let (line, column) = lines.place(raw.offset);
            LintFinding {
                place: format!("{}:{line}:{column}", source.name),
                code: raw.code.name,
                severity: raw.code.severity,
                message: raw.message,
                hint: raw.hint.unwrap_or_else(|| raw.code.hint.to_owned()),
            }
        });
        findings.collect()
    }
}

/// A name as far as a message repeats it.
fn shorten(name: &str) -> String {
    shorten_to(name, 80)
}

fn shorten_to(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
