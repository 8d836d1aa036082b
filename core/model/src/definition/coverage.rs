//! What implements each rule: the clauses of a file with the elements that name them.

use super::{
    ClauseDoc, IssueDoc, Source,
    elements::elements,
    lint::{self, added},
};

/// A clause and what acts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Covered {
    /// The clause.
    pub clause: ClauseDoc,
    /// Section and name of each element that names it, in the order of the file format; the name is empty
    /// where the element has none.
    pub elements: Vec<(&'static str, String)>,
}

/// The rules and open points of one file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// The document they are taken from.
    pub source: String,
    /// Clauses in the order of the file.
    pub clauses: Vec<Covered>,
    /// Open points in the order of the file.
    pub issues: Vec<IssueDoc>,
}

/// What implements each rule of the overlay, or of the definition where there is none.
///
/// `None` when a file cannot be read; [`lint::lint`] says why.
#[must_use]
pub fn coverage(base: Source<'_>, overlay: Option<Source<'_>>) -> Option<Coverage> {
    let (base, overlay) = lint::check(base, overlay).docs?;
    let doc = overlay.as_ref().map_or(base, added);
    let all = elements(&doc, overlay.as_ref());
    let clauses = doc.clauses.iter().map(|clause| {
        let own = all.iter().filter(|element| element.rule == clause.id);
        Covered {
            clause: clause.clone(),
            elements: own.map(|e| (e.section, e.id.to_owned())).collect(),
        }
    });
    Some(Coverage {
        source: overlay
            .as_ref()
            .map(|o| o.source.clone())
            .unwrap_or_default(),
        clauses: clauses.collect(),
        issues: doc.issues.clone(),
    })
}
