//! Documents and tokens: what their digests say, and what was sealed.

use std::sync::Arc;

use liucheng_model::definition::{Definition, Source, hex};
use sha2::{Digest, Sha256};

use super::Verifier;
use crate::{
    audit::problem::{Code, Problem},
    error::CommandError,
    library::{DEFINITION, Sources},
    ports::KeptDocument,
};

impl Verifier<'_> {
    pub(super) fn document(&mut self, document: &KeptDocument) -> Result<(), CommandError> {
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
    pub(super) fn definition(&mut self, document: &KeptDocument) -> Option<String> {
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
    pub(super) fn registry_problems(&mut self) {
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
}
