//! What a file leaves to be understood: a basis that is the clause of its rule, and the facts that hold
//! decisions.
//!
//! Done right after reading, so that everything after it sees a complete document.

use std::collections::BTreeMap;

use super::{doc::*, overlay::*};
use crate::{
    fact::{FactType, ScalarType},
    text::Text,
};

/// Completes a definition.
pub(super) fn definition(doc: &mut DefinitionDoc) {
    let clauses = std::mem::take(&mut doc.clauses);
    let known = Clauses::of(&clauses);
    known.fill_obligations(&mut doc.obligations);
    known.fill_recurring(&mut doc.recurring);
    doc.clauses = clauses;
    declare(&doc.issues, &mut doc.facts);
}

/// Completes an overlay.
pub(super) fn overlay(doc: &mut OverlayDoc) {
    let clauses = std::mem::take(&mut doc.clauses);
    let known = Clauses::of(&clauses);
    known.fill_obligations(&mut doc.obligations);
    known.fill_recurring(&mut doc.recurring);
    for tighten in &mut doc.tighten {
        known.fill(&tighten.rule, &mut tighten.basis);
    }
    doc.clauses = clauses;
    declare(&doc.issues, &mut doc.facts);
}

struct Clauses<'c>(BTreeMap<&'c str, &'c ClauseDoc>);

impl<'c> Clauses<'c> {
    fn of(clauses: &'c [ClauseDoc]) -> Self {
        Self(clauses.iter().map(|c| (c.id.as_str(), c)).collect())
    }

    fn fill_obligations(&self, obligations: &mut [ObligationDoc]) {
        for obligation in obligations {
            self.fill(&obligation.rule, &mut obligation.basis);
        }
    }

    fn fill_recurring(&self, recurring: &mut [RecurringDoc]) {
        for each in recurring {
            self.fill(&each.rule, &mut each.basis);
        }
    }

    fn fill(&self, rule: &str, basis: &mut Basis) {
        if !basis.text.is_empty() {
            return;
        }
        if let Some(clause) = self.0.get(rule) {
            *basis = Basis {
                source: clause.source.clone(),
                article: clause.article.clone(),
                text: clause.text.clone(),
            };
        }
    }
}

/// A decision is one of the options.
fn declare(issues: &[IssueDoc], facts: &mut BTreeMap<String, FactDoc>) {
    for issue in issues {
        let values = issue.options.iter().map(|option| option.id.clone());
        let fact = FactDoc {
            kind: FactType::Scalar(ScalarType::Enum(values.collect())),
            title: Text::new(
                format!("{} 的决定", issue.id),
                format!("Decision on {}", issue.id),
            ),
            default_from: None,
            transient: false,
            rule: None,
            recorded_by: Vec::new(),
            cleared_by: Vec::new(),
            computed: false,
        };
        facts.insert(issue.fact(), fact);
    }
}
