//! Proof of a single record: small, and checked without the database.

use liucheng_model::definition::hex;
use serde::{Deserialize, Serialize};

use super::{
    bytes::unhex_array,
    epoch::leaf_hash,
    merkle::{self, Hash},
};
use crate::{
    Engine,
    error::CommandError,
    ports::{Epoch, Leaf, ProjectId, RecordRow, SEAL_MAX, Store},
    record::{Record, chain},
};

/// The format's name and version.
pub const FORMAT: &str = "liucheng-proof-1";

/// Records read at a time.
const PAGE: u32 = 500;

/// Proof that a record was in a project's history when an epoch was sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// [`FORMAT`].
    pub format: String,
    /// The project.
    pub project: ProjectId,
    /// The record that is proven, and those after it up to the one whose hash was sealed.
    pub records: Vec<RecordRow>,
    /// The project's leaf.
    pub leaf: Leaf,
    /// The leaf's place among the epoch's leaves, from 0.
    pub index: u64,
    /// The siblings from the leaf up to the root, lower-case hex.
    pub path: Vec<String>,
    /// The epoch, perhaps signed.
    pub epoch: Epoch,
    /// The epochs after it up to one that was noted elsewhere: each names the hash of the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Epoch>,
}

/// Makes the proof of a record, with the epochs up to `until` if it is a later one than the record's.
///
/// # Errors
/// [`CommandError::NotFound`] where there is no such project, [`CommandError::RecordNotFound`] where it has
/// no such record, [`CommandError::NotSealed`] where the record is not sealed yet.
pub async fn prove(
    store: &dyn Store,
    project: ProjectId,
    seq: u64,
    until: Option<u64>,
) -> Result<Proof, CommandError> {
    let dossier = store.dossier(project).await?;
    let Some(row) = dossier.row else {
        return Err(CommandError::NotFound(project.to_string()));
    };
    let name = row.code;
    let leaf = dossier.leaves.into_iter().find(|leaf| leaf.version >= seq);
    let mut records = Vec::new();
    let mut after = seq.saturating_sub(1);
    let end = leaf.as_ref().map_or(seq, |leaf| leaf.version);
    while after < end {
        let page = store.history(project, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        records.extend(page.into_iter().filter(|record| record.seq <= end));
    }
    if seq == 0 || records.first().is_none_or(|record| record.seq != seq) {
        if (1..=row.version).contains(&seq) {
            return Err(CommandError::Damaged(format!(
                "{name}: record {seq} is missing"
            )));
        }
        return Err(CommandError::RecordNotFound {
            project: name,
            seq,
            last: row.version,
        });
    }
    let not_sealed = || CommandError::NotSealed(format!("{name}: record {seq}"));
    let leaf = leaf.ok_or_else(not_sealed)?;
    let mut epochs = store.epochs(leaf.epoch.saturating_sub(1), 1).await?;
    let epoch = epochs.pop().filter(|epoch| epoch.number == leaf.epoch);
    let epoch = epoch.ok_or_else(not_sealed)?;
    let leaves = store.epoch_leaves(leaf.epoch, SEAL_MAX + 2).await?;
    let index = leaves
        .iter()
        .position(|other| *other == leaf)
        .ok_or_else(not_sealed)?;
    let hashes: Option<Vec<Hash>> = leaves.iter().map(leaf_hash).collect();
    let path = merkle::path(&hashes.ok_or_else(not_sealed)?, index);
    let mut later: Vec<Epoch> = Vec::new();
    let mut last = epoch.number;
    while until.is_some_and(|until| last < until) {
        let page = store.epochs(last, PAGE).await?;
        let Some(end) = page.last() else { break };
        last = end.number;
        let wanted = |epoch: &Epoch| until.is_some_and(|until| epoch.number <= until);
        later.extend(page.into_iter().filter(wanted));
    }
    Ok(Proof {
        later,
        format: FORMAT.to_owned(),
        project,
        records,
        leaf,
        index: index as u64,
        path: path.iter().map(|hash| hex(hash)).collect(),
        epoch,
    })
}

impl Proof {
    /// Checks the proof by itself; returns the record it proves.
    ///
    /// That the epoch is one of the real ones is for the signature, or for an epoch noted elsewhere, to
    /// say.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<Record, String> {
        if self.format != FORMAT {
            return Err(format!("it is not a {FORMAT}"));
        }
        let mut proven = None;
        let mut head: Option<&RecordRow> = None;
        for row in &self.records {
            let follows =
                head.is_none_or(|before| row.seq == before.seq + 1 && row.prev_hash == before.hash);
            if !follows || row.hash != chain(&row.prev_hash, &row.payload) {
                return Err(format!("record {}: the hash chain is broken", row.seq));
            }
            let record = Record::open(row).map_err(|e| format!("record {}: {e}", row.seq))?;
            if (record.seq, record.at, &record.actor) != (row.seq, row.at, &row.actor) {
                return Err(format!(
                    "record {}: its columns are not those of its payload",
                    row.seq
                ));
            }
            proven.get_or_insert(record);
            head = Some(row);
        }
        let sealed = (self.leaf.project, self.leaf.epoch) == (self.project, self.epoch.number);
        if !sealed
            || head
                .is_none_or(|last| (last.seq, &last.hash) != (self.leaf.version, &self.leaf.head))
        {
            return Err("the leaf is not that of the last record".to_owned());
        }
        self.climb()
            .ok_or("the path does not lead from the leaf to the epoch's root")?;
        let mut before: Option<&Epoch> = None;
        for epoch in self.epochs() {
            let number = epoch.number;
            epoch
                .check()
                .map_err(|error| format!("epoch {number}: {error}"))?;
            let follows = before.is_none_or(|before| {
                (number, &epoch.previous) == (before.number + 1, &before.hash)
            });
            if !follows {
                return Err(format!("epoch {number} does not follow the one before it"));
            }
            before = Some(epoch);
        }
        proven.ok_or_else(|| "it has no record".to_owned())
    }

    /// The record's epoch and those after it, in order.
    pub fn epochs(&self) -> impl Iterator<Item = &Epoch> {
        std::iter::once(&self.epoch).chain(&self.later)
    }

    fn climb(&self) -> Option<()> {
        let path: Option<Vec<Hash>> = self.path.iter().map(|hash| unhex_array(hash)).collect();
        let index = usize::try_from(self.index).ok()?;
        let size = usize::try_from(self.epoch.leaves).ok()?;
        if size > SEAL_MAX as usize + 1 {
            return None;
        }
        let root = merkle::climb(leaf_hash(&self.leaf)?, index, size, &path?)?;
        (hex(&root) == self.epoch.root).then_some(())
    }
}

impl Engine {
    /// Makes the proof of a record of a project that is named by id or by code.
    ///
    /// # Errors
    /// As [`prove`].
    pub async fn prove(
        &self,
        project: &str,
        seq: u64,
        until: Option<u64>,
    ) -> Result<Proof, CommandError> {
        let id = self.find(project).await?;
        prove(&*self.store, id, seq, until).await
    }
}
