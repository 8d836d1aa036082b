//! Checking everything that is kept: histories, effects, epochs, documents.
//!
//! The pieces come in one after the other, from a store or from a bundle, and never more than one
//! project's at a time is held.

mod documents;
mod epochs;

use std::{collections::BTreeMap, sync::Arc};

use liucheng_model::definition::Definition;
use serde::Serialize;

use self::epochs::Sealed;
pub use super::problem::ProjectCheck;
use super::{
    journal,
    problem::{Code, Problem},
    project::{Open, Surroundings},
    registry::Registry,
    walk::{Counts, Item, Sink, Unreadable, walk},
};
use crate::{
    error::CommandError,
    ports::{Epoch, Instant, Leaf, REGISTRY, RecordRow, Store},
};

/// No more problems of everything as a whole are told.
const PROBLEMS_MAX: usize = 100;

/// How to check.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// When the check is made.
    pub now: Instant,
    /// Epochs that were noted elsewhere: each has to be there.
    pub anchors: Vec<Epoch>,
    /// Public keys (hex) of who may sign; where some are given, the last epoch has to be signed.
    pub keys: Vec<String>,
    /// Random bytes that who made a bundle cannot know.
    pub secret: [u8; 32],
    /// Definitions that are compiled already, by digest.
    pub known: BTreeMap<String, Arc<Definition>>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            now: Instant(i64::MAX),
            anchors: Vec::new(),
            keys: Vec::new(),
            secret: [0; 32],
            known: BTreeMap::new(),
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Report {
    /// How much was checked.
    #[serde(flatten)]
    pub counts: Counts,
    /// How many projects have problems.
    pub bad: u64,
    /// How many projects were changed since they were last sealed.
    pub unsealed: u64,
    /// How many epochs are signed.
    pub signed: u64,
    /// The last epoch.
    pub head: Option<Epoch>,
    /// The first problem: that of the first bad record if there is one.
    pub first: Option<Problem>,
    /// Problems that are no single project's.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.bad == 0 && self.problems.is_empty()
    }
}

/// Checks every project of a store, and the epochs; what is no single project's is told with the
/// first one.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(store: &dyn Store) -> Result<Vec<ProjectCheck>, CommandError> {
    verify_at(store, VerifyOptions::default().now).await
}

/// As [`verify`], with the time it is.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify_at(store: &dyn Store, now: Instant) -> Result<Vec<ProjectCheck>, CommandError> {
    let mut checks = Vec::new();
    let options = VerifyOptions {
        now,
        ..VerifyOptions::default()
    };
    let report = verify_store(store, options, &mut |check| checks.push(check)).await?;
    if !report.problems.is_empty() {
        checks.insert(
            0,
            ProjectCheck {
                id: REGISTRY,
                code: "*".to_owned(),
                records: 0,
                unsealed: false,
                problems: report.problems,
            },
        );
    }
    Ok(checks)
}

/// Checks everything a store keeps; tells each project as it goes.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify_store(
    store: &dyn Store,
    options: VerifyOptions,
    tell: &mut (dyn FnMut(ProjectCheck) + Send),
) -> Result<Report, CommandError> {
    let mut verifier = Verifier::new(options, tell);
    walk(store, &mut verifier).await?;
    Ok(verifier.finish())
}

/// Checks the pieces of a walk.
pub struct Verifier<'a> {
    options: VerifyOptions,
    tell: &'a mut (dyn FnMut(ProjectCheck) + Send),
    report: Report,
    /// What the end of the walk says there was.
    end: Option<Counts>,
    sealing: Option<Sealed>,
    previous: Option<Epoch>,
    /// Leaves seen with epochs minus leaves seen with projects; nobody who does not know the secret can
    /// make different leaves add up to nothing.
    balance: [u64; 4],
    registries: BTreeMap<u64, Leaf>,
    journal: journal::Check,
    found: BTreeMap<u64, Registry>,
    /// Definitions by digest, absent where this program no longer takes one.
    definitions: BTreeMap<String, Option<Arc<Definition>>>,
    documents: u64,
    open: Option<Open>,
    last_project: Option<crate::ports::ProjectId>,
}

impl<'a> Verifier<'a> {
    /// A check that tells each project as it goes.
    pub fn new(options: VerifyOptions, tell: &'a mut (dyn FnMut(ProjectCheck) + Send)) -> Self {
        Self {
            options,
            tell,
            report: Report::default(),
            end: None,
            sealing: None,
            previous: None,
            balance: [0; 4],
            registries: BTreeMap::new(),
            journal: journal::Check::default(),
            found: BTreeMap::new(),
            definitions: BTreeMap::new(),
            documents: 0,
            open: None,
            last_project: None,
        }
    }

    /// Expects no journal: there was none when this was written.
    pub fn without_journal(&mut self) {
        self.journal.absent = true;
    }

