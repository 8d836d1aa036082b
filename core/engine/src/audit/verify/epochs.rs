//! Epochs with their leaves: numbered, chained, signed, and noted elsewhere.

use sha2::{Digest, Sha256};

use super::Verifier;
use crate::{
    audit::{
        epoch::{self, EpochError},
        problem::{Code, Problem},
    },
    ports::{Epoch, JOURNAL, Leaf, REGISTRY},
    record::GENESIS,
};

/// An epoch whose leaves are coming in.
pub(super) struct Sealed {
    epoch: Epoch,
    leaves: Vec<Leaf>,
}

impl Verifier<'_> {
    pub(super) fn epoch(&mut self, epoch: Epoch) {
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

    pub(super) fn leaf(&mut self, leaf: Leaf) {
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

    pub(super) fn weigh(&mut self, leaf: &Leaf, add: fn(u64, u64) -> u64) {
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

    pub(super) fn close_epoch(&mut self) {
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

    /// What was noted elsewhere, and who has to have signed.
    pub(super) fn head_problems(&mut self) {
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
}
