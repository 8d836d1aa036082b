//! Definitions: the lifecycle and its law as data.
//!
//! A definition file and, for a province, an overlay are read ([`doc`]), laid over each other
//! ([`merge`]) and compiled into a [`Definition`]. [`lint`] finds what is wrong with them.

pub mod coverage;
pub mod doc;
pub mod elements;
mod ladder;
pub mod lint;
mod merge;
pub mod overlay;
mod settle;
pub mod statute;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use thiserror::Error;

pub use doc::*;
pub use ladder::{LadderOffset, parse_ladder_step};
pub use overlay::*;

use crate::{
    fact::{FactError, FactReason, FactType, FactValue, Facts, nearest},
    finding::{Finding, FindingCode, Severity},
    guard::Guard,
    verdict::Parameter,
};

/// A definition ready for use: merged, checked, its guards compiled.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The merged data.
    pub doc: DefinitionDoc,
    /// The province whose overlay was laid over it.
    pub province: Option<String>,
    /// SHA-256 over the sources, lower-case hex.
    pub digest: String,
    /// Every key of the vocabulary.
    pub vocabulary: BTreeSet<String>,
    /// The numbers for the component, with the tranche table among them.
    pub parameters: Arc<BTreeMap<String, Parameter>>,
    guards: BTreeMap<String, Guard>,
    /// The text of the definition without overlays.
    base: Arc<str>,
    /// Facts that are taken from another while absent, and which.
    defaults: Vec<(String, String)>,
    /// Where each obligation stands among its like.
    obligations: BTreeMap<String, usize>,
    /// The same of clauses.
    clauses: BTreeMap<String, usize>,
    /// The same of open points.
    issues: BTreeMap<String, usize>,
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: error[{code}]: {message}")]
pub struct SourceError {
    /// `file:line:column`.
    pub place: String,
    /// The stable code.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

/// A named source text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name used in messages, usually a path.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// The largest definition or overlay, in bytes.
pub const SOURCE_MAX_BYTES: usize = 1_000_000;

impl Source<'_> {
    /// `name:line:column` of a byte offset, both 1-based, columns in characters.
    #[must_use]
    pub fn place(&self, offset: usize) -> String {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!("{}:{line}:{column}", self.name)
    }

    /// Reads the text as one of the documents.
    ///
    /// # Errors
    /// The first place where the text is not TOML or not of the document's shape.
    pub fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, SourceError> {
        let fail = |offset: usize, code, message: String, hint: &str| SourceError {
            place: self.place(offset),
            code,
            message,
            hint: hint.to_owned(),
        };
        if self.text.len() > SOURCE_MAX_BYTES {
            return Err(fail(
                0,
                "E-SOURCE-SIZE",
                "the file is larger than 1 MB".to_owned(),
                "split it",
            ));
        }
        toml::from_str(self.text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            let message = error.message().to_owned();
            let code = if message.starts_with("unknown field") {
                "E-KEY-UNKNOWN"
            } else {
                "E-SOURCE-SHAPE"
            };
            fail(
                offset,
                code,
                message,
                "see docs/definition.md for the keys and their forms",
            )
        })
    }
}

impl Definition {
    /// Reads a definition, with a province's overlay laid over it.
    ///
    /// # Errors
    /// Everything that is wrong with the definition, else with the overlay, in order of place.
    pub fn load(base: Source<'_>, overlay: Option<Source<'_>>) -> Result<Self, Vec<SourceError>> {
        let lint::Checked {
            findings,
            docs,
            guards,
        } = lint::check(base, None);
        let errors = errors(findings);
        let Some((doc, _)) = docs.filter(|_| errors.is_empty()) else {
            return Err(errors);
        };
        let digest = hex(&Sha256::digest(base.text.as_bytes()));
        let national = Self::of(doc, base, (None, digest), guards)?;
        match overlay {
            Some(overlay) => national.with_overlay(overlay),
            None => Ok(national),
        }
    }

