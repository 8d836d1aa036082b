//! Epochs in memory.

use async_trait::async_trait;

use super::{MemoryStore, Tables};
use crate::{
    audit::{
        journal::{self, Act},
        registry::Registry,
        seal::next_epoch,
    },
    ports::{
        AuditStore, CommitError, Dossier, Epoch, Instant, JOURNAL, KeptDocument, KeptMail,
        KeptToken, Leaf, ProjectId, REGISTRY, ReadError, RecordRow, SEAL_MAX, Seal, TokenAct,
        TokenChange,
    },
};

#[async_trait]
impl AuditStore for MemoryStore {
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError> {
        Ok(self.tables().unsealed.len().min(limit as usize) as u64)
    }

    async fn seal(&self, seal: Seal) -> Result<Option<Epoch>, CommitError> {
        self.tables().seal(&seal)
    }

    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError> {
        Ok(self.tables().epochs.last().cloned())
    }

    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError> {
        let tables = self.tables();
        let later = tables.epochs.iter().filter(|epoch| epoch.number > after);
        Ok(later.take(limit as usize).cloned().collect())
    }

    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError> {
        let tables = self.tables();
        let leaves = tables.leaves.values().filter(|leaf| leaf.epoch == epoch);
        Ok(leaves.take(limit as usize).cloned().collect())
    }

    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError> {
        let tables = self.tables();
        let after = after.unwrap_or(REGISTRY);
        let later = tables.projects.keys().filter(|id| **id > after);
        Ok(later.take(limit as usize).copied().collect())
    }

    async fn dossier(&self, id: ProjectId) -> Result<Dossier, ReadError> {
        self.tables().dossier(id)
    }

    async fn kept_documents(
        &self,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<KeptDocument>, ReadError> {
        let mut kept = self.tables().kept_documents();
        kept.sort_by(|a, b| (&a.kind, &a.digest).cmp(&(&b.kind, &b.digest)));
        kept.retain(|d| {
            after
                .as_ref()
                .is_none_or(|a| (&d.kind, &d.digest) > (&a.0, &a.1))
        });
        kept.truncate(limit as usize);
        Ok(kept)
    }

    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError> {
        let mut kept = self.tables().kept_tokens();
        kept.retain(|token| after.as_ref().is_none_or(|after| token.hash > *after));
        kept.truncate(limit as usize);
        Ok(kept)
    }

    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError> {
        let records = self.tables().journal();
        let mut records = records.map_err(|error| ReadError::Unavailable(error.to_string()))?;
        records.retain(|record| record.seq > after);
        records.truncate(limit as usize);
        Ok(records)
    }
}

impl Tables {
    /// The journal with its first record.
    fn journal(&self) -> Result<Vec<RecordRow>, serde_json::Error> {
        let mut records = journal::beginning(Vec::new(), Instant(0))?;
        records.extend(self.journal.iter().cloned());
        Ok(records)
    }

    pub(super) fn change_token(&mut self, act: TokenAct) -> Result<(), CommitError> {
        let failed = |error: serde_json::Error| CommitError::Unavailable(error.to_string());
        let TokenAct { by, at, change } = act;
        let act = match change {
            TokenChange::Made(token) if self.tokens.contains_key(&token.hash) => return Ok(()),
            TokenChange::Made(token) => {
                self.tokens.insert(token.hash.clone(), token.clone());
                Act::TokenMade(token)
            }
            TokenChange::Revoked(hash) => match self.tokens.get(&hash) {
                Some(token) if !self.revoked.contains_key(&hash) => {
                    self.revoked.insert(hash, at);
                    Act::TokenRevoked(token.clone())
                }
                _ => return Ok(()),
            },
        };
        let last = self.journal().map_err(failed)?.pop();
        let record = journal::next(last.as_ref(), &by, at, act).map_err(failed)?;
        self.journal.push(record);
        Ok(())
    }

