//! Checking everything that is kept: histories, effects, epochs, documents.
//!
//! The pieces come in one after the other, from a store or from a bundle, and never more than one
//! project's at a time is held.

use std::{collections::BTreeMap, sync::Arc};

use liucheng_model::definition::{Definition, Source, hex};
use serde::Serialize;
use sha2::{Digest, Sha256};

pub use super::problem::ProjectCheck;
use super::{
    epoch::{self, EpochError},
    journal,
    problem::{Code, Problem},
    project::{Open, Surroundings},
    registry::Registry,
    walk::{Counts, Item, Sink, Unreadable, walk},
};
use crate::{
    error::CommandError,
    library::{DEFINITION, Sources},
    ports::{Epoch, Instant, JOURNAL, KeptDocument, Leaf, REGISTRY, RecordRow, Store},
    record::GENESIS,
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

/// An epoch whose leaves are coming in.
struct Sealed {
    epoch: Epoch,
    leaves: Vec<Leaf>,
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
            // What is no bundle has no last line either.
            None if self.report.counts == Counts::default() && !self.report.problems.is_empty() => {
            }
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

    fn head_problems(&mut self) {
        let last = self.previous.as_ref().map_or(0, |epoch| epoch.number);
        let anchored = self.options.anchors.iter().map(|anchor| anchor.number);
        let beyond: Vec<u64> = anchored.filter(|number| *number > last).collect();
        for number in beyond {
            let text = format!("it was noted elsewhere, but the epochs end at {last}");
            self.bad(Problem::new(Code::Anchor, text).of_epoch(number));
        }
        let signed = self.previous.as_ref().is_some_and(Epoch::is_signed);
        if !self.options.keys.is_empty() && !signed {
            self.bad(Problem::new(Code::Signature, "the last epoch is not signed").of_epoch(last));
        }
    }

    fn epoch(&mut self, epoch: Epoch) {
        self.close_epoch();
        let number = epoch.number;
        let expected = Epoch::number_after(self.previous.as_ref());
        let mut found = Vec::new();
        if number != expected {
            found.push((
                Code::EpochMissing,
                format!("epoch {expected} should come here"),
            ));
        } else if epoch.previous != self.previous.as_ref().map_or(GENESIS, |p| p.hash.as_str()) {
            found.push((
                Code::EpochChain,
                "it does not continue the one before".to_owned(),
            ));
        }
        match epoch.check() {
            Err(error @ EpochError::Hash) => found.push((Code::EpochHash, error.to_string())),
            Err(error @ EpochError::Signature) => found.push((Code::Signature, error.to_string())),
            Ok(()) => {}
        }
        let keys = &self.options.keys;
        if epoch.is_signed() && !keys.is_empty() && !keys.contains(&epoch.key) {
            found.push((
                Code::Signature,
                format!("it is signed by another key, {}", epoch.key),
            ));
        }
        let anchors = self.options.anchors.iter();
        for anchor in anchors.filter(|anchor| anchor.number == number) {
            if anchor.hash != epoch.hash {
                found.push((
                    Code::Anchor,
                    "it is not the one that was noted elsewhere".to_owned(),
                ));
            }
        }
        for (code, text) in found {
            self.bad(Problem::new(code, text).of_epoch(number));
        }
        self.report.signed += u64::from(epoch.is_signed());
        self.sealing = Some(Sealed {
            epoch: epoch.clone(),
            leaves: Vec::new(),
        });
        self.previous = Some(epoch);
    }

    fn leaf(&mut self, leaf: Leaf) {
        if leaf.project == REGISTRY {
            self.registries.insert(leaf.epoch, leaf.clone());
        } else if leaf.project == JOURNAL {
            self.journal.leaf(leaf.clone());
        } else {
            self.weigh(&leaf, u64::wrapping_add);
        }
        match &mut self.sealing {
            Some(sealed) => sealed.leaves.push(leaf),
            None => self.bad(Problem::new(Code::EpochRoot, "a leaf without an epoch")),
        }
    }

    fn weigh(&mut self, leaf: &Leaf, add: fn(u64, u64) -> u64) {
        let mut hasher = Sha256::new_with_prefix(self.options.secret);
        hasher.update(leaf.project.0.as_bytes());
        hasher.update(leaf.epoch.to_be_bytes());
        hasher.update(leaf.version.to_be_bytes());
        hasher.update(leaf.head.as_bytes());
        let hash = hasher.finalize();
        for (lane, bytes) in self.balance.iter_mut().zip(hash.chunks_exact(8)) {
            let weight = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            *lane = add(*lane, weight);
        }
    }

    fn close_epoch(&mut self) {
        let Some(Sealed { epoch, leaves }) = self.sealing.take() else {
            return;
        };
        let number = epoch.number;
        let text = if leaves.len() as u64 != epoch.leaves {
            format!("it has {} leaves and says {}", leaves.len(), epoch.leaves)
        } else if leaves.iter().any(|leaf| leaf.epoch != number)
            || !leaves.is_sorted_by(|a, b| a.project < b.project)
        {
            "its leaves are out of order".to_owned()
        } else if epoch::root(&leaves).as_ref() != Some(&epoch.root) {
            "its root is not that of its leaves".to_owned()
        } else {
            return;
        };
        self.bad(Problem::new(Code::EpochRoot, text).of_epoch(number));
    }

    fn document(&mut self, document: &KeptDocument) -> Result<(), CommandError> {
        self.documents += 1;
        let digest = if document.kind == DEFINITION {
            self.definition(document)
        } else {
            Some(hex(&Sha256::digest(&document.bytes)))
        };
        if digest.as_ref() != Some(&document.digest) {
            let KeptDocument {
                kind, digest, id, ..
            } = document;
            let text = format!("the {kind} {id:?} is not what its digest {digest} says");
            self.bad(Problem::new(Code::Document, text));
        }
        if let Some(epoch) = document.epoch {
            self.found.entry(epoch).or_default().document(document)?;
        }
        Ok(())
    }

    /// The digest of a definition's sources; keeps what it defines.
    fn definition(&mut self, document: &KeptDocument) -> Option<String> {
        let sources: Sources = serde_json::from_slice(&document.bytes).ok()?;
        let digest = sources.digest();
        let base = Source {
            name: &document.id,
            text: &sources.base,
        };
        let overlay = sources.overlay.as_ref().map(|text| Source {
            name: "overlay",
            text,
        });
        let known = self.options.known.get(&digest).cloned();
        let definition = known.or_else(|| Definition::load(base, overlay).ok().map(Arc::new));
        let named = (&document.id, &document.version);
        if let Some(definition) = &definition
            && named != (&definition.doc.id, &definition.doc.version)
        {
            return None;
        }
        self.definitions.insert(digest.clone(), definition);
        Some(digest)
    }

    /// Whether the documents and tokens are those that were sealed.
    fn registry_problems(&mut self) {
        let sealed = std::mem::take(&mut self.registries);
        let mut found = std::mem::take(&mut self.found);
        for (epoch, leaf) in sealed {
            let registry = found.remove(&epoch).unwrap_or_default();
            if registry.leaf(epoch) != leaf {
                let text = format!(
                    "it sealed {} documents and tokens; the {} that are there are not those",
                    leaf.version,
                    registry.len()
                );
                self.bad(Problem::new(Code::Registry, text).of_epoch(epoch));
            }
        }
        for (epoch, registry) in found {
            let text = format!(
                "{} documents and tokens say that it sealed them",
                registry.len()
            );
            self.bad(Problem::new(Code::Registry, text).of_epoch(epoch));
        }
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
