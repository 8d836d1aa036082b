//! Making epochs, and checking one by itself.

use liucheng_model::definition::hex;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    bytes::unhex_array,
    merkle::{self, Hash},
    sign::is_signed,
};
use crate::{
    ports::{Epoch, Leaf, Seal},
    record::GENESIS,
};

/// Begins what is hashed for an epoch.
const DOMAIN: &[u8] = b"liucheng-epoch-1\n";

/// What is wrong with an epoch by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EpochError {
    /// The hash is not that of its fields.
    #[error("its hash is not that of its fields")]
    Hash,
    /// It names a key that did not sign it, or is signed without naming one.
    #[error("its signature is not that of its key")]
    Signature,
}

/// The bytes of a leaf that are hashed: project (16), version (8, big-endian), head (32).
///
/// `None` if the head is no hash.
#[must_use]
pub fn leaf_hash(leaf: &Leaf) -> Option<Hash> {
    let head: Hash = unhex_array(&leaf.head)?;
    let mut bytes = Vec::with_capacity(56);
    bytes.extend(leaf.project.0.as_bytes());
    bytes.extend(leaf.version.to_be_bytes());
    bytes.extend(head);
    Some(merkle::leaf(&bytes))
}

/// The root over leaves in order of their projects; `None` if a head is no hash.
#[must_use]
pub fn root(leaves: &[Leaf]) -> Option<String> {
    let hashes: Option<Vec<Hash>> = leaves.iter().map(leaf_hash).collect();
    Some(hex(&merkle::root(&hashes?)))
}

impl Epoch {
    /// The number of the epoch after this one, or of the first.
    #[must_use]
    pub fn number_after(previous: Option<&Self>) -> u64 {
        previous.map_or(0, |epoch| epoch.number) + 1
    }

    /// The epoch after another one, over leaves in order of their projects.
    ///
    /// `None` if a leaf's head is no hash.
    #[must_use]
    pub fn next(previous: Option<&Self>, leaves: &[Leaf], seal: &Seal) -> Option<Self> {
        let mut epoch = Self {
            number: Self::number_after(previous),
            // The clock may have been set back; the chain goes forward.
            sealed_at: previous.map_or(seal.at, |epoch| epoch.sealed_at.max(seal.at)),
            leaves: leaves.len() as u64,
            root: root(leaves)?,
            previous: previous.map_or_else(|| GENESIS.to_owned(), |epoch| epoch.hash.clone()),
            hash: String::new(),
            key: seal.signer.as_ref().map(|s| s.public()).unwrap_or_default(),
            signature: String::new(),
        };
        epoch.hash = epoch.header_hash();
        epoch.signature = seal
            .signer
            .as_ref()
            .map(|s| s.sign(&epoch.hash))
            .unwrap_or_default();
        Some(epoch)
    }

    /// SHA-256 of `liucheng-epoch-1`, a newline, and number, time and count (8 bytes each,
    /// big-endian), root, previous hash and key, each as hex and a newline.
    fn header_hash(&self) -> String {
        let hasher = Sha256::new()
            .chain_update(DOMAIN)
            .chain_update(self.number.to_be_bytes())
            .chain_update(self.sealed_at.0.to_be_bytes())
            .chain_update(self.leaves.to_be_bytes());
        let texts = [&self.root, &self.previous, &self.key];
        let hasher = texts.into_iter().fold(hasher, |hasher, text| {
            hasher.chain_update(text.as_bytes()).chain_update(b"\n")
        });
        hex(&hasher.finalize())
    }

    /// Checks hash and signature.
    ///
    /// # Errors
    /// [`EpochError`], the hash first.
    pub fn check(&self) -> Result<(), EpochError> {
        if self.hash != self.header_hash() {
            return Err(EpochError::Hash);
        }
        let unsigned = self.key.is_empty() && self.signature.is_empty();
        if !unsigned && !is_signed(&self.key, &self.hash, &self.signature) {
            return Err(EpochError::Signature);
        }
        Ok(())
    }

    /// Whether it is signed.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        !self.signature.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::{
        audit::Signer,
        ports::{Instant, ProjectId},
    };

    fn leaf(number: u128) -> Leaf {
        Leaf {
            project: ProjectId(Uuid::from_u128(number)),
            epoch: 1,
            version: 3,
            head: "ab".repeat(32),
        }
    }

    #[test]
    fn every_field_counts() {
        let seal = Seal {
            at: Instant(5),
            signer: Some(Arc::new(Signer::new(&[1; 32]))),
            unmarked: false,
        };
        let first = Epoch::next(None, &[leaf(1)], &seal).unwrap();
        assert_eq!(first.check(), Ok(()));
        let epoch = Epoch::next(Some(&first), &[leaf(1), leaf(2)], &seal).unwrap();
        assert_eq!((epoch.number, epoch.leaves), (2, 2));
        assert_eq!(epoch.previous, first.hash);
        assert_eq!(epoch.check(), Ok(()));
        let other = "cd".repeat(32);
        let changes: [fn(&mut Epoch, &str); 7] = [
            |e, _| e.number += 1,
            |e, _| e.sealed_at.0 -= 1,
            |e, _| e.leaves += 1,
            |e, other| other.clone_into(&mut e.root),
            |e, other| other.clone_into(&mut e.previous),
            |e, other| other.clone_into(&mut e.hash),
            |e, other| other.clone_into(&mut e.key),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut bent = epoch.clone();
            change(&mut bent, &other);
            assert_eq!(bent.check(), Err(EpochError::Hash), "change {number}");
        }
        for signature in [String::new(), first.signature.clone(), "00".repeat(64)] {
            let bent = Epoch {
                signature,
                ..epoch.clone()
            };
            assert_eq!(bent.check(), Err(EpochError::Signature));
        }
        // Without key and signature it is another epoch.
        let bare = Epoch {
            key: String::new(),
            signature: String::new(),
            ..epoch
        };
        assert_eq!(bare.check(), Err(EpochError::Hash));
    }

    #[test]
    fn time_does_not_go_back() {
        let seal = |at| Seal {
            at: Instant(at),
            signer: None,
            unmarked: false,
        };
        let first = Epoch::next(None, &[leaf(1)], &seal(9)).unwrap();
        let second = Epoch::next(Some(&first), &[leaf(1)], &seal(5)).unwrap();
        assert_eq!(second.sealed_at, Instant(9));
        assert_eq!(second.check(), Ok(()));
    }
}
