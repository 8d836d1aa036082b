//! Laying a province's overlay over a definition.

use std::collections::BTreeMap;

use super::{
    DefinitionDoc, OverlayDoc, Source, SourceError, TrancheDoc,
    statute::{self, Strictness},
};
use crate::{
    deadline::Period,
    fact::{FactValue, Row, Scalar},
    verdict::Parameter,
};

/// Lays the overlay over the definition.
///
/// # Errors
/// Names that exist already, periods that loosen the definition's, an overlay for another definition.
pub(super) fn merge(
    mut doc: DefinitionDoc,
    over: OverlayDoc,
    source: Source<'_>,
) -> Result<DefinitionDoc, Vec<SourceError>> {
    let mut problems = Vec::new();
    let mut problem = |code, needle: &str, message: String, hint: &str| {
        let quoted = format!("\"{needle}\"");
        let offset = source
            .text
            .find(&quoted)
            .or_else(|| source.text.find(needle));
        problems.push(SourceError {
            place: source.place(offset.unwrap_or(0)),
            code,
            message,
            hint: hint.to_owned(),
        });
    };
    if over.extends != doc.id {
        let message = format!(
            "extends {:?}, but the definition is {:?}",
            over.extends, doc.id
        );
        problem(
            "E-OVERLAY-BASE",
            &over.extends,
            message,
            "lay it over the definition it names",
        );
    }
    for tighten in &over.tighten {
        let Some(target) = doc
            .obligations
            .iter_mut()
            .find(|o| o.id == tighten.obligation)
        else {
            let message = format!("unknown obligation {:?}", tighten.obligation);
            problem(
                "E-OBLIGATION-UNKNOWN",
                &tighten.obligation,
                message,
                "name one of the definition",
            );
            continue;
        };
        if !target.period.is_some_and(|p| is_tighter(tighten.period, p)) {
            let message = format!(
                "{} for {} is looser than {} of {}",
                tighten.period,
                target.id,
                target.period.map(|p| p.to_string()).unwrap_or_default(),
                target.basis.citation(),
            );
            problem(
                "E-LOOSER-THAN-LAW",
                &tighten.obligation,
                message,
                "a province may tighten a statutory limit, never loosen it",
            );
            continue;
        }
        target.period = Some(tighten.period);
        target.rule.clone_from(&tighten.rule);
        target.basis = tighten.basis.clone();
    }
    let known: Vec<String> = doc.obligations.iter().map(|o| o.id.clone()).collect();
    for obligation in over.obligations.iter().filter(|o| known.contains(&o.id)) {
        let message = format!(
            "the definition has an obligation {:?} already",
            obligation.id
        );
        problem(
            "E-ID-TWICE",
            &obligation.id,
            message,
            "choose another id, or use [[tighten]]",
        );
    }
    let fill = |text: &mut String| {
        if text.is_empty() {
            text.clone_from(&over.source);
        }
    };
    let mut obligations = over.obligations;
    obligations
        .iter_mut()
        .for_each(|o| fill(&mut o.basis.source));
    doc.obligations.extend(obligations);
    let mut recurring = over.recurring;
    recurring.iter_mut().for_each(|r| fill(&mut r.basis.source));
    doc.recurring.extend(recurring);
    extend(&mut doc.roles, over.roles);
    extend(&mut doc.facts, over.facts);
    extend(&mut doc.ladders, over.ladders);
    extend(&mut doc.parameters, over.parameters);
    doc.tranches.extend(over.tranches);
    doc.notices.extend(over.notices);
    doc.feasibility.extend(over.feasibility);
    if problems.is_empty() {
        Ok(doc)
    } else {
        Err(problems)
    }
}

/// What the definition says stays; an overlay adds.
fn extend<V>(base: &mut BTreeMap<String, V>, more: BTreeMap<String, V>) {
    for (key, value) in more {
        base.entry(key).or_insert(value);
    }
}

/// Is the first period certainly at least as strict as the second?
fn is_tighter(new: Period, old: Period) -> bool {
    matches!(statute::compare(new, old), Strictness::Holds)
}

/// The tranche table as the component reads it.
pub(super) fn tranche_parameter(tranches: &[TrancheDoc]) -> Option<Parameter> {
    let rows: Vec<Row> = tranches
        .iter()
        .map(|t| {
            Row::from([
                ("no".to_owned(), Scalar::Int(i64::from(t.no))),
                (
                    "percent".to_owned(),
                    Scalar::Percent(t.percent.parse().unwrap_or_default()),
                ),
                ("remainder".to_owned(), Scalar::Bool(t.remainder)),
                ("obligation".to_owned(), Scalar::Text(t.obligation.clone())),
                ("rule".to_owned(), Scalar::Text(t.rule.clone())),
            ])
        })
        .collect();
    let rule = tranches.first()?.rule.clone();
    Some(Parameter {
        key: "tranches".to_owned(),
        value: FactValue::Rows(rows),
        rule,
    })
}