    fn seal(&mut self, seal: &Seal) -> Result<Option<Epoch>, CommitError> {
        let failed = |error: serde_json::Error| CommitError::Unavailable(error.to_string());
        let number = Epoch::number_after(self.epochs.last());
        if seal.unmarked {
            let last = |id: &ProjectId| self.leaves.range((*id, 0)..=(*id, u64::MAX)).next_back();
            let sealed = |id: &ProjectId| last(id).map_or(0, |(_, leaf)| leaf.version);
            let projects = self.projects.iter();
            let changed = projects.filter(|(id, row)| row.version > sealed(id));
            let changed: Vec<ProjectId> = changed.map(|(id, _)| *id).collect();
            self.unsealed.extend(changed);
        }
        let changed = self.unsealed.iter().take(SEAL_MAX as usize);
        let rows = changed.filter_map(|id| self.projects.get(id));
        let mut leaves: Vec<Leaf> = rows
            .map(|row| Leaf {
                project: row.id,
                epoch: number,
                version: row.version,
                head: row.head.clone(),
            })
            .collect();
        let mut documents = self.kept_documents();
        documents.retain(|document| document.epoch.is_none());
        documents.truncate(SEAL_MAX as usize);
        let mut tokens = self.kept_tokens();
        tokens.retain(|token| token.epoch.is_none());
        tokens.truncate(SEAL_MAX as usize);
        let registry = Registry::of(&documents, &tokens).map_err(failed)?;
        let last = self.journal().map_err(failed)?.pop();
        let mut sealed = self.leaves.range((JOURNAL, 0)..=(JOURNAL, u64::MAX));
        let sealed = sealed.next_back().map_or(0, |(_, leaf)| leaf.version);
        if let Some(leaf) = journal::leaf(last.as_ref(), sealed, number) {
            leaves.push(leaf);
        }
        if !registry.is_empty() {
            leaves.insert(0, registry.leaf(number));
        }
        if leaves.is_empty() {
            return Ok(None);
        }
        let epoch = next_epoch(self.epochs.last(), &leaves, seal)?;
        for leaf in leaves {
            self.unsealed.remove(&leaf.project);
            self.leaves.insert((leaf.project, number), leaf);
        }
        let documents = documents.into_iter().map(|d| ((d.kind, d.digest), number));
        self.document_epochs.extend(documents);
        self.token_epochs
            .extend(tokens.into_iter().map(|token| (token.hash, number)));
        self.epochs.push(epoch.clone());
        Ok(Some(epoch))
    }

    fn dossier(&self, id: ProjectId) -> Result<Dossier, ReadError> {
        let mut mails = Vec::new();
        for mail in self.mail.iter().filter(|mail| mail.row.project == id) {
            let place = self.mail_places.get(&(id, mail.row.key.clone()));
            let (seq, ordinal) = place.copied().unwrap_or_default();
            mails.push(KeptMail {
                key: mail.row.key.clone(),
                seq,
                ordinal,
                not_before: mail.row.not_before,
                attempts: u64::from(mail.row.attempts),
                state: mail.state,
                mail: serde_json::to_string(&mail.row.mail)
                    .map_err(|error| ReadError::Unavailable(error.to_string()))?,
            });
        }
        let of_project = |(key, _): &(&(ProjectId, String), _)| key.0 == id;
        let answers = self
            .answers
            .iter()
            .filter(|((project, _), _)| *project == id);
        Ok(Dossier {
            id,
            row: self.projects.get(&id).cloned(),
            unsealed: self.unsealed.contains(&id),
            leaves: self
                .leaves
                .range((id, 0)..=(id, u64::MAX))
                .map(|(_, leaf)| leaf.clone())
                .collect(),
            timers: self
                .timers
                .iter()
                .filter(of_project)
                .map(|(_, t)| t.clone())
                .collect(),
            mails,
            answers: answers.map(|(_, answer)| answer.clone()).collect(),
        })
    }

    fn kept_documents(&self) -> Vec<KeptDocument> {
        let mut positions: std::collections::BTreeMap<&str, u64> = Default::default();
        let mut kept = Vec::new();
        for document in &self.documents {
            let position = positions.entry(&document.kind).or_default();
            *position += 1;
            let key = (document.kind.clone(), document.digest.clone());
            kept.push(KeptDocument {
                kind: document.kind.clone(),
                digest: document.digest.clone(),
                id: document.id.clone(),
                version: document.version.clone(),
                position: *position,
                epoch: self.document_epochs.get(&key).copied(),
                bytes: document.bytes.clone(),
            });
        }
        kept
    }

    fn kept_tokens(&self) -> Vec<KeptToken> {
        let tokens = self.tokens.values();
        tokens
            .map(|token| KeptToken {
                hash: token.hash.clone(),
                actor: token.actor.clone(),
                roles: token.roles.clone(),
                at: token.at,
                revoked_at: self.revoked.get(&token.hash).copied(),
                epoch: self.token_epochs.get(&token.hash).copied(),
            })
            .collect()
    }
}