    /// Notes a problem that is no single project's.
    pub fn bad(&mut self, problem: Problem) {
        self.first(&problem);
        if self.report.problems.len() < PROBLEMS_MAX {
            self.report.problems.push(problem);
        }
    }

    fn first(&mut self, problem: &Problem) {
        let first = &self.report.first;
        let better = |known: &Problem| known.seq.is_none() && problem.seq.is_some();
        if first.as_ref().is_none_or(better) {
            self.report.first = Some(problem.clone());
        }
    }

    /// Everything came in.
    #[must_use]
    pub fn finish(mut self) -> Report {
        self.close_epoch();
        self.close_project();
        self.registry_problems();
        let problems = std::mem::take(&mut self.journal).finish();
        problems.into_iter().for_each(|problem| self.bad(problem));
        match self.end {
            None => self.bad(Problem::new(
                Code::Bundle,
                "it is cut off: its last line is missing",
            )),
            Some(end) if end != self.report.counts => {
                self.bad(Problem::new(
                    Code::Bundle,
                    "its lines are not as many as its last line says",
                ));
            }
            Some(_) => {}
        }
        if self.balance != [0; 4] && self.report.is_good() {
            let text = "the leaves of the epochs are not those of the projects";
            self.bad(Problem::new(Code::Leaf, text));
        }
        self.head_problems();
        self.report.head = self.previous;
        self.report
    }

    fn record(&mut self, record: &RecordRow) {
        match &mut self.open {
            Some(open) => open.record(record),
            None => self.bad(
                Problem::new(Code::Bundle, "a record without a project").of_record(record.seq),
            ),
        }
    }

    fn close_project(&mut self) {
        let Some(open) = self.open.take() else { return };
        for leaf in open.leaves().to_vec() {
            self.weigh(&leaf, u64::wrapping_sub);
        }
        let changed_at = open.changed_at();
        let kept = open.definition().map(|digest| self.definitions.get(digest));
        let definition = kept.flatten().cloned().flatten();
        let sealed_at = self.previous.as_ref().map(|epoch| epoch.sealed_at);
        let check = open.finish(&Surroundings {
            // The clock may have been set back since; what is kept tells how late it was.
            now: self
                .options
                .now
                .max(changed_at)
                .max(sealed_at.unwrap_or(changed_at)),
            answers_now: match self.options.now {
                // Nobody says what time it is: no answer's time is over.
                Instant(i64::MAX) => Instant(i64::MIN),
                now => now.max(changed_at),
            },
            last_epoch: self.previous.as_ref().map_or(0, |epoch| epoch.number),
            definition: definition.as_deref(),
            // Stores of tests keep no documents.
            definition_missing: self.documents > 0 && kept.is_some_and(|kept| kept.is_none()),
        });
        self.tell(check);
    }

    fn tell(&mut self, check: ProjectCheck) {
        if let Some(problem) = check.problems.first() {
            self.report.bad += 1;
            self.first(&problem.clone());
        }
        self.report.unsealed += u64::from(check.unsealed);
        (self.tell)(check);
    }

    fn unreadable(&mut self, unreadable: Unreadable) {
        let Unreadable {
            project,
            epoch,
            reason,
        } = unreadable;
        let mut problem = Problem::new(Code::Unreadable, reason);
        problem.epoch = epoch;
        let Some(id) = project else {
            return self.bad(problem);
        };
        match &mut self.open {
            Some(open) if open.id() == id => open.note(problem),
            _ => {
                self.close_epoch();
                self.close_project();
                self.tell(ProjectCheck {
                    id,
                    code: id.to_string(),
                    records: 0,
                    unsealed: false,
                    problems: vec![problem.of_project(id)],
                });
            }
        }
    }
}

impl Sink for Verifier<'_> {
    fn take(&mut self, item: Item) -> Result<(), CommandError> {
        self.report.counts.count(&item);
        match item {
            Item::Leaf(leaf) => self.leaf(leaf),
            Item::Record(record) => self.record(&record),
            Item::Epoch(epoch) => self.epoch(epoch),
            Item::Document(document) => self.document(&document)?,
            Item::Token(token) => {
                if let Some(epoch) = token.epoch {
                    self.found.entry(epoch).or_default().token(&token)?;
                }
                self.journal.token(token);
            }
            Item::Journal(record) => {
                self.close_epoch();
                if self.last_project.is_some() {
                    let text = "a record of the journal is out of order";
                    self.bad(Problem::new(Code::Bundle, text));
                }
                self.journal.record(&record);
            }
            Item::Project(dossier) => {
                self.close_epoch();
                self.close_project();
                let id = dossier.id;
                if self.last_project.is_some_and(|last| last >= id) {
                    let text = "projects are out of order";
                    self.bad(Problem::new(Code::Bundle, text).of_project(id));
                }
                self.last_project = Some(id);
                self.open = Some(Open::new(*dossier));
            }
            Item::Unreadable(unreadable) => self.unreadable(unreadable),
            Item::End(counts) => self.end = Some(counts),
        }
        Ok(())
    }
}