    /// This definition with a province's overlay laid over it; what both have in common is shared.
    ///
    /// # Errors
    /// Everything that is wrong with the overlay, in order of place.
    pub fn with_overlay(&self, overlay: Source<'_>) -> Result<Self, Vec<SourceError>> {
        let checked = lint::check_over(&self.doc, self.guards.clone(), overlay);
        let errors = errors(checked.findings);
        let Some(over) = checked.doc.filter(|_| errors.is_empty()) else {
            return Err(errors);
        };
        let mut hasher = Sha256::new();
        hasher.update(self.base.as_bytes());
        hasher.update([0]);
        hasher.update(overlay.text.as_bytes());
        let digest = hex(&hasher.finalize());
        let province = Some(over.id.clone());
        let doc = merge::merge(self.doc.clone(), over, overlay)?;
        let made = Self::of(doc, overlay, (province, digest), checked.guards)?;
        Ok(Self {
            base: Arc::clone(&self.base),
            ..made
        })
    }

    fn of(
        doc: DefinitionDoc,
        source: Source<'_>,
        (province, digest): (Option<String>, String),
        guards: BTreeMap<String, Guard>,
    ) -> Result<Self, Vec<SourceError>> {
        let clauses = doc.clauses.iter().enumerate();
        let issues = doc.issues.iter().enumerate();
        let defaults = doc.facts.iter().filter_map(|(key, field)| {
            let from = field.default_from.clone()?;
            Some((key.clone(), from))
        });
        let obligations = doc.obligations.iter().enumerate();
        Ok(Self {
            base: source.text.into(),
            defaults: defaults.collect(),
            obligations: obligations.map(|(at, o)| (o.id.clone(), at)).collect(),
            clauses: clauses.map(|(at, c)| (c.id.clone(), at)).collect(),
            issues: issues.map(|(at, i)| (i.id.clone(), at)).collect(),
            vocabulary: doc.facts.keys().cloned().collect(),
            parameters: Arc::new(parameters(&doc, source)?),
            doc,
            province,
            digest,
            guards,
        })
    }

    /// The compiled form of a guard of this definition.
    #[must_use]
    pub fn guard(&self, source: &str) -> Option<&Guard> {
        self.guards.get(source)
    }

    /// The region of that name.
    #[must_use]
    pub fn region(&self, id: &str) -> Option<&RegionDoc> {
        self.doc.regions.iter().find(|r| r.id == id)
    }

    /// The obligation of that name.
    #[must_use]
    pub fn obligation(&self, id: &str) -> Option<&ObligationDoc> {
        self.doc.obligations.get(*self.obligations.get(id)?)
    }

    /// The clause of a rule.
    #[must_use]
    pub fn clause(&self, rule: &str) -> Option<&ClauseDoc> {
        self.doc.clauses.get(*self.clauses.get(rule)?)
    }

    /// The open point of that id.
    #[must_use]
    pub fn issue(&self, id: &str) -> Option<&IssueDoc> {
        self.doc.issues.get(*self.issues.get(id)?)
    }

    /// The finding with the options of the open point that it asks about, as a component's has none.
    #[must_use]
    pub fn with_options(&self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        if finding.code == FindingCode::NeedsDecision
            && finding.options.is_empty()
            && let Some(issue) = self.issue(&finding.rule)
        {
            finding.options = issue.choices();
        }
        finding
    }

    /// The recurring obligation of that name.
    #[must_use]
    pub fn recurring(&self, id: &str) -> Option<&RecurringDoc> {
        self.doc.recurring.iter().find(|r| r.id == id)
    }

    /// The ladder of an obligation or recurring obligation, and the role that has to do it.
    #[must_use]
    pub fn reminding(&self, id: &str) -> (Option<&String>, Option<&String>) {
        match (self.obligation(id), self.recurring(id)) {
            (Some(one), _) => (one.ladder.as_ref(), one.responsible.as_ref()),
            (None, Some(each)) => (each.ladder.as_ref(), Some(&each.responsible)),
            (None, None) => (None, None),
        }
    }

