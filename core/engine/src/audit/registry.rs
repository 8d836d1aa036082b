//! Documents and tokens as one leaf of an epoch.

use std::collections::BTreeMap;

use liucheng_model::definition::hex;
use sha2::{Digest, Sha256};

use super::merkle::Hash;
use crate::ports::{KeptDocument, KeptToken, Leaf, REGISTRY};

/// Begins what is hashed for a document, for a token, and for all of an epoch.
const DOCUMENT: &[u8] = b"liucheng-document-1\n";
const TOKEN: &[u8] = b"liucheng-token-1\n";
const REGISTRY_DOMAIN: &[u8] = b"liucheng-registry-1\n";

/// The documents and tokens of one epoch.
///
/// Documents come first, by kind and digest, then tokens by hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    documents: BTreeMap<(String, String), Hash>,
    tokens: BTreeMap<String, Hash>,
}

impl Registry {
    /// The registry of some documents and tokens.
    ///
    /// # Errors
    /// When there is no JSON form; none of the types can cause that.
    pub fn of(documents: &[KeptDocument], tokens: &[KeptToken]) -> Result<Self, serde_json::Error> {
        let mut registry = Self::default();
        documents
            .iter()
            .try_for_each(|document| registry.document(document))?;
        tokens.iter().try_for_each(|token| registry.token(token))?;
        Ok(registry)
    }

    /// Takes in a document.
    ///
    /// # Errors
    /// When there is no JSON form; none of the types can cause that.
    pub fn document(&mut self, document: &KeptDocument) -> Result<(), serde_json::Error> {
        let bytes = hex(&Sha256::digest(&document.bytes));
        let KeptDocument {
            kind,
            digest,
            id,
            version,
            position,
            ..
        } = document;
        let hash = entry(DOCUMENT, &(kind, digest, id, version, position, bytes))?;
        self.documents.insert((kind.clone(), digest.clone()), hash);
        Ok(())
    }

    /// Takes in a token.
    ///
    /// # Errors
    /// When there is no JSON form; none of the types can cause that.
    pub fn token(&mut self, token: &KeptToken) -> Result<(), serde_json::Error> {
        let KeptToken {
            hash,
            actor,
            roles,
            at,
            ..
        } = token;
        let entry = entry(TOKEN, &(hash, actor, roles, at))?;
        self.tokens.insert(hash.clone(), entry);
        Ok(())
    }

    /// How many documents and tokens there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        (self.documents.len() + self.tokens.len()) as u64
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The leaf that stands for all of them in an epoch.
    #[must_use]
    pub fn leaf(&self, epoch: u64) -> Leaf {
        let mut hasher = Sha256::new();
        hasher.update(REGISTRY_DOMAIN);
        for hash in self.documents.values().chain(self.tokens.values()) {
            hasher.update(hash);
        }
        Leaf {
            project: REGISTRY,
            epoch,
            version: self.len(),
            head: hex(&hasher.finalize()),
        }
    }
}

fn entry(domain: &[u8], fields: &impl serde::Serialize) -> Result<Hash, serde_json::Error> {
    let json = serde_json::to_vec(fields)?;
    Ok(Sha256::new()
        .chain_update(domain)
        .chain_update(json)
        .finalize()
        .into())
}