    /// Reads one fact from its canonical JSON form.
    ///
    /// # Errors
    /// [`FactError`] for unknown keys and values of another type.
    pub fn parse_fact(&self, key: &str, json: &serde_json::Value) -> Result<FactValue, FactError> {
        let field = self.doc.facts.get(key).ok_or_else(|| FactError {
            place: key.to_owned(),
            reason: FactReason::Unknown {
                near: nearest(key, &self.vocabulary),
            },
        })?;
        field.kind.parse(key, json)
    }

    /// The facts with the defaults that the vocabulary allows, and which keys were defaulted
    /// from which.
    #[must_use]
    pub fn with_defaults<'f>(&self, facts: &'f Facts) -> (Cow<'f, Facts>, Vec<(String, String)>) {
        let mut complete = Cow::Borrowed(facts);
        let mut taken = Vec::new();
        // A default may be taken from a default: contract.signed → contract.start → project.start.
        let mut changed = true;
        while changed {
            changed = false;
            for (key, from) in &self.defaults {
                if complete.contains_key(key) {
                    continue;
                }
                if let Some(value) = complete.get(from).cloned() {
                    complete.to_mut().insert(key.clone(), value);
                    taken.push((key.clone(), from.clone()));
                    changed = true;
                }
            }
        }
        (complete, taken)
    }

    /// Is it a fact that no event records, and that therefore only a component may set?
    #[must_use]
    pub fn is_computed(&self, key: &str) -> bool {
        let recorded = |t: &TransitionDoc| {
            t.requires.iter().chain(&t.records).any(|k| k == key) || t.set.contains_key(key)
        };
        // A decision is a person's.
        self.vocabulary.contains(key)
            && !key.starts_with(DECISION)
            && !self.doc.transitions.iter().any(recorded)
    }

    /// The type of a fact.
    #[must_use]
    pub fn fact_type(&self, key: &str) -> Option<&FactType> {
        self.doc.facts.get(key).map(|f| &f.kind)
    }
}

/// What forbids loading.
fn errors(findings: Vec<lint::LintFinding>) -> Vec<SourceError> {
    let errors = findings.into_iter();
    errors
        .filter(|finding| finding.severity == Severity::Error)
        .map(SourceError::from)
        .collect()
}

fn parameters(
    doc: &DefinitionDoc,
    source: Source<'_>,
) -> Result<BTreeMap<String, Parameter>, Vec<SourceError>> {
    let mut parameters = BTreeMap::new();
    for (key, parameter) in &doc.parameters {
        // The linter has read it before, so this does not fail.
        let value = parameter
            .kind
            .parse(key, &parameter.value)
            .map_err(|error| {
                vec![SourceError {
                    place: source.place(0),
                    code: error.code(),
                    message: error.to_string(),
                    hint: error.hint(),
                }]
            })?;
        let rule = parameter.rule.clone();
        parameters.insert(
            key.clone(),
            Parameter {
                key: key.clone(),
                value,
                rule,
                hooks: parameter.hooks.clone(),
            },
        );
    }
    if let Some(tranches) = merge::tranche_parameter(&doc.tranches) {
        parameters.insert(tranches.key.clone(), tranches);
    }
    Ok(parameters)
}

impl From<lint::LintFinding> for SourceError {
    fn from(finding: lint::LintFinding) -> Self {
        Self {
            place: finding.place,
            code: finding.code,
            message: finding.message,
            hint: finding.hint,
        }
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    // Written with each change, several times: formatting each byte took a fiftieth of a change's time.
    let digits = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(digits[usize::from(byte >> 4)]));
        text.push(char::from(digits[usize::from(byte & 15)]));
    }
    text
}
